"""Each test's messages: a place's key is its letter, an event's name its text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.conversation import (
    ConversationState,
    MessageState,
    Reply,
    ReplyStatus,
    Role,
    Sentiment,
    SentimentLabel,
    Tag,
)
from bot.delivery import Fate, Incoming, Lease, Place, Post, Posting
from bot.errors import LeaseLost
from bot.store import Store
from bot.store.inbox import Inbox

CROSS = Tag("de", Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9))


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(store: Store, clock: Clock) -> Inbox:
    return Inbox(store.database, clock)


def incoming(place: str, text: str, position: str = "") -> Incoming:
    return Incoming(Place("slack", place), text, position or text, "anna", text)


def reply(text: str = "Yes.", state: MessageState = MessageState.COMPLETE) -> Reply:
    return Reply(text, ReplyStatus.ANSWERED, "en", state=state)


async def leased(inbox: Inbox, limit: int = 10) -> list[Lease]:
    return await inbox.lease("slack", limit=limit, seconds=60)


def edited(text: str, revision: str) -> Incoming:
    return Incoming(Place("slack", "a"), "1", "1", "anna", text, revision)


async def test_a_message_is_taken_in_once(inbox: Inbox) -> None:
    await inbox.take_in(incoming("a", "1"), incoming("a", "1"))
    await inbox.take_in(incoming("a", "1"))
    assert await inbox.knows(Place("slack", "a"))
    assert not await inbox.knows(Place("slack", "b"))
    assert not await inbox.knows(Place("matrix", "a"))
    assert await inbox.count("slack") == {Fate.WAITING: 1}


async def test_a_message_is_found_by_what_the_platform_calls_it(inbox: Inbox) -> None:
    await inbox.take_in(incoming("a", "1"))
    assert await inbox.place_of("slack", "1") == Place("slack", "a")
    assert await inbox.place_of("slack", "2") is None
    assert await inbox.place_of("matrix", "1") is None


async def test_one_of_each_conversation_is_leased_in_the_platforms_order(inbox: Inbox) -> None:
    for place, text in [("a", "3"), ("a", "1"), ("b", "5"), ("a", "2")]:
        await inbox.take_in(incoming(place, text))
    first = await leased(inbox)
    assert {lease.text for lease in first} == {"1", "5"}
    assert await leased(inbox) == []
    for lease in first:
        await inbox.note(lease)
        await inbox.record(lease, reply())
    (second,) = await leased(inbox)
    assert second.text == "2"


async def test_a_hundred_of_one_do_not_come_before_the_first_of_another(inbox: Inbox) -> None:
    for number in range(5):
        await inbox.take_in(incoming("a", f"a{number}"))
    seen = []
    for step in range(8):
        if step == 2:
            for number in range(3):
                await inbox.take_in(incoming("b", f"b{number}"))
        (lease,) = await leased(inbox, limit=1)
        seen.append(lease.text)
        await inbox.end(lease, Fate.REFUSED, "")
    assert seen == ["a0", "a1", "a2", "b0", "a3", "b1", "a4", "b2"]


async def test_a_lease_runs_out_and_whoever_lost_it_changes_nothing(
    inbox: Inbox, clock: Clock, store: Store
) -> None:
    await inbox.take_in(incoming("a", "1"))
    (old,) = await leased(inbox)
    message = await inbox.note(old)
    clock.pass_by(61)
    (new,) = await leased(inbox)
    assert (new.fence, new.attempt, new.message_id) == (old.fence + 1, 2, message.id)
    for late in (
        inbox.note(old),
        inbox.record(old, reply()),
        inbox.end(old, Fate.ANSWERED, ""),
        inbox.postpone(old, seconds=1, reason=""),
        inbox.give_up(old, reply(), ""),
    ):
        with pytest.raises(LeaseLost):
            await late
    await inbox.renew([old], seconds=600)
    await inbox.release([old])
    assert (await inbox.note(new)).id == message.id, "noted once"
    await inbox.record(new, reply())
    assert [m.role for m in await store.log.messages(message.conversation)] == [
        Role.CUSTOMER,
        Role.ASSISTANT,
    ]


async def test_a_renewed_lease_does_not_run_out(inbox: Inbox, clock: Clock) -> None:
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    clock.pass_by(50)
    await inbox.renew([lease], seconds=60)
    clock.pass_by(50)
    assert await leased(inbox) == []


async def test_a_released_one_is_taken_up_at_once_and_no_attempt_is_counted(inbox: Inbox) -> None:
    await inbox.take_in(incoming("a", "1"))
    await inbox.release(await leased(inbox))
    (again,) = await leased(inbox)
    assert again.attempt == 1


async def test_a_postponed_one_waits_and_those_behind_it_too(inbox: Inbox, clock: Clock) -> None:
    await inbox.take_in(incoming("a", "1"))
    await inbox.take_in(incoming("a", "2"))
    (lease,) = await leased(inbox)
    await inbox.postpone(lease, seconds=5, reason="busy")
    assert await leased(inbox) == []
    clock.pass_by(5)
    (again,) = await leased(inbox)
    assert (again.text, again.attempt) == ("1", 2)


async def test_a_reply_its_way_out_and_the_fate_are_one(inbox: Inbox, store: Store) -> None:
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    await inbox.note(lease)
    message = await inbox.record(lease, reply("Sixty days."))
    assert await inbox.count("slack") == {Fate.ANSWERED: 1}
    (outgoing,) = await store.outbox.lease("slack", limit=9, seconds=60)
    assert outgoing.message == message
    with pytest.raises(LeaseLost):
        await inbox.record(lease, reply("Sixty days, again."))


async def test_a_handoff_is_another_fate(inbox: Inbox, store: Store) -> None:
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    await inbox.note(lease)
    await inbox.record(lease, reply(), ConversationState.HANDED_OFF)
    assert await inbox.count("slack") == {Fate.HANDED_OFF: 1}
    found = await store.log.conversation(lease.conversation.id)
    assert found.state is ConversationState.HANDED_OFF
    assert await store.outbox.count("slack") == {Posting.PENDING: 1}
    assert await store.outbox.count("slack", Post.ALERT) == {Posting.PENDING: 1}


async def test_what_was_written_when_a_person_took_over_is_not_sent(
    inbox: Inbox, store: Store
) -> None:
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    await inbox.note(lease)
    assert await store.outbox.take_over(lease.conversation.id, "ben") == 0
    message = await inbox.record(lease, reply("Sixty days."))
    assert message.state is MessageState.STOPPED
    assert await store.outbox.count("slack") == {}
    assert await inbox.count("slack") == {Fate.HANDED_OFF: 1}


async def test_a_failed_attempt_decides_nothing_and_the_last_tells_the_customer(
    inbox: Inbox, store: Store
) -> None:
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    await inbox.note(lease)
    await inbox.record(lease, reply("", MessageState.FAILED))
    assert await inbox.count("slack") == {Fate.LEASED: 1}
    await inbox.give_up(lease, reply("Sorry."), "the model is gone")
    assert await inbox.count("slack") == {Fate.FAILED: 1}
    told, alert = await store.outbox.lease("slack", limit=9, seconds=60)
    assert (told.message.text, told.kind) == ("Sorry.", Post.REPLY)
    assert (alert.message.id, alert.kind) == (told.message.id, Post.ALERT)
    found = await store.log.conversation(lease.conversation.id)
    assert found.state is ConversationState.HANDED_OFF


async def test_an_edit_reaches_what_waits_and_what_is_in_the_log(
    inbox: Inbox, store: Store
) -> None:
    await inbox.take_in(incoming("a", "1"))
    await inbox.edit(edited("shoes", "2"), is_addressed=False)
    await inbox.edit(edited("older", "1"), is_addressed=False)
    (lease,) = await leased(inbox)
    assert lease.text == "shoes"
    message = await inbox.note(lease)
    await inbox.edit(edited("lanterns", "3"), is_addressed=False)
    (noted,) = await store.log.messages(message.conversation)
    assert noted.text == "lanterns"
    assert await store.log.search("shoes") == []
    assert len(await store.log.search("lanterns")) == 1


async def test_a_message_is_noted_with_its_tag(inbox: Inbox, store: Store) -> None:
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    message = await inbox.note(lease, tag=CROSS)
    assert (message.language, message.sentiment) == ("de", CROSS.sentiment)
    (item,) = await store.agenda.items()
    assert item.mood is SentimentLabel.NEGATIVE


async def test_the_tag_of_a_text_that_was_edited_meanwhile_is_left_out(inbox: Inbox) -> None:
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    await inbox.edit(edited("shoes", "1"), is_addressed=False)
    message = await inbox.note(lease, "[list.txt]\nlamps", CROSS)
    assert message.text == "shoes\n\n[list.txt]\nlamps"
    assert message.sentiment is None


async def test_an_edit_that_comes_first_is_the_message(inbox: Inbox) -> None:
    await inbox.edit(edited("shoes", "1"), is_addressed=False)
    assert not await inbox.knows(Place("slack", "a")), "it was not for us"
    await inbox.edit(edited("shoes", "1"), is_addressed=True)
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    assert lease.text == "shoes"


async def test_a_deletion_leaves_nothing(inbox: Inbox, store: Store) -> None:
    await inbox.take_in(incoming("a", "1"))
    await inbox.delete(incoming("a", "1"))
    await inbox.delete(incoming("a", "2"))
    await inbox.take_in(incoming("a", "2"))
    assert await leased(inbox) == []
    assert await inbox.count("slack") == {Fate.REFUSED: 2}
    await inbox.take_in(incoming("b", "secret"))
    (lease,) = await leased(inbox)
    message = await inbox.note(lease)
    await inbox.delete(incoming("b", "secret"))
    again = Incoming(Place("slack", "b"), "secret", "1", "anna", "my secret", "9")
    await inbox.edit(again, is_addressed=True)
    (kept,) = await store.log.messages(message.conversation)
    assert kept.text == "", "an edit that comes late brings nothing back"
    assert await store.log.search("secret") == []
    with pytest.raises(LeaseLost):
        await inbox.record(lease, reply())


async def test_a_deleted_conversation_takes_all_along(inbox: Inbox, store: Store) -> None:
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    await inbox.note(lease)
    await inbox.record(lease, reply())
    await store.log.delete(lease.conversation.id)
    assert await inbox.count("slack") == {}
    assert await store.outbox.count("slack") == {}
    assert not await inbox.knows(Place("slack", "a"))


async def test_who_writes_into_a_closed_conversation_opens_it(inbox: Inbox, store: Store) -> None:
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    await store.log.set_state(lease.conversation.id, ConversationState.CLOSED)
    await inbox.note(lease)
    assert (await store.log.conversation(lease.conversation.id)).state is ConversationState.OPEN


async def test_channels_are_apart(inbox: Inbox) -> None:
    await inbox.take_in(incoming("a", "1"))
    await inbox.take_in(Incoming(Place("matrix", "a"), "1", "1", "anna", "hi"))
    (lease,) = await inbox.lease("matrix", limit=9, seconds=60)
    assert lease.text == "hi"
    assert await inbox.count("slack") == {Fate.WAITING: 1}


async def test_an_edit_of_what_was_said_before_us_is_not_taken_in(inbox: Inbox) -> None:
    await inbox.take_in(incoming("a", "5"))
    older = Incoming(Place("slack", "a"), "3", "3", "ben", "a typo", "9")
    later = Incoming(Place("slack", "a"), "7", "7", "ben", "for us", "9")
    await inbox.edit(older, is_addressed=False)
    await inbox.edit(later, is_addressed=False)
    assert await inbox.count("slack") == {Fate.WAITING: 2}


async def test_a_message_whose_log_was_cleared_ends(inbox: Inbox, store: Store) -> None:
    await inbox.take_in(incoming("a", "1"))
    await inbox.take_in(incoming("a", "2"))
    (lease,) = await leased(inbox)
    message = await inbox.note(lease)
    await store.log.clear(message.conversation)
    with pytest.raises(LeaseLost):
        await inbox.note(lease)
    await inbox.edit(incoming("a", "1"), is_addressed=True)
    (following,) = await leased(inbox)
    assert following.text == "2"
    assert (await inbox.count("slack"))[Fate.REFUSED] == 1


async def test_a_part_of_a_reply_is_never_sent(inbox: Inbox, store: Store) -> None:
    await inbox.take_in(incoming("a", "1"))
    (lease,) = await leased(inbox)
    await inbox.note(lease)
    await inbox.record(lease, reply("half of an ans", MessageState.STOPPED))
    assert await inbox.count("slack") == {Fate.LEASED: 1}
    assert await store.outbox.count("slack") == {}


async def test_a_clock_that_was_set_back_stops_nothing(inbox: Inbox, clock: Clock) -> None:
    await inbox.take_in(incoming("a", "1"))
    await inbox.take_in(incoming("b", "2"))
    (first,) = await leased(inbox, limit=1)
    clock.pass_by(-7200)
    assert [lease.text for lease in await leased(inbox)] == [first.text, "2"]


async def test_trouble_that_is_not_its_own_is_not_counted(inbox: Inbox) -> None:
    await inbox.take_in(incoming("a", "1"))
    for counts in (False, True, False):
        (lease,) = await leased(inbox)
        await inbox.postpone(lease, seconds=0, reason="", counts=counts)
    (lease,) = await leased(inbox)
    assert (lease.attempt, lease.failures) == (2, 1)
