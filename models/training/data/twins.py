"""Short translations between English and Chinese: a fact of a trade in both, with the same values.

The figures are the same in both languages, words are taken from the same place of both lists, and
names stay as they are; amounts are in yuan. Lists whose words do not mean the same are `APART`,
and what has them is left out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from models.training.data import fixed
from models.training.data.businesses import MONTHS, WEEKDAYS, Fact, Trade, load_trades
from models.training.data.corpus import Document, exchange, turn
from models.training.data.scene import Made

LANGUAGES = {"en": "English", "zh": "Chinese"}
APART: dict[str, tuple[str, ...]] = {
    "airline": ("lounge_for", "sport"),
    "car_rental": ("class_car",),
    "city_office": ("counter", "pay_by", "lang"),
    "clinic": ("doc", "doc2", "lang"),
    "driving_school": ("teacher",),
    "fashion_shop": ("cut", "tier", "wallet"),
    "hotel": ("id_doc", "buffet_room", "charge_place", "diet", "tier", "see"),
    "museum": ("cafe_at", "paid_by"),
    "online_shop": ("courier", "member"),
    "outdoor_shop": ("floor", "no_ship"),
    "parcel": ("shop", "safe_place", "form"),
    "railway": ("quiet_coach", "food_place", "lost_place"),
    "restaurant": ("cash_alt",),
    "software": ("plan_a", "plan_b", "plan_c", "pay_by", "region", "chat_tool", "old_tool", "lang"),
    "streaming": (),
    "supermarket": ("order_until", "partner"),
    "telecom": ("sms_word",),
    "utility": ("app",),
}
"""By trade, slots whose lists differ."""
CITIES = (
    ("Leeds", "利兹"), ("Bristol", "布里斯托尔"), ("Toronto", "多伦多"), ("Denver", "丹佛"),
    ("Dublin", "都柏林"),
    ("Hamburg", "汉堡"), ("Lyon", "里昂"), ("Perth", "珀斯"), ("Oslo", "奥斯陆"),
    ("Hangzhou", "杭州"), ("Chengdu", "成都"), ("Nanjing", "南京"), ("Wuhan", "武汉"),
    ("Xi'an", "西安"), ("Qingdao", "青岛"), ("Xiamen", "厦门"), ("Suzhou", "苏州"),
    ("Tianjin", "天津"),
)  # fmt: skip
MONTHS_IN_WORDS = (
    "一月", "二月", "三月", "四月", "五月", "六月",
    "七月", "八月", "九月", "十月", "十一月", "十二月",
)  # fmt: skip
"""A figure that the English does not have is none that was kept."""
GREETINGS = (
    ("Hello,", "您好，"), ("Hi,", "你好，"), ("Good morning,", "早上好，"),
    ("Good evening,", "晚上好，"),
    ("Dear team,", "客服您好，"), ("Hi there, a quick question:", "你好，问个小问题："),
    ("Hello, I have a question.", "您好，我有个问题。"), ("Excuse me,", "请问一下，"),
)  # fmt: skip
REMARKS = (
    ("I have been waiting for days.", "我已经等了好几天了。"),
    ("I am really disappointed.", "我真的很失望。"),
    ("This is the second time I am asking.", "我已经是第二次问了。"),
    ("Nobody answers the phone.", "电话一直没人接。"),
    ("I am very angry about this.", "我对此非常生气。"),
    ("This is unacceptable!", "这让人无法接受！"),
    ("I could not find it on your website.", "我在你们网站上没有找到。"),
    ("It is urgent.", "这件事很急。"),
    ("I am a new customer.", "我是新客户。"),
    ("Your service was great so far.", "到目前为止你们的服务很好。"),
    ("Everything was perfect, thank you!", "一切都很完美，谢谢！"),
    ("I am asking for my mother.", "我是替我母亲问的。"),
    ("I am not sure whether I understood it correctly.", "我不确定自己理解得对不对。"),
    ("My colleague told me something else.", "我同事跟我说的不一样。"),
    ("I already wrote an email last week.", "我上周已经发过邮件了。"),
    ("Sorry to bother you again.", "抱歉再次打扰。"),
)
THANKS = (
    ("Thank you!", "谢谢！"), ("Thanks in advance.", "先谢谢了。"), ("Many thanks!", "非常感谢！"),
    ("Please reply soon.", "请尽快回复。"), ("Thank you for your help.", "感谢您的帮助。"),
)  # fmt: skip
LEADS = (
    ("Thank you for your message.", "感谢您的留言。"),
    ("I am sorry for the trouble.", "很抱歉给您带来不便。"),
    ("Thank you for your question.", "谢谢您的提问。"),
    ("I understand that this is annoying.", "我理解这让人心烦。"),
    ("I am glad to hear that!", "很高兴听到您这么说！"),
    ("Of course, I can help you with that.", "当然，我可以帮您。"),
    ("I have looked into it for you.", "我已经为您查过了。"),
    ("Sorry for the late reply.", "抱歉回复晚了。"),
    ("A colleague will contact you.", "会有同事与您联系。"),
    ("Thank you for your patience.", "感谢您的耐心等待。"),
)
CLOSINGS = (
    ("I hope this helps.", "希望对您有帮助。"),
    ("Is there anything else I can do for you?", "请问还有什么可以帮您的吗？"),
    ("Just ask if anything is unclear.", "如有不清楚的地方，请随时问我。"),
    ("Have a nice day!", "祝您愉快！"),
    ("Please let us know if it works.", "请告诉我们是否解决了。"),
    ("Kind regards, your team", "此致，客服团队敬上"),
)
QUESTION, GREETED, REMARKED, THANKED, LED, CLOSED, SECOND = 0.5, 0.4, 0.45, 0.35, 0.5, 0.4, 0.35
"""How often a customer's question is translated, not a reply, and how often each part is there."""

