"""However many messages arrive together, they are stored as if they came one after the other."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.delivery import Attachment, Fate, Incoming, Place
from bot.store import Store, open_store
from bot.store.schema import ConversationRow, InboxRow, PlaceRow

Stored = tuple[str, str, str, int, str, str, str]


async def stored(store: Store) -> list[Stored]:
    query = (
        select(InboxRow, PlaceRow, ConversationRow)
        .join(PlaceRow, PlaceRow.number == InboxRow.place_number)
        .join(ConversationRow, ConversationRow.id == PlaceRow.conversation_id)
        .order_by(InboxRow.channel, InboxRow.number)
    )
    async with store.database.reading() as session:
        return [
            (row.channel, row.event, place.key, row.turn, row.text, talk.customer, talk.state)
            for row, place, talk in await session.execute(query)
        ]


def arriving(rng: random.Random, count: int) -> list[Incoming]:
    """Over few places, some of them more than once."""
    found = []
    for _ in range(count):
        channel, key = rng.choice(("slack", "matrix")), rng.choice("abcdef")
        number = rng.randrange(60)
        found.append(
            Incoming(Place(channel, key), f"e{number}", f"{number:02}", f"u{number}", "Hi")
        )
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_batches_of_any_size_are_as_one_after_the_other(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    async with (
        await open_store(tmp_path / "together.db") as together,
        await open_store(tmp_path / "alone.db") as alone,
    ):
        for _ in range(6):
            messages = arriving(rng, rng.randint(1, 20))
            await together.inbox.take_in(*messages)
            for message in messages:
                await alone.inbox.take_in(message)
            for channel in ("slack", "matrix"):  # what is worked on counts for whose turn it is
                limit, done = rng.randint(0, 3), rng.random() < 0.5
                for store in (together, alone):
                    for lease in await store.inbox.lease(channel, limit=limit, seconds=60):
                        if done:
                            await store.inbox.end(lease, Fate.REFUSED, "seen")
        assert await stored(together) == await stored(alone)
        assert len(await stored(together)) > 20


async def test_a_hundred_places_at_once(store: Store) -> None:
    messages = [Incoming(Place("slack", f"p{n}"), f"e{n}", "1", f"u{n}", "Hi") for n in range(100)]
    await store.inbox.take_in(*messages)
    found = await stored(store)
    assert [(event, key, turn) for _, event, key, turn, *_ in found] == [
        (f"e{n}", f"p{n}", 0) for n in range(100)
    ]
    assert [customer for *_, customer, _ in found] == [f"u{n}" for n in range(100)]


async def test_a_conversation_is_its_first_writers(store: Store) -> None:
    place = Place("slack", "a")
    await store.inbox.take_in(
        Incoming(place, "1", "1", "anna", "Hi"), Incoming(place, "2", "2", "ben", "Hi")
    )
    assert [customer for *_, customer, _ in await stored(store)] == ["anna", "anna"]


async def test_what_is_attached_is_kept(store: Store) -> None:
    attached = Attachment("list.csv", "https://files.example/1", 20)
    place = Place("slack", "a")
    await store.inbox.take_in(Incoming(place, "1", "1", "anna", "See", attachments=(attached,)))
    (lease,) = await store.inbox.lease("slack", limit=1, seconds=60)
    assert lease.attachments == (attached,)
