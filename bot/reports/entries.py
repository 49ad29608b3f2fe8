"""The conversations of a period, each with what the figures need: digests are made where there are
none, or other messages since, and kept."""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.conversation import Message
from bot.digest.case import Case, case_of
from bot.digest.digest import VERSION, digest
from bot.store import Store
from bot.store.cohort import Opinion, Period, Rated, Started
from bot.store.digests import Made

AT_ONCE = 200
"""Digests that are made and kept at a time: what is cut off goes on from there."""
COMES_BACK = timedelta(hours=72)
EDITABLE = ("summary", "issue")
Done = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Entry:
    started: Started
    case: Case
    digest: Mapping[str, Any]
    """As `Digest.plain` has it, with what people wrote in it."""
    comes_back: bool
    """The same customer, within COMES_BACK of the last message."""
    may_come_back: bool
    """That time is not over yet."""
    rated: Rated | None
    opinions: tuple[Opinion, ...]


def fingerprint(started: Started, words: str = "") -> str:
    """`words`: the name of the model that words it; empty where rules do."""
    state = started.last, started.messages, started.tagged, started.revision
    return ":".join(map(str, (VERSION, *state, words)))


async def stale(store: Store, period: Period, words: str = "") -> list[Started]:
    """Those whose digest is missing, made from other messages, or not worded by this model where
    one is asked for."""
    return [one for one in await store.cohort.started(period) if not _is_fresh(one, words)]


def _is_fresh(one: Started, words: str) -> bool:
    wanted = fingerprint(one, words)
    return one.fingerprint is not None and (
        one.fingerprint == wanted if words else one.fingerprint.startswith(wanted)
    )


async def make_digests(store: Store, some: Sequence[Started], done: Done) -> None:
    for start in range(0, len(some), AT_ONCE):
        part = some[start : start + AT_ONCE]
        made = await digested(store, part)
        await store.digests.keep(made)
        done(len(part))


async def digested(store: Store, part: Sequence[Started]) -> list[Made]:
    messages = await store.cohort.messages([one.id for one in part])
    return await digests_of(store, part, messages)


async def digests_of(
    store: Store,
    part: Sequence[Started],
    messages: Mapping[str, Sequence[Message]],
    words: str = "",
) -> list[Made]:
    """Of messages that were read already."""
    unhelpful = await store.cohort.unhelpful([one.id for one in part])

    def work() -> list[Made]:
        made = []
        for one in part:
            found = digest(messages[one.id], frozenset(unhelpful.get(one.id, ())))
            case = case_of(messages[one.id], found.ending)
            body = {"digest": found.plain(), "case": case.plain()}
            text = json.dumps(body, ensure_ascii=False)
            made.append(Made(one.id, one.revision, fingerprint(one, words), text))
        return made

    return await asyncio.to_thread(work)


async def entries(store: Store, period: Period, now: datetime) -> list[Entry]:
    """Of those that are digested, oldest first."""
    started = await store.cohort.started(period)
    bodies = await store.cohort.digests(period)
    edits = await store.cohort.edits(period)
    later = replace(period, until=period.until + COMES_BACK + timedelta(days=30))
    visits = await store.cohort.visits(later)
    rated = {one.conversation: one for one in await store.cohort.ratings(period)}
    opinions: dict[str, list[Opinion]] = {}
    for opinion in await store.cohort.opinions(period):
        opinions.setdefault(opinion.conversation, []).append(opinion)

    def entry(one: Started) -> Entry:
        body = json.loads(bodies[one.id])
        case = Case.parse(body["case"])
        ended = case.ended_at or one.at
        return Entry(
            started=one,
            case=case,
            digest=edited(body["digest"], edits.get(one.id, {})),
            comes_back=_returns(visits.get((one.channel, one.customer), []), one, ended),
            may_come_back=bool(one.customer) and ended + COMES_BACK > now,
            rated=rated.get(one.id),
            opinions=tuple(opinions.get(one.id, ())),
        )

    return await asyncio.to_thread(lambda: [entry(one) for one in started if one.id in bodies])


def edited(digest: dict[str, Any], edits: Mapping[str, str]) -> dict[str, Any]:
    """With what people wrote: their words stay."""
    for field, text in edits.items():
        if field in EDITABLE:
            digest[field] = {**digest[field], "text": text}
    return {**digest, "edited": sorted(set(edits) & set(EDITABLE))}


def _returns(visits: Sequence[datetime], one: Started, ended: datetime) -> bool:
    place = bisect_right(visits, one.at)
    return place < len(visits) and visits[place] <= ended + COMES_BACK
