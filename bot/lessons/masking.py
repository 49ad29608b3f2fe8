"""Private data out of what is learnt. A model that has learnt a number by heart may say it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from unicodedata import decimal, normalize

from bot.conversation import Message, Role
from bot.digest.facts import Kind, facts
from bot.sentences import split_sentences

_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}")
_HAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_PATTERNS = {
    "e-mail": re.compile(
        rf"(?:(?:(?![{_HAN}])[^\s@<>()\[\],;:\"、。]){{1,64}}|[{_HAN}]{{1,4}})"
        rf"@(?:(?:(?![{_HAN}])[\w-])+|[{_HAN}]{{1,8}})(?:\.(?:(?:(?![{_HAN}])[\w-])+|[{_HAN}]{{1,8}}))+"
    ),
    "link": re.compile(
        r"(?:https?://|\bwww\.)[^\s<>()\"']+[^\s<>()\"'.,!?]", re.ASCII | re.IGNORECASE
    ),
    "account": re.compile(
        # so many figures, or it is words and no IBAN
        r"\b(?=[A-Z]{2}(?:[ -]?(?:[A-Z]{1,4}[ -]?)?\d){8})"
        r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b",
        re.ASCII | re.IGNORECASE,
    ),
    "number": re.compile(
        # a comma before few figures parts thousands, or the items of a list
        r"(?<!\d)\+?\(?\d(?:(?:[ ()./-]{0,2}|,(?=\d{5}))\d){6,}",
        re.ASCII,
    ),
}
"""Seven digits or more are a telephone's, a card's, an order's. A Chinese character beside them is
no letter of theirs."""
_NAMED = re.compile(
    r"\b(?:[Hh]i|[Hh]ello|[Hh]ey|[Dd]ear|Hallo|Liebe[rs]?|Bonjour|Hola|[Mm]rs?\.|[Mm]s\.|Frau|Herr)"
    r"\s+(?P<greeted>[A-ZÀ-Þ][\w'’-]+(?:\s+[A-ZÀ-Þ][\w'’-]+)?)(?=\s*[,.!:\n]|\s*$)"
    r"|\b(?:[Rr]egards|[Ww]ishes|[Gg]reetings|Grüßen?|[Yy]ours)\s*,?\s+"
    r"(?P<signed>[A-ZÀ-Þ][\w'’-]+(?:\s+[A-ZÀ-Þ][\w'’-]+)?)\s*$"
    r"|\b(?:[Tt]his is|[Mm]y name is|I am|I['’]m)\s+(?P<told>[A-ZÀ-Þ][\w'’-]+)"
    r"(?=\s*(?:[,.!]|from\b|here\b|$))",
    re.MULTILINE,
)
_NOBODY = frozenset(
    {"There", "All", "Sir", "Madam", "Team", "Customer", "Sorry", "Everyone"}
    | {"van", "von", "de", "der", "den", "del", "la", "di", "da", "zu"}
)
_WORD = re.compile(
    "art|august|bill|chance|dawn|faith|frank|grace|hope|joy|june|mark|may|pat|rich|rose|sue|will"
    "|service|shop|store|support",
    re.IGNORECASE,
)
"""Names that are words, too, where they are written small."""


class _Private(NamedTuple):
    start: int
    end: int
    kind: str


class Mask:
    """Of one conversation."""

    def __init__(self, names: Iterable[str], orders: Iterable[str] = (), public: str = "") -> None:
        """`public`: what the help pages say, which is no secret; a name is one also there."""
        self.found: Counter[str] = Counter()
        known = [("number", _whole(order)) for order in orders if len(order) > 3]
        named = [("name", _named(name)) for name in names if len(name) > 1]
        self._patterns = [*_PATTERNS.items(), *known, *named]
        said = _folded(normalize("NFC", public))
        self._public = {
            pattern: {found[0].casefold() for found in pattern.finditer(said)}
            for kind, pattern in self._patterns
            if kind != "name"
        }

    def __call__(self, text: str) -> str:
        text = normalize("NFC", text)
        parts, place = [], 0
        for start, end, kind in self._noted(text):
            parts += [text[place:start], f"[{kind}]"]
            place = end
        return "".join(parts) + text[place:]

    def kept(self, text: str) -> str:
        """Without the sentences that hold something private: a blank must not be learnt."""
        lines = []
        for line in normalize("NFC", text).split("\n"):
            private = self._noted(line)
            sentences = _without(line, private)
            if sentences or not line.strip():
                lines.append(" ".join(sentences) if private else line)
        return "\n".join(lines).strip()

    def _noted(self, text: str) -> list[_Private]:
        """What is private in it, in order; what overlaps is one."""
        said = _folded(text)
        found = [
            _Private(*match.span(), kind)
            for kind, pattern in self._patterns
            for match in pattern.finditer(said)
            if not self._may_be_said(kind, pattern, match[0])
        ]
        apart: list[_Private] = []
        for one in sorted(found, key=lambda one: one.start):
            if apart and one.start < apart[-1].end:
                apart[-1] = apart[-1]._replace(end=max(apart[-1].end, one.end))
            else:
                apart.append(one)
        self.found.update(one.kind for one in apart)
        return apart

    def _may_be_said(self, kind: str, pattern: re.Pattern[str], said: str) -> bool:
        if said.casefold() in self._public.get(pattern, ()):
            return True
        return kind == "number" and _DATE.fullmatch(said) is not None


def mask_of(messages: Sequence[Message], agent: str = "", public: str = "") -> Mask:
    told = facts(messages)
    names = {fact.text for fact in told if fact.kind is Kind.NAME} | _greeted(messages)
    names |= set(agent.split()) | {part for name in names for part in name.split()}
    orders = {fact.text for fact in told if fact.kind is Kind.ORDER}
    return Mask(sorted(names - _NOBODY, key=len, reverse=True), sorted(orders), public)


def _greeted(messages: Sequence[Message]) -> set[str]:
    """By customers and agents: the bot's words are the pages'."""
    said = [one.text for one in messages if one.role is not Role.ASSISTANT]
    return {
        name
        for text in said
        for found in _NAMED.finditer(text)
        for name in found.groups()
        if name and name not in _NOBODY
    }


def _without(line: str, private: Sequence[_Private]) -> list[str]:
    sentences, place = [], 0
    for sentence in split_sentences(line):
        start = line.index(sentence, place)
        place = start + len(sentence)
        if not any(one.start < place and start < one.end for one in private):
            sentences.append(sentence)
    return sentences


def _named(name: str) -> re.Pattern[str]:
    """However it is written; a short one, and one that is a word, only as it was told or in
    capitals."""
    if len(name) > 2 and not _WORD.fullmatch(name):
        return _whole(name, re.IGNORECASE)
    return _whole(name, other=name.upper())


def _whole(text: str, flags: int = 0, other: str = "") -> re.Pattern[str]:
    wanted = "|".join(re.escape(_folded(normalize("NFC", one))) for one in (text, other) if one)
    if re.search(r"[\u4e00-\u9fff]", text):  # no space parts it from its neighbours
        return re.compile(wanted, flags)
    ascii_only = re.ASCII if text.isascii() else 0
    return re.compile(rf"(?<!\w)(?:{wanted})(?!\w)", flags | ascii_only)


def _folded(text: str) -> str:
    """As long as the text, with full-width and other forms of a letter or figure as the plain
    one."""
    return text if text.isascii() else "".join(map(_plain, text))


def _plain(character: str) -> str:
    if character.isdecimal():
        return str(decimal(character))
    plain = normalize("NFKC", character)
    return plain if len(plain) == 1 else character
