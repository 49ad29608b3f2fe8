"""Messages that arrive at the same time: a few statements for all of them, up to the variables
that SQLite allows in one, 32,766 or more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.delivery import OPEN_FATES, Fate, Incoming
from bot.store.columns import storable
from bot.store.rows import conversation_values, new_id
from bot.store.schema import ConversationRow, InboxRow, PlaceRow

EVER = datetime(1970, 1, 1, tzinfo=UTC)


async def store_arrivals(
    session: AsyncSession, messages: Iterable[Incoming], now: datetime
) -> None:
    """Those that did not come before, in their order; a place that is new gets a conversation."""
    named = [_as_stored(message) for message in messages]
    by_channel = sorted(named, key=_channel)  # stable: each channel's stay in their order
    for channel, some in groupby(by_channel, key=_channel):
        fresh = await _fresh(session, channel, list(some))
        if fresh:
            places = await _places(session, channel, fresh, now)
            turns = await _turns(session, channel, [places[one.place.key] for one in fresh])
            rows = [
                _row(one, places[one.place.key], turn, now)
                for one, turn in zip(fresh, turns, strict=True)
            ]
            await session.execute(insert(InboxRow), rows)


def _as_stored(message: Incoming) -> Incoming:
    """The store leaves out what it cannot hold: names are compared as they will stand there."""
    key = storable(message.place.key)
    place = replace(message.place, key=key)
    return replace(message, place=place, event=storable(message.event))


def _channel(message: Incoming) -> str:
    return message.place.channel


async def _fresh(
    session: AsyncSession, channel: str, messages: Sequence[Incoming]
) -> list[Incoming]:
    """Each event once."""
    first: dict[str, Incoming] = {}
    for message in messages:
        first.setdefault(message.event, message)
    query = select(InboxRow.event).where(
        InboxRow.channel == channel, InboxRow.event.in_(list(first))
    )
    known = set(await session.scalars(query))
    return [message for event, message in first.items() if event not in known]


async def _places(
    session: AsyncSession, channel: str, messages: Sequence[Incoming], now: datetime
) -> dict[str, int]:
    """The number of each place by its key."""
    customers = {message.place.key: message.customer for message in reversed(messages)}
    query = select(PlaceRow.key, PlaceRow.number).where(
        PlaceRow.channel == channel, PlaceRow.key.in_(list(customers))
    )
    numbers: dict[str, int] = dict(list(await session.execute(query)))
    keys = dict.fromkeys(message.place.key for message in messages)
    new = {key: new_id() for key in keys if key not in numbers}
    if new:
        talks = [
            conversation_values(channel, customers[key], "", now, id_=id_)
            for key, id_ in new.items()
        ]
        await session.execute(insert(ConversationRow), talks)
        found = await session.execute(
            insert(PlaceRow).returning(PlaceRow.key, PlaceRow.number),
            [{"channel": channel, "key": k, "conversation_id": c} for k, c in new.items()],
        )
        numbers.update(dict(list(found)))
    return numbers


async def _turns(session: AsyncSession, channel: str, places: Sequence[int]) -> list[int]:
    """Of a message each: behind its place's own that are open; else level with whoever waits in
    front."""
    waiting = select(func.min(InboxRow.turn)).where(
        InboxRow.channel == channel, InboxRow.state == Fate.WAITING
    )
    own = (
        select(InboxRow.place_number, func.max(InboxRow.turn))
        .where(InboxRow.place_number.in_(set(places)), InboxRow.state.in_(OPEN_FATES))
        .group_by(InboxRow.place_number)
    )
    front: int | None = await session.scalar(waiting)
    last: dict[int, int] = dict(list(await session.execute(own)))
    turns = []
    for place in places:
        turn = max(front or 0, last[place] + 1 if place in last else 0)
        front = turn if front is None else front
        last[place] = turn
        turns.append(turn)
    return turns


def _row(message: Incoming, place: int, turn: int, now: datetime) -> dict[str, Any]:
    return {
        "channel": message.place.channel,
        "event": message.event,
        "place_number": place,
        "position": message.position,
        "text": message.text,
        "attachments": [[one.name, one.address, one.size] for one in message.attachments],
        "revision": message.revision,
        "state": Fate.WAITING,
        "turn": turn,
        "not_before": EVER,
        "received_at": now,
    }
