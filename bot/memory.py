"""What is remembered of a conversation that has outgrown the model's window.

Its older turns are folded in, in the background, and are shown no more; the recent ones stay word
for word. Names, numbers, dates, promises and what was tried are found by rule and kept beside the
prose, so that no model can lose them. All of it can be made anew from the messages.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.conversation import Message, Role
from bot.digest.case import Answer, questions
from bot.digest.facts import Fact, Kind, facts
from bot.errors import KefuError, UnknownMessage
from bot.skills.summary import Summarizer
from bot.store.digests import Digests
from bot.store.memories import Memories, StoredMemory

_logger = logging.getLogger("kefu")

AT_ONCE = 200
"""Messages that are folded in at a time."""
LONGEST = 1_200
"""Characters that the model is shown."""
FIRST, LAST = 2, 6
"""Questions and pages that are kept by name: the first and the last ones. Facts all are."""
SUMMARY = "summary"
"""The field of a digest that a person may have written: it is shown in place of the prose."""
SHOWN = {
    Kind.NAME: 3,
    Kind.ORDER: 8,
    Kind.PROMISE: 6,
    Kind.TRIED: 6,
    Kind.DATE: 8,
    Kind.AMOUNT: 8,
}
"""How many of each kind the model is shown, the newest: none pushes out the others."""
MOST_FACTS = 2_000
"""That are kept, the newest: a message may hold hundreds of numbers."""
PATIENCE = 2.0
"""Seconds that closing waits for what is being folded."""


@dataclass(frozen=True, slots=True)
class Remembered:
    begins: str = ""
    """The id of the first message that is not in it."""
    facts: tuple[Fact, ...] = ()
    asked: tuple[str, ...] = ()
    questions: int = 0
    pages: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Questions to which nothing was found."""
    prose: str = ""
    """A model's, or a person's, if there is any."""

    def text(self) -> str:
        """What the model and agents are shown: first what must not be lost."""
        known = [f"{fact.kind}: {fact.text}" for kind in SHOWN for fact in self._newest(kind)]
        lines = [*_fitting(known, LONGEST * 2 // 3), self.prose, self._told()]
        return "\n".join(line for line in lines if line)[:LONGEST]

    def _newest(self, kind: Kind) -> list[Fact]:
        return [fact for fact in reversed(self.facts) if fact.kind is kind][: SHOWN[kind]]

    def _told(self) -> str:
        parts = []
        if self.asked:
            quoted = ", ".join(f"“{one}”" for one in self.asked)
            parts.append(f"asked ({self.questions}): {quoted}")
        if self.pages:
            parts.append(f"answered from: {', '.join(self.pages)}")
        if self.unknown:
            parts.append("nothing found for: " + ", ".join(f"“{one}”" for one in self.unknown))
        return "\n".join(parts)


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    shown = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        shown.append(line)
    return shown


def fold(known: Remembered, messages: Sequence[Message], begins: str) -> Remembered:
    """`messages`: those from where `known` ends up to `begins`, oldest first."""
    merged = {(fact.kind, fact.text.casefold()): fact for fact in known.facts}
    for fact in facts(messages):
        merged.setdefault((fact.kind, fact.text.casefold()), fact)
    asked = questions(messages)
    return Remembered(
        begins=begins,
        facts=tuple(merged.values())[-MOST_FACTS:],
        asked=_ends((*known.asked, *(one.text for one in asked))),
        questions=known.questions + len(asked),
        pages=_ends((*known.pages, *(one.page for one in asked if one.page))),
        unknown=_ends(
            (*known.unknown, *(one.text for one in asked if one.answer is Answer.UNKNOWN))
        ),
        prose=known.prose,
    )


def _ends(texts: Sequence[str]) -> tuple[str, ...]:
    distinct = list(dict.fromkeys(texts))
    return tuple(distinct if len(distinct) <= FIRST + LAST else distinct[:FIRST] + distinct[-LAST:])


class Memory:
    def __init__(
        self,
        memories: Memories,
        digests: Digests,
        summarizer: Summarizer | None = None,
    ) -> None:
        """`summarizer`: words what is folded in, where its model reads."""
        self._memories, self._digests = memories, digests
        self._summarizer = summarizer
        self._wanted: dict[str, str] = {}
        """Up to where conversations are to be folded, the last wish of each."""
        self._folding: dict[str, asyncio.Task[None]] = {}

    async def recall(self, conversation_id: str) -> Remembered | None:
        """None where nothing was folded yet, and no person has written a summary: theirs is shown
        in place of the model's."""
        stored = await self._memories.of(conversation_id)
        written = (await self._digests.edits(conversation_id)).get(SUMMARY)
        if stored is None:
            return Remembered(prose=written) if written else None
        remembered = _read(stored)
        return replace(remembered, prose=written) if written else remembered

    def fold_later(self, conversation_id: str, begins: str) -> None:
        """As `fold`, in the background: nobody waits for it. One at a time of a conversation."""
        self._wanted[conversation_id] = begins
        if conversation_id not in self._folding:
            task = asyncio.create_task(self._fold_quietly(conversation_id))
            self._folding[conversation_id] = task
            task.add_done_callback(lambda _: self._folding.pop(conversation_id, None))

    async def _fold_quietly(self, conversation_id: str) -> None:
        """What fails is folded with the next: the messages stay."""
        try:
            while begins := self._wanted.pop(conversation_id, None):
                await self.fold(conversation_id, begins)
        except KefuError as error:
            _logger.warning("a conversation was not folded: %s", error)
        except Exception as error:  # the border of a task
            _logger.error("a conversation was not folded", exc_info=error)

    async def settle(self) -> None:
        """Until what is done in the background is."""
        await asyncio.gather(*self._folding.values(), return_exceptions=True)

    async def close(self) -> None:
        """What takes long is left, and done with the next."""
        if self._folding:
            await asyncio.wait(list(self._folding.values()), timeout=PATIENCE)
        for task in list(self._folding.values()):
            task.cancel()
        await self.settle()

    async def fold(self, conversation_id: str, begins: str) -> None:
        """Everything before the message `begins`, which is shown word for word as all after it.
        Nothing, where the conversation was changed meanwhile: it will be folded again."""
        stored = await self._memories.of(conversation_id)
        known = _read(stored) if stored else Remembered()
        more = True
        while more:
            try:
                part = await self._memories.to_fold(
                    conversation_id, known.begins or None, begins, AT_ONCE
                )
            except UnknownMessage:  # deleted meanwhile
                return
            if not part.messages:
                return
            more = part.more
            last = part.messages[-1].id
            end = begins if not more else await self._memories.following(conversation_id, last)
            before = known.begins
            known = await asyncio.to_thread(fold, known, part.messages, end or begins)
            known = replace(known, prose=await self._prose(known, part.messages))
            kept = StoredMemory(known.begins, json.dumps(_plain(known), ensure_ascii=False))
            if not await self._memories.keep(conversation_id, kept, part.revision, before):
                return

    async def _prose(self, known: Remembered, messages: Sequence[Message]) -> str:
        """Of what was remembered and what is new, by a model that reads; else none."""
        if self._summarizer is None or not self._summarizer.reads:
            return ""
        said = list(messages)
        if known.prose:  # as if the bot had said it: it is data like the rest
            said.insert(0, replace(messages[0], role=Role.ASSISTANT, text=known.prose))
        try:
            prose = await self._summarizer.write(said)
        except KefuError as error:  # what was found by rule is kept all the same
            _logger.warning("what was folded is not in words: %s", error)
            return known.prose
        return prose.summary if prose else known.prose


def _plain(one: Remembered) -> dict[str, Any]:
    return {
        "facts": [[str(fact.kind), fact.text, fact.message] for fact in one.facts],
        "asked": one.asked,
        "questions": one.questions,
        "pages": one.pages,
        "unknown": one.unknown,
        "prose": one.prose,
    }


def _read(stored: StoredMemory) -> Remembered:
    body: Mapping[str, Any] = json.loads(stored.body)
    return Remembered(
        begins=stored.begins,
        facts=tuple(Fact(Kind(kind), text, message) for kind, text, message in body["facts"]),
        asked=tuple(body["asked"]),
        questions=body["questions"],
        pages=tuple(body["pages"]),
        unknown=tuple(body["unknown"]),
        prose=body["prose"],
    )
