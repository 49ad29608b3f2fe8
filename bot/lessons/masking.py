"""Private data out of what is learnt. A model that has learnt a number by heart may say it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from bot.conversation import Message, Role
from bot.digest.facts import Kind, facts
from bot.sentences import split_sentences

_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}")
_PATTERNS = {
    "e-mail": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII),
    "link": re.compile(r"https?://[^\s<>()\"']+[^\s<>()\"'.,!?]"),
    "account": re.compile(
        r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b", re.ASCII
    ),
    "number": re.compile(r"(?<![\w.,])\+?\(?\d(?:[ ()./-]{0,2}\d){6,18}(?!\w)", re.ASCII),
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
_NOBODY = frozenset({"There", "All", "Sir", "Madam", "Team", "Customer", "Sorry", "Everyone"})


class Mask:
    """Of one conversation."""

    def __init__(self, names: Iterable[str], orders: Iterable[str] = (), public: str = "") -> None:
        """`public`: what the help pages say, which is no secret."""
        self.found: Counter[str] = Counter()
        self._public = public
        self._known = [("name", _whole(name)) for name in names if len(name) > 1]
        self._known += [("number", _whole(order)) for order in orders if len(order) > 3]

    def __call__(self, text: str) -> str:
        for kind, pattern in (*_PATTERNS.items(), *self._known):
            text = self._masked(text, kind, pattern)
        return text

    def kept(self, text: str) -> str:
        """Without the sentences that hold something private: a blank must not be learnt."""
        lines = []
        for line in text.split("\n"):
            sentences = [one for one in split_sentences(line) if self(one) == one]
            if sentences or not line.strip():
                lines.append(line if self(line) == line else " ".join(sentences))
        return "\n".join(lines).strip()

    def _masked(self, text: str, kind: str, pattern: re.Pattern[str]) -> str:
        def put(found: re.Match[str]) -> str:
            said = found[0]
            if said in self._public or (kind == "number" and _DATE.fullmatch(said)):
                return said
            self.found[kind] += 1
            return f"[{kind}]"

        return pattern.sub(put, text)


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


def _whole(text: str) -> re.Pattern[str]:
    if re.search(r"[\u4e00-\u9fff]", text):  # no space parts it from its neighbours
        return re.compile(re.escape(text))
    ascii_only = re.ASCII if text.isascii() else 0
    return re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", ascii_only)
