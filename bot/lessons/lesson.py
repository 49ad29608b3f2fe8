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
_VALIDATED = _KEPT_OUT = 0.1
"""Shares of the conversations, and of the pages."""


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


def split(lessons: Sequence[Lesson], seed: int) -> Parts:
    """By whole conversations and whole pages, a tenth of each for either of the smaller parts."""
    parts: tuple[list[Lesson], ...] = ([], [], [])
    for source in (CONVERSATIONS, PAGES):
        own = [one for one in lessons if one.kind.source == source]
        for part, some in zip(parts, _dealt(own, seed), strict=True):
            part += some
    train, validation, kept_out = map(tuple, parts)
    return Parts(train, validation, kept_out)


def _dealt(lessons: Sequence[Lesson], seed: int) -> tuple[list[Lesson], ...]:
    groups: dict[str, list[Lesson]] = {}
    for one in lessons:
        groups.setdefault(one.group, []).append(one)
    shuffled = sorted(groups, key=lambda group: _number(f"{seed} {group}"))
    kept, validated = (ceil(share * len(lessons)) for share in (_KEPT_OUT, _VALIDATED))
    train: list[Lesson] = []
    validation: list[Lesson] = []
    kept_out: list[Lesson] = []
    for group in shuffled:
        if len(kept_out) < kept:
            kept_out += groups[group]
        elif len(validation) < validated:
            validation += groups[group]
        else:
            train += groups[group]
    return train, validation, kept_out


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
