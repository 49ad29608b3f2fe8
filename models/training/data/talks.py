"""Whole conversations with a business, and what a careful reader would know of each: how it went,
how it ended, and what is still to be done."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import islice

from models.training.data import fixed, phrases
from models.training.data.businesses import Told
from models.training.data.person import ANGRY_REMARKS, WISHES, YES
from models.training.data.scene import Asked, Scene, questions
from models.training.data.turns import as_typed, reply

CUSTOMER, BOT, AGENT = "customer", "bot", "agent"
ENDINGS = {
    "thanked": 5, "left": 3, "denied": 2, "unknown": 2, "asked": 3, "accepted": 2,
    "nothing found": 1, "anger": 2,
}  # fmt: skip
"""How often each happens. From "asked" on a person is called."""
CALLED = ("asked", "accepted", "nothing found", "anger")
ANSWERED, PROMISED = 0.6, 0.6
"""Called persons who answer, and answers that promise something."""
NUMBERED, NAMED, TRIED = 0.3, 0.2, 0.2
"""First messages with an order's number, a name, what the customer did before."""

NAMES = {
    "en": ("Mia", "Jonas", "Priya", "Tom", "Aylin", "Grace", "Marek", "Leila", "Owen", "Sofia"),
    "zh": ("小林", "小周", "阿敏", "小赵", "晓燕", "小何", "婷婷", "小郭", "志强", "小孙"),
}
CUSTOMERS = {
    "en": ("Anna Berg", "Luis Ortega", "Kate Moss-Reid", "Ben Adler", "Noor Haddad", "Ivy Chen",
           "Paul Simmons", "Rosa Lind", "Sam Okoro", "Nina Fox"),
    "zh": ("王建国", "李思远", "陈晓梅", "张伟", "刘洋", "赵敏", "黄嘉怡", "吴磊", "周婷", "徐静"),
}  # fmt: skip
REFERENCES = {
    "en": ["My [order|booking|reference|customer] number is {number}.", "It is about {number}.",
           "(number {number})", "Reference {number}."],
    "zh": ["我的[订单号|编号|客户号|预约号] 是 {number} 。", "编号 {number} 。",
           "（单号{number}）"],
}  # fmt: skip
INTRODUCED = {"en": ["My name is {name}.", "This is {name}."], "zh": ["我叫 {name} 。"]}
ATTEMPTS = {
    "en": [
        ("I have already called twice.", "had already called twice"),
        ("I already wrote you an email.", "had already written an email"),
        ("I have tried the website already.", "had already tried the website"),
        ("I've asked in the branch before.", "had already asked in the branch"),
        ("I already looked through your pages.", "had already looked through our pages"),
        ("I have waited for days already.", "had already waited for days"),
    ],
    "zh": [
        ("我已经打过两次电话了。", "之前已经打过两次电话"),
        ("我已经发过邮件了。", "之前已经发过邮件"),
        ("我已经在网站上试过了。", "之前已经在网站上试过"),
        ("我已经去店里问过了。", "之前已经去店里问过"),
        ("我已经把帮助页面看了一遍。", "之前已经看过帮助页面"),
    ],
}
"""What they say they did, and how it is told."""
DENIALS = {
    "en": ["[That does not help|That didn't help me|This is not what I asked|No, that is no help]"
           "[.|!|]"],
    "zh": ["[这没有用|没有解决我的问题|答非所问|这不是我想问的][。|！|]"],
}  # fmt: skip
HELLOS = {
    "en": [
        "[Hello|Hi|Good day], [this is {agent}|{agent} here|my name is {agent}][.| from the team.]"
    ],
    "zh": ["您好，[我是|这里是] 客服 {agent} 。"],
}
SETTLED = {
    "en": [
        ("I have changed it for you in our system.", "changed it for the customer"),
        ("I have corrected this, everything is in order now.", "corrected it"),
        ("I have looked it up: nothing more is needed from you.",
         "found that nothing more is needed"),
        ("I made an exception for you this time.", "made an exception"),
        ("I have sent you the form once more.", "sent the form once more"),
    ],
    "zh": [
        ("我已经在系统里帮您改好了。", "已在系统里改好"),
        ("已经为您更正，现在没有问题了。", "已作更正"),
        ("我查过了，您这边不需要再做什么。", "查明客户无需再做什么"),
        ("这次我为您破例处理了。", "这次破例处理"),
        ("表格我重新发给您了。", "重新发送了表格"),
    ],
}  # fmt: skip
PROMISES = {
    "en": [
        ("I will call you back on {day}.", "call the customer back on {day}"),
        ("I will check this with my colleagues and write to you by {day}.",
         "check it with colleagues and write by {day}"),
        ("We will send you a confirmation within {count} days.",
         "send a confirmation within {count} days"),
        ("I'll look into it and get back to you before {day}.",
         "look into it and get back before {day}"),
        ("We will refund {money} to you.", "refund {money}"),
        ("I will have the department call you within {count} hours.",
         "have the department call within {count} hours"),
    ],
    "zh": [
        ("我会在{day}给您回电话。", "在{day}给客户回电话"),
        ("我会和同事核实，{day}之前回复您。", "与同事核实，{day}之前回复"),
        ("我们会在{count}天内给您发确认。", "在{count}天内发确认"),
        ("我会跟进，{day}前答复您。", "跟进并在{day}前答复"),
        ("我们会给您退{money}。", "给客户退{money}"),
        ("我会让相关部门在{count}小时内联系您。", "让相关部门在{count}小时内联系客户"),
    ],
}  # fmt: skip
DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    "zh": ("周一", "周二", "周三", "周四", "周五", "明天"),
}


