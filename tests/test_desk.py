"""The desk with a platform in memory, and a model that says what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.agent_desk import AgentDesk
from bot.assistant import Assistant
from bot.conversation import MessageState, Reply, ReplyStatus, Role
from bot.delivery import (
    Attachment,
    Fate,
    Incoming,
    Outgoing,
    Place,
    Post,
    Posting,
    Postponed,
    Undeliverable,
)
from bot.desk import Desk, DeskLimits
from bot.errors import ModelError, StoreFull
from bot.skills import replies
from bot.skills.grounding import Grounding
from bot.store import Store, open_store
from bot.store.agenda import Need
from knowledge.index import Knowledge
from knowledge.terms import content_terms
from tests.fakes import CalmTagger, ScriptedChatModel
from tests.knowledge.fakes import HashEncoder

PAGE = "# Returns\n\nShoes can be returned within 60 days of delivery.\n"
QUESTION = "How long can shoes be returned?"
ANSWER = "Shoes can be returned within 60 days of delivery."
QUICK = DeskLimits(poll_seconds=0.02, first_pause=0.01, drain_seconds=5, attempts=3)


class Platform:
    """Keeps what was posted; `deliver` fails as `faults` say, first to last."""

    channel = "slack"

    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.faults: list[Exception] = []
        self.looked_for: list[str] = []
        self.alerts: list[tuple[str, ...]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._landed: dict[str, str] = {}

    async def deliver(self, outgoing: Outgoing) -> str:
        await self.gate.wait()
        message = outgoing.message
        if outgoing.may_have_landed:
            self.looked_for.append(message.text)
            if message.id in self._landed:
                return self._landed[message.id]
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or (isinstance(fault, Postponed) and fault.landed):
            self.posted.append((outgoing.place.key, message.text))
            self._landed[message.id] = f"ts{len(self.posted)}"
        if fault is not None:
            raise fault
        return self._landed[message.id]

    async def alert(self, outgoing: Outgoing, digest: Sequence[str]) -> str:
        self.alerts.append((outgoing.place.key, *digest))
        return "alert"

    def at(self, place: str) -> list[str]:
        return [text for where, text in self.posted if where == place]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
async def make(store: Store, platform: Platform, tmp_path: Path) -> Callable[..., Desk]:
    encoder = HashEncoder()
    knowledge = Knowledge(store.passages, encoder)
    page = tmp_path / "returns.md"
    page.write_text(PAGE)
    await knowledge.add([page])

    def make(model: Any = None, limits: DeskLimits = QUICK) -> Desk:
        assistant = Assistant(
            model or ScriptedChatModel(replies=[ANSWER] * 100),
            log=store.log,
            knowledge=knowledge,
            tagger=CalmTagger(),
            grounding=Grounding(encoder, content_terms),
            business="Lamps",
        )
        return Desk(store, assistant, platform, limits)

    return make


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[None]:
    task = asyncio.create_task(desk.run())
    try:
        yield
    finally:
        desk.stop()
        await asyncio.wait_for(task, 20)


async def until(done: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while True:
            found = done()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)


def incoming(place: str, number: int, text: str = QUESTION) -> Incoming:
    return Incoming(Place("slack", place), f"{place}/{number}", f"{number:06}", "anna", text)


async def fates(store: Store) -> dict[Fate, int]:
    return await store.inbox.count("slack")


async def test_a_message_is_answered_once(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    desk = make()
    async with running(desk):
        for _ in range(3):
            await desk.take_in(incoming("a", 1))
        await until(lambda: platform.posted)
    assert platform.posted == [("a", ANSWER)]
    assert await fates(store) == {Fate.ANSWERED: 1}
    assert await store.outbox.count("slack") == {Posting.SENT: 1}


async def test_many_conversations_each_in_order(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    for place in "abcdef":
        for number in (2, 1, 3):
            await make().take_in(incoming(place, number, f"{number} {QUESTION}"))
    async with running(make()):
        await until(lambda: len(platform.posted) == 18)
    (talk, *_) = await store.log.overview()
    texts = [m.text[0] for m in await store.log.messages(talk.conversation.id)]
    assert texts == ["1", "S", "2", "S", "3", "S"]


async def test_two_desks_on_one_database(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    desks = [make(), make()]
    async with running(desks[0]), running(desks[1]):
        for number in range(40):
            await desks[number % 2].take_in(incoming("abcd"[number % 4], number))
        await until(lambda: len(platform.posted) >= 40)
    assert len(platform.posted) == 40
    assert await fates(store) == {Fate.ANSWERED: 40}


async def test_a_post_that_failed_is_made_again_and_looked_for_where_it_may_have_landed(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    platform.faults = [
        Postponed("429", seconds=0.01),
        Postponed("503", landed=True),
        Postponed("never reached"),
    ]
    desk = make()
    async with running(desk):
        await desk.take_in(incoming("a", 1))
        await until(lambda: platform.looked_for)
    assert platform.posted == [("a", ANSWER)]
    assert await store.outbox.count("slack") == {Posting.SENT: 1}
    assert len(platform.faults) == 1


async def test_what_can_never_be_posted_calls_a_person(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    platform.faults = [Undeliverable("channel_not_found")]
    desk = make()
    async with running(desk):
        await desk.take_in(incoming("a", 1))
        await until(lambda: _posts(store, Posting.GAVE_UP))
        await desk.take_in(incoming("a", 2))
        await until(lambda: _settled(store))
    assert await fates(store) == {Fate.ANSWERED: 1, Fate.HANDED_OFF: 1}
    (waiting,) = await store.agenda.items()
    assert waiting.need is Need.WAITS


async def _posts(store: Store, state: Posting) -> bool:
    return state in await store.outbox.count("slack")


async def test_trouble_with_the_database_is_not_the_messages_failure(
    make: Callable[..., Desk],
    platform: Platform,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record, times = store.inbox.record, [5]

    async def full(*given: Any) -> Any:
        if times[0]:
            times[0] -= 1
            raise StoreFull("the disk is full")
        return await record(*given)

    monkeypatch.setattr(store.inbox, "record", full)
    desk = make()
    async with running(desk):
        await desk.take_in(incoming("a", 1))
        await until(lambda: platform.posted)
    assert platform.posted == [("a", ANSWER)]


class Broken(ScriptedChatModel):
    failures: int

    async def _astream(self, messages: Any, *_: Any, **__: Any) -> AsyncIterator[Any]:
        if self.failures:
            self.failures -= 1
            raise ModelError("the engine is gone")
        async for chunk in super()._astream(messages):
            yield chunk


async def test_a_failure_that_passes_is_not_noticed(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    desk = make(Broken(replies=[ANSWER], failures=2))
    async with running(desk):
        await desk.take_in(incoming("a", 1))
        await until(lambda: platform.posted)
    assert platform.posted == [("a", ANSWER)]
    assert await fates(store) == {Fate.ANSWERED: 1}


async def test_one_that_always_fails_is_set_aside_and_the_customer_told(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    desk = make(Broken(replies=[], failures=99))
    async with running(desk):
        await desk.take_in(incoming("a", 1))
        await desk.take_in(incoming("a", 2))
        await until(lambda: platform.posted)
        await until(lambda: _settled(store))
    assert platform.posted == [("a", replies.FAILED["en"])]
    assert await fates(store) == {Fate.FAILED: 1, Fate.HANDED_OFF: 1}


async def _settled(store: Store) -> bool:
    return not {Fate.WAITING, Fate.LEASED} & set(await fates(store))


async def test_one_that_ends_the_process_each_time_is_set_aside(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    desk = make(limits=DeskLimits(poll_seconds=0.02, leases=2))
    await desk.take_in(incoming("a", 1))
    for _ in range(2):  # as lives that were ended leave it
        await store.inbox.lease("slack", limit=1, seconds=-1)
    async with running(desk):
        await until(lambda: platform.posted)
    assert platform.posted == [("a", replies.FAILED["en"])]
    assert await fates(store) == {Fate.FAILED: 1}


async def test_nothing_is_said_while_a_person_has_it_and_all_of_it_is_kept(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    desk = make()
    async with running(desk):
        await desk.take_in(incoming("a", 1))
        await until(lambda: platform.posted)
        (talk,) = await store.log.overview()
        await AgentDesk(store, "ben", "").take_over(talk.conversation.id)
        await desk.take_in(incoming("a", 2, "Are you there?"))
        await until(lambda: _settled(store))
        await store.outbox.post(
            talk.conversation.id,
            Reply("It is Ben.", ReplyStatus.ANSWERED, "en"),
            role=Role.AGENT,
            agent="ben",
        )
        await until(lambda: len(platform.posted) == 2)
    assert platform.at("a") == [ANSWER, "It is Ben."]
    assert await fates(store) == {Fate.ANSWERED: 1, Fate.HANDED_OFF: 1}
    messages = await store.log.messages(talk.conversation.id)
    assert [m.text for m in messages] == [QUESTION, ANSWER, "Are you there?", "It is Ben."]


async def test_a_takeover_waits_for_the_post_that_is_under_way(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    platform.gate.clear()
    desk = make()
    async with running(desk):
        await desk.take_in(incoming("a", 1))
        await until(lambda: _posts(store, Posting.SENDING))
        (talk,) = await store.log.overview()
        taking = asyncio.create_task(AgentDesk(store, "ben", "").take_over(talk.conversation.id))
        await asyncio.sleep(0.2)
        assert not taking.done()
        platform.gate.set()
        await asyncio.wait_for(taking, 5)
        assert platform.posted == [("a", ANSWER)], "it was there before the confirmation"


async def test_what_was_being_written_at_a_takeover_is_kept_and_not_sent(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    model = ScriptedChatModel(replies=[ANSWER], places=(1,))
    hold = asyncio.Event()
    writing = asyncio.Event()

    class Slow(ScriptedChatModel):
        async def _astream(self, messages: Any, *_: Any, **__: Any) -> AsyncIterator[Any]:
            async for chunk in model._astream(messages):
                writing.set()
                await hold.wait()
                yield chunk

    desk = make(Slow(replies=[]))
    async with running(desk):
        await desk.take_in(incoming("a", 1))
        await writing.wait()
        (talk,) = await store.log.overview()
        await AgentDesk(store, "ben", "").take_over(talk.conversation.id)
        hold.set()
        await until(lambda: _settled(store))
    assert platform.posted == []
    (_, draft) = await store.log.messages(talk.conversation.id)
    assert (draft.text, draft.state) == (ANSWER, MessageState.STOPPED)


async def test_stopping_finishes_what_was_begun_and_leaves_the_rest(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    desk = make(limits=DeskLimits(workers=1, poll_seconds=0.02))
    for number in range(5):
        await desk.take_in(incoming("abcde"[number], number))
    task = asyncio.create_task(desk.run())
    await until(lambda: platform.posted)
    desk.stop()
    await asyncio.wait_for(task, 20)
    found = await fates(store)
    assert Fate.LEASED not in found
    assert found[Fate.WAITING] >= 1
    assert len(platform.posted) == found[Fate.ANSWERED], "what is recorded is posted"


async def test_what_does_not_end_in_time_is_given_back(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    stuck = ScriptedChatModel(replies=[ANSWER], pause_after=0)
    desk = make(stuck, DeskLimits(poll_seconds=0.02, drain_seconds=0.2))
    async with running(desk):
        await desk.take_in(incoming("a", 1))
        await until(lambda: _has(store, Fate.LEASED))
    assert await fates(store) == {Fate.WAITING: 1}
    async with running(make()):
        await until(lambda: platform.posted)
    assert platform.posted == [("a", ANSWER)]
    (talk,) = await store.log.overview()
    assert len(await store.log.messages(talk.conversation.id)) == 2


async def _has(store: Store, fate: Fate) -> bool:
    return fate in await fates(store)


async def test_a_full_disk_is_not_acknowledged_and_work_goes_on_when_there_is_room(
    make: Callable[..., Desk],
    platform: Platform,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = make()
    full = [True]
    lease, take_in = store.inbox.lease, store.inbox.take_in

    async def no_room(*given: Any, **named: Any) -> Any:
        if full[0]:
            raise StoreFull("the disk is full")
        return await (lease(*given, **named) if named else take_in(*given))

    monkeypatch.setattr(store.inbox, "lease", no_room)
    monkeypatch.setattr(store.inbox, "take_in", no_room)
    async with running(desk):
        with pytest.raises(StoreFull):
            await desk.take_in(incoming("a", 1))
        full[0] = False
        await desk.take_in(incoming("a", 1))
        await until(lambda: platform.posted)
    assert platform.posted == [("a", ANSWER)]


async def test_agents_are_told_once_in_three_lines(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    async with running(make()):
        await make().take_in(incoming("a", 1))
        await make().take_in(incoming("a", 2, "I want to talk to a human"))
        await until(lambda: platform.alerts)
        await until(lambda: _sent(store, 3))
    assert platform.at("a") == [ANSWER, replies.HANDED_OFF["en"]]
    (told,) = platform.alerts
    assert told[:2] == ("a", f"“{QUESTION}”")
    assert "Called because: asked for a person" in told[3]


async def test_agents_who_cannot_be_told_hold_nothing_up(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    async def alert(*_: Any) -> str:
        raise Undeliverable("channel_not_found")

    platform.alert = alert  # type: ignore[method-assign]
    async with running(make()):
        await make().take_in(incoming("a", 1, "I want to talk to a human"))
        await until(lambda: platform.at("a"))
        await until(lambda: _settled(store))
        await until(lambda: _sent(store, 1))
    assert await store.outbox.count("slack", Post.ALERT) == {Posting.GAVE_UP: 1}


async def _sent(store: Store, count: int) -> bool:
    posts = [await store.outbox.count("slack", kind) for kind in Post]
    return sum(found.get(Posting.SENT, 0) for found in posts) == count


async def test_so_many_replies_a_minute_and_the_rest_waits(
    make: Callable[..., Desk], platform: Platform, store: Store
) -> None:
    desk = make(limits=replace(QUICK, replies_a_minute=2))
    for number in range(4):
        await desk.take_in(incoming("a", number))
    await desk.take_in(incoming("b", 1))
    async with running(desk):
        await until(lambda: len(platform.posted) == 3)
        await until(lambda: _waits(store, 2))
    assert len(platform.at("a")) == 2


async def _waits(store: Store, count: int) -> bool:
    return await fates(store) == {Fate.ANSWERED: 3, Fate.WAITING: count}


async def test_what_is_attached_stands_in_the_log(
    store: Store, platform: Platform, make: Callable[..., Desk]
) -> None:
    async def fetch(place: Place, attachment: Attachment, most: int) -> bytes:
        return b"Order 4711."

    desk = make()
    desk._fetch = fetch
    bill = Attachment("bill.txt", "F1", 10)
    async with running(desk):
        await desk.take_in(replace(incoming("a", 1), attachments=(bill,)))
        await until(lambda: platform.posted)
    (talk,) = await store.log.overview()
    said, _ = await store.log.messages(talk.conversation.id)
    assert said.text == f"{QUESTION}\n\n[bill.txt]\nOrder 4711."
    assert talk.conversation.title == f"{QUESTION} [bill.txt] Order 4711."
