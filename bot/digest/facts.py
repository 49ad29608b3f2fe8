"""What must not be lost of a conversation: names, order numbers, dates, amounts, what was promised,
and what the customer has tried already. Patterns, so that a small model cannot lose them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.conversation import Message, Role
from bot.sentences import split_sentences
from bot.text import cut

READ = 4_000
"""Characters of a message that are looked at."""
LONGEST = 200
"""Characters of a fact."""


class Kind(StrEnum):
    NAME = "name"
    ORDER = "order"
    DATE = "date"
    AMOUNT = "amount"
    TRIED = "tried"
    """By the customer, before or during the conversation."""
    PROMISE = "promise"
    """Of an agent."""


@dataclass(frozen=True, slots=True)
class Fact:
    kind: Kind
    text: str
    message: str
    """The id of the first that says so."""


_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
    r"|januar|februar|märz|mai|juni|juli|oktober|dezember)"
)
_WEEKDAY = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag"
)
_DATE = re.compile(
    r"\b\d{4}-\d{2}-\d{2}\b"
    r"|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?:of\s+)?{_MONTH}\b(?:\s+\d{{4}}\b)?"
    rf"|\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}}\b)?"
    rf"|\b(?:(?:next|last|this|on|by|until|since|am|bis|seit)\s+)?(?:{_WEEKDAY})\b"
    r"|\b(?:tomorrow|yesterday|tonight|morgen|gestern)\b"
    r"|(?:\d{4}年)?\d{1,2}月\d{1,2}[日号]"
    r"|(?:下|上|这|本)?(?:周|星期|礼拜)[一二三四五六日天]|明天|后天|昨天|前天",
    re.IGNORECASE | re.ASCII,  # a Chinese character is no letter of a Latin word
)
_AMOUNT = re.compile(
    r"(?:[€$£¥￥]\s?\d[\d.,]{0,15}\d|[€$£¥￥]\s?\d)"
    r"|\b\d[\d.,]{0,15}\s?(?:€|£|euros?|eur|usd|gbp|dollars?|pounds?)(?!\w)"
    r"|\d[\d.,]{0,15}\s?(?:元|块钱?|欧元?|美元)",
    re.IGNORECASE | re.ASCII,
)
_CODE = re.compile(r"(?<![\w-])(?:[A-Z]{1,4}-?\d{4,12}|#\s?\d{3,12})(?![\w-])", re.ASCII)
_NUMBERED = re.compile(
    r"(?:\b(?:order|bestell\w*|auftrag\w*|commande|pedido|invoice|return|parcel|tracking|rechnung\w*)"
    r"(?:\s?(?:no\.?|nr\.?|number|nummer|id|numéro|número|is|ist|:|#)){0,4}\s?"
    r"|(?:订单|单|运单|快递)(?:编)?号?\s?(?:码)?(?:是|为|：|:)?\s?)"
    r"#?([A-Z]{0,4}-?\d{4,15})(?![\w-]|[/.,]\d|\s?(?:€|£|\$|eur|usd|gbp|dollar|pound))",
    re.IGNORECASE | re.ASCII,
)
_NAME = re.compile(
    r"\b(?:[Mm]y name(?:'s| is)|[Ii]ch heiße|[Mm]ein Name ist|[Jj]e m'appelle|[Mm]e llamo)\s+"
    r"(?P<latin>[A-ZÀ-Þ][\w'’-]*(?:\s+[A-ZÀ-Þ][\w'’-]*){0,2})"
    r"|(?:我叫|我的名字(?:是|叫)|姓名(?:是|：|:)?)\s?(?P<han>[\u4e00-\u9fff]{2,4}?|[A-Z][a-z]+)"
    r"(?=[，。,.！!；;、\s]|$|我|订|单)"
)
TRIED = re.compile(
    r"\bI(?:'ve| have| had)?\s+(?:already|tried|just tried|even tried)\b|\btried (?:it )?again\b"
    r"|\bI(?:'ve| have) (?:\w+ed|done|sent|written|been|reset|gone)\b"
    r".{0,200}\b(?:twice|times|already|again)\b"
    r"|\b(?:already|twice) (?:tried|did|done)\b"
    r"|\bhabe\b.{0,200}\b(?:schon|bereits|mehrmals|zweimal|versucht|probiert)\b"
    r"|我(?:已经|都已|试过|试了|重启|重新)|已经.{0,12}(?:了|过)|试过",
    re.IGNORECASE,
)
_PROMISE = re.compile(
    r"\b(?:I|we|you)(?:'ll|’ll| will)\b(?!\s+(?:not|need|close)\b)"
    r"|\b(?:ich|wir)\b.{0,20}\bwerden?\b|\bwerden?\s+(?:ich|wir)\b"
    r"|\b(?:ich|wir)\s+(?:rufe|schicke|sende|melde|erstatte|prüfe|kümmer)\w*\b"
    r"|(?:我|我们|咱们)(?:会|将|马上|今天|明天|稍后)",
    re.IGNORECASE,
)


def facts(messages: Sequence[Message]) -> tuple[Fact, ...]:
    """Oldest first, each once: said again, it rests on the first message."""
    found: dict[tuple[Kind, str], Fact] = {}
    for message in messages:
        if message.role is Role.ASSISTANT:
            continue  # it quotes help pages: their dates and amounts are nobody's own
        for kind, text in _said(message):
            key = kind, text.casefold()
            found.setdefault(key, Fact(kind, text, message.id))
    return tuple(found.values())


def _said(message: Message) -> Iterator[tuple[Kind, str]]:
    text = _beginning(message.text)
    is_customers = message.role is Role.CUSTOMER
    for name in _NAME.finditer(text) if is_customers else ():
        yield Kind.NAME, _clean(name["latin"] or name["han"])
    for number in _order_numbers(text):
        yield Kind.ORDER, number
    for date in _DATE.finditer(text):
        yield Kind.DATE, _clean(date[0])
    for amount in _AMOUNT.finditer(text):
        yield Kind.AMOUNT, _clean(amount[0])
    pattern, kind = (TRIED, Kind.TRIED) if is_customers else (_PROMISE, Kind.PROMISE)
    for sentence in split_sentences(text):
        if pattern.search(sentence):
            yield kind, _clean(sentence)


def _beginning(text: str) -> str:
    """Of a long text, without the word that is cut: half a number is none."""
    if len(text) > READ:
        text = re.sub(r"[\w.,:/#€$£-]{1,40}$", "", text[:READ], flags=re.ASCII)
    return re.sub(r"[ \t]+", " ", text)


def _order_numbers(text: str) -> Iterator[str]:
    spans: list[tuple[int, int]] = []
    for found in _NUMBERED.finditer(text):
        spans.append(found.span(1))
        yield _clean(found[1])
    for code in _CODE.finditer(text):
        if not any(start < code.end() and code.start() < end for start, end in spans):
            yield _clean(code[0]).lstrip("# ")


def _clean(text: str) -> str:
    return cut(" ".join(text.split()), LONGEST)