@dataclass
class Talk:
    language: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    """What the customer was answered."""
    missing: list[Asked] = field(default_factory=list)
    """What was not found."""
    ending: str = ""
    reference: str = ""
    tried: str = ""
    agent: str = ""
    settled: str = ""
    promise: str = ""

    def say(self, who: str, text: str) -> None:
        self.lines.append((who, text))


def draw_talk(scene: Scene) -> Talk:
    rng, language = scene.rng, scene.language
    talk = Talk(language)
    talk.ending = rng.choices(list(ENDINGS), weights=list(ENDINGS.values()))[0]
    asking = questions(scene)
    for number, asked in enumerate(islice(asking, _questions(talk.ending, rng))):
        mood = rng.choices(phrases.MOODS, weights=(3, 6, 1))[0]
        if talk.ending == "anger":
            mood = "negative"
        question = as_typed(asked.question, mood, language, rng)
        if talk.ending == "anger":
            question = _joined(phrases.phrase(ANGRY_REMARKS[language], language, rng), question,
                               language)  # fmt: skip
        talk.say(CUSTOMER, question if number else _introduced(question, talk, rng))
        talk.asked.append(asked)
        _answered(asked, mood, talk, rng)
    _ended(next(asking), talk, scene)
    return talk


def _questions(ending: str, rng: random.Random) -> int:
    return 2 if ending == "anger" else rng.choices((1, 2, 3), weights=(5, 3, 1))[0]


def _introduced(question: str, talk: Talk, rng: random.Random) -> str:
    language = talk.language
    if rng.random() < NAMED:
        said = phrases.phrase(INTRODUCED[language], language, rng)
        question = _joined(said.format(name=rng.choice(CUSTOMERS[language])), question, language)
    if rng.random() < NUMBERED:
        talk.reference = f"{rng.choice(('', '', 'A', 'KX-', 'R'))}{rng.randint(10_000, 9_999_999)}"
        said = phrases.phrase(REFERENCES[language], language, rng)
        question = _joined(question, said.format(number=talk.reference), language)
    if rng.random() < TRIED:
        said, talk.tried = rng.choice(ATTEMPTS[language])
        question = _joined(question, said, language)
    return question


def _answered(asked: Asked, mood: str, talk: Talk, rng: random.Random) -> None:
    if not asked.told:
        talk.say(BOT, fixed.UNKNOWN[talk.language])
        talk.missing.append(asked)
        return
    talk.say(BOT, reply(asked, mood, talk.language, rng))
    talk.told += asked.told


def _ended(last: Asked, talk: Talk, scene: Scene) -> None:
    rng, language = scene.rng, scene.language

    def phrase(patterns: list[str]) -> str:
        return phrases.phrase(patterns, language, rng)

    if talk.ending in ("unknown", "accepted", "nothing found"):
        _not_found(last, talk, rng)
    if talk.ending == "thanked" and not talk.missing:
        said, replies = phrases.SMALL_TALK[language]["thanks"]
        talk.say(CUSTOMER, phrase(said))
        talk.say(BOT, phrase(replies))
    elif talk.ending == "thanked":
        talk.ending = "left"
    elif talk.ending == "denied":
        talk.say(CUSTOMER, phrase(DENIALS[language]))
    elif talk.ending == "asked":
        talk.say(CUSTOMER, phrase(WISHES[language]))
        talk.say(BOT, fixed.HANDED_OFF[language])
    elif talk.ending == "accepted":
        talk.say(CUSTOMER, phrase(YES[language]))
        talk.say(BOT, fixed.HANDED_OFF[language])
    elif talk.ending == "anger":
        talk.say(CUSTOMER, phrase(ANGRY_REMARKS[language]))
        talk.say(BOT, fixed.ANGER[language])
    if talk.ending in CALLED and rng.random() < ANSWERED:
        _taken_over(talk, scene)


def _not_found(last: Asked, talk: Talk, rng: random.Random) -> None:
    talk.say(CUSTOMER, as_typed(last.question, "neutral", talk.language, rng))
    talk.asked.append(last)
    talk.missing.append(last)
    again = talk.ending == "nothing found"
    talk.say(BOT, (fixed.NOTHING_FOUND if again else fixed.UNKNOWN)[talk.language])


def _taken_over(talk: Talk, scene: Scene) -> None:
    rng, language = scene.rng, scene.language
    talk.agent = rng.choice(NAMES[language])
    hello = phrases.phrase(HELLOS[language], language, rng).format(agent=talk.agent)
    if rng.random() < PROMISED:
        said, told = rng.choice(PROMISES[language])
        amount = rng.randint(5, 400)
        values = {
            "day": rng.choice(DAYS[language]),
            "count": str(rng.choice((2, 3, 4, 5, 10, 14, 24, 48))),
            "money": f"{amount}元" if language == "zh" else f"{rng.choice('£$€')}{amount}",
        }
        said, talk.promise = said.format(**values), told.format(**values)
    else:
        said, talk.settled = rng.choice(SETTLED[language])
    talk.say(AGENT, _joined(hello, said, language))
    if rng.random() < 0.5:
        thanked, _ = phrases.SMALL_TALK[language]["thanks"]
        talk.say(CUSTOMER, phrases.phrase(thanked, language, rng))


def _joined(one: str, other: str, language: str) -> str:
    if language == "en":
        return f"{one} {other}"
    gap = "" if one.endswith(tuple("。！？，!?,. ）")) else "，"
    return f"{one}{gap}{other}"