_SLOT = re.compile(r"\{(\w+)(!?)\}")
EVERYWHERE = {"business", "cur", "email", "phone", "url", "opens", "closes"}
"""Slots that read the same in both languages."""
Pair = tuple[str, str]
"""English, Chinese."""


class Values:
    """What stands in the slots, in both languages."""

    def __init__(self, trades: tuple[Trade, Trade], business: str, rng: random.Random) -> None:
        self._rng = rng
        host = f"{''.join(rng.choices('bcdfghklmnprstvw', k=3))}{rng.choice('aeiou')}.example"
        self._options: dict[str, Sequence[Pair]] = dict(_words(trades))
        for slot, numbers in trades[0].numbers.items():
            self._options[slot] = [(str(n), str(n)) for n in numbers]
        for slot, text in (
            ("business", business),
            ("cur", "¥"),
            ("email", f"help@{host}"),
            ("phone", f"0{rng.randint(100, 999)} {rng.randint(100_000, 999_999)}"),
            ("url", f"{host}/{rng.choice(('help', 'service', 'my', 'faq'))}"),
            ("opens", f"{rng.randint(6, 11)}:00"),
            ("closes", f"{rng.randint(16, 22)}:30"),
        ):
            self._options[slot] = [(text, text)]
        self._chosen: dict[str, Pair] = {}

    def fill(self, text: str, into: int, wrong: Mapping[str, Pair]) -> str:
        """`wrong`: what stands for the slots whose value is another than the true one."""

        def value(found: re.Match[str]) -> str:
            slot = found[1]
            chosen = wrong[slot] if found[2] else self.true(slot)
            return chosen[into]

        return _SLOT.sub(value, text)

    def true(self, slot: str) -> Pair:
        if slot not in self._chosen:
            self._chosen[slot] = self._rng.choice(self._options[slot])
        return self._chosen[slot]

    def other(self, slot: str) -> Pair:
        true = self.true(slot)
        return self._rng.choice([o for o in self._options[slot] if o != true] or [true])

    def both(self, texts: Pair) -> Pair:
        slots = {found[0] for text in texts for found in _SLOT.findall(text) if found[1]}
        wrong = {slot: self.other(slot) for slot in sorted(slots)}
        return self.fill(texts[0], 0, wrong), self.fill(texts[1], 1, wrong)


def _words(trades: tuple[Trade, Trade]) -> Iterator[tuple[str, Sequence[Pair]]]:
    english, chinese = trades
    apart = APART.get(english.file, ())
    for slot in sorted(english.words.keys() & chinese.words.keys()):
        lists = english.words[slot], chinese.words[slot]
        if slot not in apart and len(lists[0]) == len(lists[1]):
            yield slot, list(zip(*lists, strict=True))
    yield "city", CITIES
    yield "month", list(zip(MONTHS["en"], MONTHS_IN_WORDS, strict=True))
    days = list(zip(WEEKDAYS["en"], WEEKDAYS["zh"], strict=True))
    yield "weekday", days[:3]
    yield "weekday2", days[3:]


