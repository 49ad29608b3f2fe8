"""Replies shown while they are written: by the desk, at a platform in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.conversation import ConversationState, Reply, ReplyStatus
from bot.delivery import Incoming, Lease, Place, Postponed, Undeliverable
from bot.drafting import Drafting, Pace
from bot.store import Store, open_store

PACE = Pace(after=0.01, every=0.01, patience=0.02)
PLACE = Place("slack", "a")


class Screen:
    """Shows what it is given; `faults` come first."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.dropped: list[str] = []
        self.statuses: list[int] = []
        self.faults: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.busy = asyncio.Event()

    def begun(self, lease: Lease) -> str:
        return f"?{lease.position}"

    async def show(self, lease: Lease, draft: str, shown: str, text: str) -> str:
        self.busy.set()
        await self.gate.wait()
        if self.faults:
            raise self.faults.pop(0)
        assert not shown or shown == self.shown[-1]
        self.shown.append(text)
        return draft or "ts1"

    async def drop(self, lease: Lease, draft: str) -> None:
        self.dropped.append(draft)

    async def status(self, place: Place, ahead: int) -> None:
        self.statuses.append(ahead)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        await store.inbox.take_in(Incoming(PLACE, "1", "000001", "anna", "hello"))
        yield store


@pytest.fixture
def screen() -> Screen:
    return Screen()


async def leased(store: Store) -> Lease:
    (lease,) = await store.inbox.lease("slack", limit=1, seconds=60)
    await store.inbox.note(lease)
    return lease


async def until(done: object) -> None:
    async with asyncio.timeout(10):
        while not done():  # type: ignore[operator]  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def recorded(store: Store, lease: Lease) -> str:
    """What the reply takes the place of."""
    await store.inbox.record(lease, Reply("whole", ReplyStatus.ANSWERED, "en"))
    (outgoing,) = await store.outbox.lease("slack", limit=1, seconds=60)
    return outgoing.draft


async def test_what_there_is_is_shown_and_becomes_the_reply(store: Store, screen: Screen) -> None:
    lease = await leased(store)
    draft = Drafting(store.inbox, screen, lease, PACE)
    draft.add("One ")
    await until(lambda: screen.shown)
    draft.add("two")
    await until(lambda: len(screen.shown) == 2)
    await draft.close()
    assert screen.shown == ["One ", "One two"]
    assert await recorded(store, lease) == "ts1"


async def test_a_quick_reply_is_not_shown_in_parts(store: Store, screen: Screen) -> None:
    lease = await leased(store)
    draft = Drafting(store.inbox, screen, lease, Pace())
    draft.add("One")
    await draft.close()
    assert (screen.shown, screen.statuses) == ([], [])
    assert await recorded(store, lease) == ""


async def test_who_waits_for_the_first_word_sees_that_it_goes_on(
    store: Store, screen: Screen
) -> None:
    draft = Drafting(store.inbox, screen, await leased(store), PACE)
    draft.waits(3)
    await until(lambda: screen.statuses)
    await draft.close()
    assert screen.statuses == [3]


async def test_nothing_is_shown_once_a_person_has_it(store: Store, screen: Screen) -> None:
    lease = await leased(store)
    draft = Drafting(store.inbox, screen, lease, PACE)
    draft.add("One ")
    await until(lambda: screen.shown)
    while await store.outbox.take_over(lease.conversation.id, "ben"):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    draft.add("two")
    await draft.close()
    assert screen.shown == ["One "]
    await draft.drop()
    assert screen.dropped == ["ts1"]


async def test_a_takeover_waits_for_the_part_that_is_on_its_way(
    store: Store, screen: Screen
) -> None:
    lease = await leased(store)
    screen.gate.clear()
    draft = Drafting(store.inbox, screen, lease, PACE)
    draft.add("One ")
    await screen.busy.wait()
    assert await store.outbox.take_over(lease.conversation.id, "ben") == 1
    screen.gate.set()
    await until(lambda: screen.shown)
    await draft.close()
    assert await store.outbox.take_over(lease.conversation.id, "ben") == 0


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Undeliverable("channel_not_found"), ""),
        (Postponed("503", landed=True), "?000001"),
        (Postponed("429", seconds=0.0), "ts1"),
        (RuntimeError("odd"), "?000001"),
    ],
)
async def test_what_fails_leaves_the_reply_to_be_delivered_whole(
    store: Store, screen: Screen, fault: Exception, left: str
) -> None:
    screen.faults = [fault]
    lease = await leased(store)
    draft = Drafting(store.inbox, screen, lease, PACE)
    draft.add("One ")
    await until(lambda: not screen.faults)
    if left == "ts1":
        await until(lambda: screen.shown)
    await draft.close()
    assert await recorded(store, lease) == left


async def test_what_an_earlier_attempt_showed_is_not_written_on(
    store: Store, screen: Screen
) -> None:
    first = await leased(store)
    assert await store.inbox.draft(first, "ts9")
    await store.inbox.drafted(first, "ts9")
    await store.inbox.release([first])
    second = await leased(store)
    draft = Drafting(store.inbox, screen, second, PACE)
    draft.add("One")
    await draft.close()
    assert screen.shown == []
    assert await recorded(store, second) == "ts9"


async def test_a_part_of_a_life_that_ended_holds_no_takeover_up(store: Store) -> None:
    (lease,) = await store.inbox.lease("slack", limit=1, seconds=-1)
    assert await store.inbox.draft(lease, "?1")
    assert await store.outbox.take_over(lease.conversation.id, "ben") == 0
    found = await store.log.conversation(lease.conversation.id)
    assert found.state is ConversationState.HANDED_OFF


async def test_a_draft_waits_for_the_reply_before_it(store: Store, screen: Screen) -> None:
    """Else that reply, looking for its own draft, would take the place of this one."""
    first = await leased(store)
    assert await store.inbox.draft(first, "?000001")
    await store.inbox.record(first, Reply("first", ReplyStatus.ANSWERED, "en"))
    await store.inbox.take_in(Incoming(PLACE, "2", "000002", "anna", "and?"))
    draft = Drafting(store.inbox, screen, await leased(store), PACE)
    draft.add("One ")
    await asyncio.sleep(0.1)
    assert screen.shown == []
    (outgoing,) = await store.outbox.lease("slack", limit=1, seconds=60)
    await store.outbox.sent((outgoing, "ts1"))
    await until(lambda: screen.shown)
    await draft.close()
