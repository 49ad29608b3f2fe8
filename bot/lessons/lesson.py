"""A lesson: what the model is shown, and the reply that a person approved of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from bot.skills.prompt import Turn

CONVERSATIONS = "conversations"
PAGES = "pages"
REPEATED = "with a reply that stands in other conversations, too"
"""Why lessons are in no part."""
_VALIDATED = _KEPT_OUT = 0.1
"""Shares of the conversations, and of the pages."""
_FEW = 4
"""Lessons that may stand together, however few there are."""


class Kind(StrEnum):
    PERSON = "written by a person"
    CORRECTION = "written by a person after the bot's answer"
    HELPFUL = "marked helpful by the customer"
    RATED = "in a conversation rated 4 or 5"
    PAGE = "asked of the help pages"
    WITHHELD = "asked of the help pages, the answer taken away"

    @property
    def source(self) -> str:
        return PAGES if self in (Kind.PAGE, Kind.WITHHELD) else CONVERSATIONS


@dataclass(frozen=True, slots=True)
class Lesson:
    kind: Kind
    group: str
    """The conversation's id or the page's name: a split never cuts through one."""
    history: tuple[Turn, ...]
    asked: Turn
    reply: str
    language: str


@dataclass(frozen=True, slots=True)
class Parts:
    train: tuple[Lesson, ...]
    validation: tuple[Lesson, ...]
    """Tells when to stop."""
    kept_out: tuple[Lesson, ...]
    """Judges what came of it."""
    repeated: int = 0
    """Lessons in none of them: their replies stand in another part, too."""


def split(lessons: Sequence[Lesson], seed: int) -> Parts:
    """By whole conversations and whole pages, a tenth of each for either of the smaller parts.

    Conversations and pages with a reply in common stay together: what is learnt by heart must not
    pass for an answer to what is new. In the log of `kefu demo` such bundles hold a few
    conversations each. Where stock replies would chain most of a log together, the lessons that
    join two bundles are left out instead (`_bundled`).
    """
    bundles, repeated = _bundled(lessons)
    parts: tuple[list[Lesson], ...] = ([], [], [])
    for source in (CONVERSATIONS, PAGES):
        own = [some for some in bundles if _count(some, source)]
        bundles = [some for some in bundles if not _count(some, source)]
        _deal(own, source, parts, seed)
    kept_out, validation, train = map(tuple, parts)
    return Parts(train, validation, kept_out, repeated)


def _bundled(lessons: Sequence[Lesson]) -> tuple[list[list[Lesson]], int]:
    """Bundles that have no reply in common, and the number of lessons that are in none: a bundle
    beyond the size of a smaller part takes no other in, nor a reply that it does not hold."""
    most = max(_FEW, ceil(_KEPT_OUT * len(lessons)))
    bundles: dict[str, list[Lesson]] = {}
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while (above := parent.get(key, key)) != key:
            key = above
        return key

    repeated = 0
    for one, is_shared in _shared_last(lessons):
        keys = [_home(one), *sorted(_replies(one))]
        joined = sorted({root(key) for key in keys} & bundles.keys())
        grows = len(joined) > 1 or any(root(key) not in bundles for key in keys[1:])
        if is_shared and joined and grows and sum(len(bundles[key]) for key in joined) >= most:
            repeated += 1
            continue
        top = max(joined, key=lambda key: len(bundles[key]), default=keys[0])
        parent |= {root(key): top for key in keys}
        rest = [lesson for key in joined if key != top for lesson in bundles.pop(key)]
        bundles.setdefault(top, []).extend([*rest, one])
    return list(bundles.values()), repeated


def _shared_last(lessons: Sequence[Lesson]) -> list[tuple[Lesson, bool]]:
    """With each whether its reply stands in several conversations or pages."""
    homes: dict[str, set[str]] = {}
    for one in lessons:
        for reply in _replies(one):
            homes.setdefault(reply, set()).add(_home(one))
    told = [(one, any(len(homes[reply]) > 1 for reply in _replies(one))) for one in lessons]
    return sorted(told, key=lambda pair: (pair[1], pair[0].kind.source))


def _home(one: Lesson) -> str:
    return f"{one.kind.source} {one.group}"


def _replies(one: Lesson) -> set[str]:
    """What it says, and what that quotes whole; to say that one does not know is everybody's."""
    if one.kind is Kind.WITHHELD:
        return set()
    reply = _plain(one.reply)
    quotes = {_plain(citation.quote) for citation in one.asked.passages}
    return {f"reply {text}" for text in (reply, *quotes) if text and text in reply}


def _deal(
    bundles: Sequence[list[Lesson]], source: str, parts: Sequence[list[Lesson]], seed: int
) -> None:
    """The smaller parts first. What is far larger than one of those is learnt from, and so is the
    last bundle."""
    total = sum(_count(some, source) for some in (*bundles, *parts))
    large = 2 * _KEPT_OUT * total

    def place(some: list[Lesson]) -> tuple[int, str]:
        size = _count(some, source)
        groups = {one.group for one in some if one.kind.source == source}
        first = min(_number(f"{seed} {group}") for group in groups)
        return size if size > large else 0, first

    kept_out, validation, train = parts
    *others, last = sorted(bundles, key=place) or [[]]
    for some in others:
        if _count(kept_out, source) < _KEPT_OUT * total:
            kept_out += some
        elif _count(validation, source) < _VALIDATED * total:
            validation += some
        else:
            train += some
    train += last


def _count(lessons: Iterable[Lesson], source: str) -> int:
    return sum(one.kind.source == source for one in lessons)


def without_doubles(lessons: Iterable[Lesson]) -> list[Lesson]:
    """The first of those that ask and answer the same, wherever they stand."""
    first: dict[tuple[str, str], Lesson] = {}
    for one in lessons:
        first.setdefault((_plain(one.asked.question), _plain(one.reply)), one)
    return list(first.values())


def fingerprint(lessons: Iterable[Lesson]) -> str:
    digest = hashlib.sha256()
    for one in lessons:
        digest.update(repr(one).encode(errors="surrogatepass"))
    return digest.hexdigest()[:16]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _number(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
