"""A report from a store: digests and vectors are brought up to date first, and kept."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from bot.hours import BusinessHours
from bot.reports.clusters import Floats
from bot.reports.entries import Done, Entry, entries, make_digests, stale
from bot.reports.report import Material, Report, report
from bot.reports.topics import Asked, first_questions, unanswered_questions
from bot.store import Store
from bot.store.cohort import Encoded, Period, Started

_ROUNDS = 3
AT_ONCE = 128
"""Questions that are encoded and kept at a time."""


Embed = Callable[[list[str]], Awaitable[list[list[float]]]]


@dataclass(frozen=True, slots=True)
class Encoder:
    """Of questions."""

    name: str
    languages: frozenset[str]
    open: Callable[[], AbstractAsyncContextManager[Embed]]
    """Takes a while: it is opened only where there is something to encode."""


Progress = Callable[[str, int], AbstractContextManager[Done]]
"""Of a piece of work with so many parts: what it gives is told how many more are done."""
MakeDigests = Callable[[Store, Sequence[Started], Done], Awaitable[None]]


class Reporter:
    def __init__(
        self,
        store: Store,
        business: str,
        hours: BusinessHours,
        encoder: Encoder,
        progress: Progress,
        digests: MakeDigests = make_digests,
        words: str = "",
    ) -> None:
        """`words`: the name of the model that words what `digests` makes, if one does."""
        self._store, self._business, self._hours = store, business, hours
        self._encoder, self._progress = encoder, progress
        self._digests, self._words = digests, words

    async def report(self, period: Period, now: datetime) -> Report:
        before = replace(
            period, since=period.since - (period.until - period.since), until=period.since
        )
        both = replace(period, since=before.since)
        for _ in range(_ROUNDS):  # somebody may write meanwhile
            if not await self._bring_up_to_date(both):
                break
        with _uncollected():
            return await self._made(period, before, both, now)

    async def _made(self, period: Period, before: Period, both: Period, now: datetime) -> Report:
        found = await entries(self._store, both, now)
        recent = [one for one in found if one.started.at >= period.since]
        earlier = [one for one in found if one.started.at < period.since]
        vectors = await self._vectors(both, recent, earlier)
        material = Material(
            business=self._business,
            period=period,
            before=before,
            hours=self._hours,
            made_at=now,
            now=recent,
            then=earlier,
            vectors=vectors,
            trials=await self._store.cohort.trials(period),
        )
        return await asyncio.to_thread(report, material)

    async def _bring_up_to_date(self, period: Period) -> bool:
        """False where all was."""
        wanted = await stale(self._store, period, self._words)
        if wanted:
            with self._progress("reading conversations", len(wanted)) as done:
                await self._digests(self._store, wanted, done)
        return bool(wanted)

    async def _vectors(
        self, period: Period, now: Sequence[Entry], then: Sequence[Entry]
    ) -> dict[str, Floats]:
        """Of the questions that are compared, where the encoder knows their language."""
        asked = [*first_questions(now, then), *unanswered_questions(now, then)]
        wanted = {
            one.question.message: one
            for one in asked
            if (one.entry.case.language or "en") in self._encoder.languages
        }
        known = await self._store.cohort.vectors(period, self._encoder.name)
        missing = [message for message in wanted if message not in known]
        if missing:
            known |= await self._encode(missing, wanted)
        return {m: np.frombuffer(known[m], dtype="<f4") for m in wanted if m in known}

    async def _encode(self, missing: Sequence[str], asked: Mapping[str, Asked]) -> dict[str, bytes]:
        """The same words are encoded once."""
        made: dict[str, bytes] = {}
        by_text: dict[str, bytes] = {}
        with self._progress("comparing questions", len(missing)) as done:
            async with self._encoder.open() as embed:
                for start in range(0, len(missing), AT_ONCE):
                    part = [asked[message] for message in missing[start : start + AT_ONCE]]
                    texts = dict.fromkeys(one.question.text for one in part)
                    fresh = [text for text in texts if text not in by_text]
                    for text, vector in zip(fresh, await embed(fresh), strict=True):
                        by_text[text] = np.asarray(vector, dtype="<f4").tobytes()
                    encoded = [
                        Encoded(
                            one.question.message,
                            one.entry.started.revision,
                            by_text[one.question.text],
                        )
                        for one in part
                    ]
                    await self._store.cohort.keep_vectors(self._encoder.name, encoded)
                    made |= {one.message: one.vector for one in encoded}
                    done(len(part))
        return made


@contextmanager
def _uncollected() -> Iterator[None]:
    """Of many new things that all stay, none is garbage: to look for it takes two fifths of a
    report over 20,000 conversations."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
