"""What the customer wants, in those sentences of theirs that say most."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.conversation import Message, Role
from bot.digest.brief import Line, manners, short
from bot.sentences import split_sentences
from bot.skills.small_talk import small_talk
from knowledge.terms import content_terms

LONGEST = 60
"""Words in all; a Chinese character is half of one."""
LOOKED_AT, READ = 200, 2_000
"""Sentences; characters of a message."""
SPOKEN = 4
"""Words that a sentence costs beside its own: several short ones are harder to read than one."""
FEWEST = 2
"""New words that a further sentence brings, or a number."""

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_]+")


@dataclass(frozen=True, slots=True)
class _Sentence:
    message: str
    text: str
    terms: frozenset[str]
    words: float


def details_of(messages: Sequence[Message]) -> Line:
    """`messages`: oldest first. The first sentence with a word of its own, then whatever adds most
    for its length; in the order in which they were said."""
    said = _sentences(messages)
    kept: set[int] = {0} if said else set()
    while (place := _next(said, kept)) is not None:
        kept.add(place)
    chosen = [said[place] for place in sorted(kept)]
    text = " ".join(short(one.text) for one in chosen)
    return Line(text, tuple(dict.fromkeys(one.message for one in chosen)))


def _sentences(messages: Sequence[Message]) -> list[_Sentence]:
    polite = manners(messages)
    found = []
    for message in messages:
        if message.role is not Role.CUSTOMER or message.id in polite:
            continue
        for text in split_sentences(message.text[:READ]):
            if small_talk(text):
                continue
            if terms := frozenset(content_terms(text)):
                found.append(_Sentence(message.id, text, terms, _length(text)))
        if len(found) >= LOOKED_AT:
            break
    return found


def _next(said: Sequence[_Sentence], kept: set[int]) -> int | None:
    known = frozenset().union(*(said[place].terms for place in kept))
    room = LONGEST - sum(said[place].words for place in kept)
    adding = {
        place: len(one.terms - known) / (one.words + SPOKEN)
        for place, one in enumerate(said)
        if place not in kept and one.words <= room and _adds(one.terms - known)
    }
    return max(adding, key=lambda place: adding[place], default=None)


def _adds(new: frozenset[str]) -> bool:
    return len(new) >= FEWEST or any(term.isdigit() for term in new)


def _length(text: str) -> float:
    words = _WORD.findall(text)
    return sum(0.5 if word >= "\u3400" else 1.0 for word in words)
