"""However many messages arrive together, they are stored as if they came one after the other."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.delivery import Attachment, Fate, Incoming, Place
from bot.store import Store, open_store
from bot.store.rows import utc_now
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


async def turns(store: Store) -> dict[str, int]:
    return {event: turn for _, event, _, turn, *_ in await stored(store)}


def message(event: str, key: str, channel: str = "slack", revision: str = "") -> Incoming:
    return Incoming(Place(channel, key), event, event, "anna", f"{event}{revision}", revision)


async def test_whose_turn_it_is_when_some_arrive_together(store: Store) -> None:
    for number in range(4):
        await store.inbox.take_in(message(f"a{number}", "a"))
    await store.inbox.take_in(message("m", "a", channel="matrix"))
    leases = await store.inbox.lease("slack", limit=1, seconds=60)
    assert [lease.position for lease in leases] == ["a0"]
    for number in range(1, 4):
        await store.inbox.delete(message(f"a{number}", "a"))
    # nothing waits now, and one of place a is worked on: what comes there is behind it
    await store.inbox.take_in(message("a4", "a"), message("b0", "b"), message("b1", "b"))
    found = await turns(store)
    assert (found["a0"], found["m"]) == (0, 0)
    assert (found["a4"], found["b0"], found["b1"]) == (1, 1, 2)


async def test_another_channels_turns_are_its_own(store: Store) -> None:
    for number in range(5):
        await store.inbox.take_in(message(f"s{number}", "a"))
    (lease,) = await store.inbox.lease("slack", limit=1, seconds=60)
    await store.inbox.end(lease, Fate.REFUSED, "seen")
    await store.inbox.take_in(message("m0", "a", channel="matrix"), message("s5", "b"))
    found = await turns(store)
    assert found["m0"] == 0
    assert found["s5"] == found["s1"] == 1


async def test_a_revision_that_came_first_is_kept(store: Store) -> None:
    await store.inbox.edit(message("1", "a", revision="2"), is_addressed=True)
    await store.inbox.edit(message("1", "a", revision="1"), is_addressed=True)
    assert [text for _, _, _, _, text, _, _ in await stored(store)] == ["12"]


async def test_names_are_compared_as_they_are_stored(store: Store) -> None:
    same = message("1\0", "a\0")
    await store.inbox.take_in(same, same, message("1", "a"), message("\ud800", "\udfff"))
    await store.inbox.take_in(same, message("\ud800", "\udfff"), message("2", "b"))
    assert [(event, key) for _, event, key, *_ in await stored(store)] == [
        ("1", "a"), ("\ufffd", "\ufffd"), ("2", "b"),
    ]  # fmt: skip


async def test_they_may_be_worked_on_at_once(store: Store) -> None:
    before = utc_now()
    await store.inbox.take_in(message("1", "a"), message("2", "b"))
    async with store.database.reading() as session:
        received = (await session.scalars(select(InboxRow.received_at))).all()
    assert all(before <= at <= utc_now() for at in received)
    assert len(await store.inbox.lease("slack", limit=9, seconds=60)) == 2