@dataclass(frozen=True)
class Told:
    """What can be told in both languages of a trade, with slots."""

    trades: tuple[Trade, Trade]
    questions: list[Pair]
    sentences: list[Pair]


@cache
def told_in_both(held_out: bool, new_business: bool) -> tuple[Told, ...]:
    english, chinese = (
        load_trades(language, held_out=held_out, new_business=new_business)
        for language in ("en", "zh")
    )
    return tuple(map(_told, zip(english, chinese, strict=True)))


def _told(trades: tuple[Trade, Trade]) -> Told:
    facts = [
        (one, other)
        for page, twin in zip(trades[0].pages, trades[1].pages, strict=True)
        for one, other in zip(page.facts, twin.facts, strict=True)
    ]
    known = {slot for slot, _ in _words(trades)} | set(trades[0].numbers) | EVERYWHERE
    questions = [pair for one, other in facts for pair in _questions(one, other)]
    sentences = [pair for one, other in facts for pair in _sentences(one, other)]
    return Told(
        trades,
        [pair for pair in questions if _corresponds(pair, known)],
        [pair for pair in sentences if _corresponds(pair, known)],
    )


def _questions(one: Fact, other: Fact) -> Iterator[Pair]:
    """Those to be answered with yes or no: of the others each language has its own."""
    for asked, twins in ((one.yes, other.yes), (one.no, other.no)):
        if len(asked) == len(twins) == 1:
            yield asked[0], twins[0]


def _sentences(one: Fact, other: Fact) -> Iterator[Pair]:
    yield one.page[0], other.page[0]
    yield one.answer[0], other.answer[0]


def _corresponds(pair: Pair, known: set[str]) -> bool:
    english, chinese = (list(_SLOT.findall(text)) for text in pair)
    slots = [{one for one in found if one[0] not in ("cur", "business")}
             for found in (english, chinese)]  # fmt: skip
    named = [("business", "") in found for found in (english, chinese)]
    return slots[0] == slots[1] and named[0] == named[1] and {s for s, _ in english} <= known


def translated(rng: random.Random, *, held_out: bool = False, new_business: bool = False) -> Made:
    """A customer's message, or a reply, in the other language."""
    told = rng.choice(told_in_both(held_out, new_business))
    source, target = rng.choice(((0, 1), (1, 0)))
    business = rng.choice(told.trades[source].businesses)
    values = Values(told.trades, business, rng)
    parts = _message(told, rng) if rng.random() < QUESTION else _reply(told, rng)
    texts = joined([values.both(part) for part in parts])
    languages = list(LANGUAGES)
    prompt = turn("system", fixed.TRANSLATE.format(language=LANGUAGES[languages[target]]))
    asked = f"<message>\n{texts[source]}\n</message>"
    document: Document = [(prompt, False), *exchange(asked, texts[target])]
    trade = told.trades[source]
    return Made("translation", languages[source], trade.file, business, document)


def _message(told: Told, rng: random.Random) -> list[Pair]:
    parts = [rng.choice(told.questions)]
    if rng.random() < SECOND:
        parts.append(rng.choice(told.questions))
    if rng.random() < REMARKED:
        parts.insert(rng.choice((0, len(parts))), rng.choice(REMARKS))
    if rng.random() < GREETED:
        parts.insert(0, rng.choice(GREETINGS))
    if rng.random() < THANKED:
        parts.append(rng.choice(THANKS))
    return list(dict.fromkeys(parts))


def _reply(told: Told, rng: random.Random) -> list[Pair]:
    parts = [rng.choice(told.sentences)]
    if rng.random() < SECOND:
        parts.append(rng.choice(told.sentences))
    if rng.random() < LED:
        parts.insert(0, rng.choice(LEADS))
    if rng.random() < CLOSED:
        parts.append(rng.choice(CLOSINGS))
    return list(dict.fromkeys(parts))


def joined(parts: Sequence[Pair]) -> Pair:
    """One text of each language; a list stands in lines of its own."""
    english, chinese = (list(text) for text in zip(*parts, strict=True))
    for place, (before, text) in enumerate(pairwise(english), 1):
        if before.endswith(",") and not text.startswith(("I ", "I'")):
            english[place] = text[:1].lower() + text[1:]
    if any("\n" in text for text in english):
        return "\n".join(english), "\n".join(chinese)
    return " ".join(english), "".join(chinese)
