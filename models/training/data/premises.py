"""Customers who take something for granted: mostly what is not so, now and then what is.

The claim is a sentence of a page, one value of it changed, in the customer's mouth; the reply says
whether it holds and tells what the page tells.
"""

from __future__ import annotations

import re
from itertools import islice

from models.training.data import phrases
from models.training.data.businesses import HelpPage, Told
from models.training.data.corpus import Document, exchange, question_with_passages, system_of
from models.training.data.scene import Asked, Scene, questions
from models.training.data.turns import as_typed, reply, turn

TRUE = 0.35
"""Claims that hold: whoever says "right?" is not always wrong."""
BEFORE = 0.3
"""A claim that stands after a first question."""
ATTEMPTS = 40

_SLOT = re.compile(r"\{(\w+)\}")
_STATES = re.compile(r"(?:You|We|Your|Our|The|A|An|It|There|Each|Every|All) ")
_VERB = (
    r"(?=(?:can|may|must|have|need|pay|get|will|do|cannot|want|lose|keep|order|ask|send|save)\b)"
)
_OBJECT = re.compile(
    r"\b(for|to|with|of|from|by|give|send|call|tell|charge|lend|offer|bring|refund|cost|costs|"
    r"gives|help|contact|reach|text|write|pay) you\b"
)

FRAMES = {
    "en": [
        "{Claim}, right?", "{Claim}, correct?", "So {claim}?", "I was told that {claim}.",
        "Is it true that {claim}?", "I thought {claim}?", "I read somewhere that {claim}.",
        "A friend says {claim}. Is that so?", "Can you confirm that {claim}?",
        "Last time I was told {claim}, is that still so?", "{Claim}, isn't that how it is?",
        "Since {claim}, I assume I am fine?", "your colleague said {claim}",
    ],
    "zh": [
        "{claim}，对吧？", "{claim}，没错吧？", "听说{claim}，是这样吗？",
        "我记得{claim}，对不对？", "之前客服说{claim}，还是这样吗？", "{claim}，是吗？",
        "请确认一下，{claim}，对吗？", "朋友告诉我{claim}", "不是说{claim}吗？",
    ],
}  # fmt: skip
DENIALS = {
    "en": [
        "[No|Sorry, no|I am afraid not|Not quite|That is not right|That is not correct].",
        "[No|Not quite], [our help pages say otherwise|that is not what our help pages say].",
        "[It is different|It is not like that], [I am afraid|I am sorry].",
        "[There seems to be a misunderstanding|That must be a mistake].",
    ],
    "zh": [
        "[不是的|不对|并不是|抱歉，不是这样|不完全对] 。",
        "[抱歉|不好意思] ， [帮助页面上不是这么说的|这里有点误会] 。",
    ],
}
ASSENTS = {
    "en": ["[Yes|That is right|Correct|Exactly|Yes, that is so|Yes, you are right].",
           "[Yes|Right], [that is what our help pages say|our help pages say so]."],
    "zh": ["[是的|对的|没错|您说得对|确实如此] 。", "[是的|没错] ， 帮助页面是这样说明的 。"],
}  # fmt: skip


def assumed(scene: Scene) -> Document | None:
    """One turn or two; None where no fact of the business can be claimed."""
    rng, language = scene.rng, scene.language
    found = _claimed(scene)
    if found is None:
        return None
    page, told, claim, is_true = found
    spans: Document = [(system_of(scene.business.name), False)]
    if rng.random() < BEFORE:
        spans += turn(next(islice(questions(scene), 1)), scene)
    frame = rng.choice(FRAMES[language])
    question = frame.replace("{Claim}", claim).replace("{claim}", _within(claim))
    asked = scene.about(question, page, (told,))
    mood = rng.choices(phrases.MOODS, weights=(3, 7, 1))[0]
    shown = question_with_passages(
        asked.passages, as_typed(asked.question, mood, language, rng), mood
    )
    return spans + exchange(shown, _reply(asked, mood, scene, is_true=is_true))


def _reply(asked: Asked, mood: str, scene: Scene, *, is_true: bool) -> str:
    if not asked.told:
        return reply(asked, mood, scene.language, scene.rng)
    words = (ASSENTS if is_true else DENIALS)[scene.language]
    verdict = phrases.phrase(words, scene.language, scene.rng)
    wordings = (asked.told[0].page, *asked.told[0].answers)
    said = scene.rng.choice([one for one in wordings if _is_claimable(one)])
    return f"{verdict}{' ' if scene.language == 'en' else ''}{said}"


def _claimed(scene: Scene) -> tuple[HelpPage, Told, str, bool] | None:
    """A page of the business, a fact of it, and what is claimed of it."""
    for _ in range(ATTEMPTS):
        page = scene.rng.choice(scene.business.pages)
        told = scene.rng.choice(page.facts)
        if not _is_claimable(told.page):
            continue
        is_true = scene.rng.random() < TRUE
        if claim := claim_of(told, scene, is_true=is_true):
            return page, told, claim, is_true
    return None


def claim_of(told: Told, scene: Scene, *, is_true: bool) -> str:
    """Empty where no wording of the fact suits a customer. What is made wrong is a figure: of
    another word the page may say nothing, and then nobody can say no."""
    wordings = [one for one in (*told.fact.page, *told.fact.answer) if _is_claimable(one)]
    pattern = scene.rng.choice(wordings)
    slots = [slot for slot in _SLOT.findall(pattern) if pattern.count(f"{{{slot}}}") == 1]
    if not is_true:
        figures = [slot for slot in slots if slot in scene.trade.numbers]
        if not figures:
            return ""
        slot = scene.rng.choice(figures)
        wrong = scene.business.values.wrong(slot, scene.rng)
        if wrong == scene.fill(f"{{{slot}}}"):
            return ""
        pattern = pattern.replace(f"{{{slot}}}", wrong)
    return by_customer(scene.fill(pattern), scene.language)


def _is_claimable(text: str) -> bool:
    """One sentence of running text."""
    return (
        "\n" not in text and text[:2] != "- " and len(re.findall(r"[.。；;:：](?: |$|.)", text)) < 2
    )


def by_customer(sentence: str, language: str) -> str:
    """A sentence of ours, as the customer says it; empty where that would read wrong."""
    sentence = sentence.rstrip(".。")
    if language == "zh":
        if re.search("请|本页", sentence):
            return ""
        said = re.sub("本(?:店|公司|行|馆|所|院|诊所|餐厅|酒店|校|司)", "你们", sentence)
        return said.replace("我们", "你们").replace("您", "我")
    if not _STATES.match(sentence) or "please" in sentence:
        return ""
    said = _OBJECT.sub(r"\1 me", sentence)
    said = re.sub(rf"\b[Yy]ou {_VERB}", "I ", said)
    if re.search(r"\b[Yy]ou\b", said):
        return ""
    said = re.sub(r"\byour\b", "my", re.sub(r"\bYour\b", "My", said))
    for ours, theirs in (("we", "you"), ("our", "your"), ("us", "you")):
        for word, other in ((ours, theirs), (ours.capitalize(), theirs.capitalize())):
            said = re.sub(rf"\b{word}\b", other, said)
    return said


def _within(claim: str) -> str:
    """Inside of another sentence."""
    return (
        claim
        if re.match(r"I\b", claim) or not claim[:1].isascii()
        else claim[:1].lower() + claim[1:]
    )
