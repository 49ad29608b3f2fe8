from __future__ import annotations

import pytest

from bot.conversation import Conversation, ConversationState, MessageState, Reply, ReplyStatus, Role
from bot.delivery import Fate, Incoming, Outgoing, Place, Post, Posting
from bot.errors import HeldByAnother, UnknownConversation
from bot.store import Store
from bot.store.outbox import Outbox
from tests.store.test_inbox import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(store: Store, clock: Clock) -> Outbox:
    return Outbox(store.database, clock)


@pytest.fixture
async def talk(store: Store) -> Conversation:
    """A conversation with a place, and nothing to be done."""
    await store.inbox.take_in(Incoming(Place("slack", "a"), "1", "1", "anna", "hello"))
    (lease,) = await store.inbox.lease("slack", limit=1, seconds=60)
    await store.inbox.end(lease, Fate.REFUSED, "")
    return lease.conversation


def said(text: str) -> Reply:
    return Reply(text, ReplyStatus.ANSWERED, "en")


async def leased(outbox: Outbox) -> list[Outgoing]:
    return await outbox.lease("slack", limit=9, seconds=60)


async def test_one_after_the_other_in_a_place(outbox: Outbox, talk: Conversation) -> None:
    for text in ("first", "second"):
        await outbox.post(talk.id, said(text), role=Role.AGENT)
    (first,) = await leased(outbox)
    assert (first.message.text, first.place, first.may_have_landed) == (
        "first",
        Place("slack", "a"),
        False,
    )
    assert await leased(outbox) == []
    await outbox.sent((first, "ts1"))
    (second,) = await leased(outbox)
    assert second.message.text == "second"


async def test_a_sender_that_was_cut_off_may_have_posted(
    outbox: Outbox, talk: Conversation, clock: Clock
) -> None:
    await outbox.post(talk.id, said("first"), role=Role.AGENT)
    (old,) = await leased(outbox)
    clock.pass_by(61)
    (new,) = await leased(outbox)
    assert new.may_have_landed
    await outbox.sent((old, "late"))
    assert await outbox.count("slack") == {Posting.SENDING: 1}, "the old one is fenced off"
    await outbox.sent((new, "ts1"))
    assert await outbox.count("slack") == {Posting.SENT: 1}


async def test_a_postponed_one_keeps_its_place(
    outbox: Outbox, talk: Conversation, clock: Clock
) -> None:
    for text in ("first", "second"):
        await outbox.post(talk.id, said(text), role=Role.AGENT)
    (first,) = await leased(outbox)
    await outbox.postpone(first, seconds=30, reason="429")
    assert await leased(outbox) == []
    clock.pass_by(30)
    (again,) = await leased(outbox)
    assert (again.message.text, again.attempt, again.may_have_landed) == ("first", 2, False)
    await outbox.postpone(again, seconds=0, reason="503", landed=True)
    (third,) = await leased(outbox)
    assert third.may_have_landed
    await outbox.gave_up(third, "channel_not_found")
    second, alert = await leased(outbox)
    assert second.message.text == "second"
    assert (alert.message.id, alert.kind) == (third.message.id, Post.ALERT)
    await outbox.gave_up(alert, "channel_not_found")
    assert await outbox.count("slack", Post.ALERT) == {Posting.GAVE_UP: 1}


async def test_what_the_platform_calls_a_reply(outbox: Outbox, talk: Conversation) -> None:
    message = await outbox.post(talk.id, said("first"), role=Role.ASSISTANT)
    (first,) = await leased(outbox)
    await outbox.sent((first, "ts1"))
    found = await outbox.message_at("slack", "ts1")
    assert found
    assert found.id == message.id
    assert await outbox.message_at("slack", "ts2") is None
    assert await outbox.message_at("matrix", "ts1") is None
    assert await outbox.place_of(message.id) == first.place
    assert await outbox.place_of("nowhere") is None


async def test_a_takeover_withdraws_what_the_bot_has_not_sent(
    outbox: Outbox, talk: Conversation, store: Store, clock: Clock
) -> None:
    bots = [await outbox.post(talk.id, said(t), role=Role.ASSISTANT) for t in ("one", "two")]
    (sending,) = await leased(outbox)
    assert await outbox.take_over(talk.id, "ben") == 1, "one is on its way"
    await outbox.postpone(sending, seconds=0, reason="503", landed=True)
    assert await outbox.take_over(talk.id, "ben") == 0
    assert await outbox.count("slack") == {Posting.WITHDRAWN: 2}
    states = [m.state for m in await store.log.messages(talk.id) if m.id in {b.id for b in bots}]
    assert states == [MessageState.STOPPED, MessageState.STOPPED]
    found = await store.log.conversation(talk.id)
    assert (found.state, found.agent) == (ConversationState.HANDED_OFF, "ben")
    await outbox.post(talk.id, said("It is Ben."), role=Role.AGENT, agent="ben")
    (own,) = await leased(outbox)
    assert own.message.text == "It is Ben."


async def test_a_sender_that_died_does_not_hold_a_takeover_up(
    outbox: Outbox, talk: Conversation, clock: Clock
) -> None:
    await outbox.post(talk.id, said("one"), role=Role.ASSISTANT)
    await leased(outbox)
    assert await outbox.take_over(talk.id, "ben") == 1
    clock.pass_by(61)
    assert await outbox.take_over(talk.id, "ben") == 0
    assert await leased(outbox) == []


async def test_handed_back_the_bot_may_speak(
    outbox: Outbox, talk: Conversation, store: Store
) -> None:
    await outbox.take_over(talk.id, "ben")
    handed_back = await store.log.set_state(talk.id, ConversationState.OPEN)
    assert handed_back.agent == ""
    await outbox.post(talk.id, said("one"), role=Role.ASSISTANT)
    assert len(await leased(outbox)) == 1


async def test_a_conversation_without_a_place_has_nothing_to_be_sent(
    outbox: Outbox, store: Store
) -> None:
    talk = await store.log.start(channel="terminal")
    await outbox.post(talk.id, said("Hello."), role=Role.AGENT)
    assert await outbox.count("slack") == {}
    assert [m.text for m in await store.log.messages(talk.id)] == ["Hello."]
    with pytest.raises(UnknownConversation):
        await outbox.take_over("0" * 32, "ben")


async def test_one_agent_holds_a_conversation(outbox: Outbox, talk: Conversation) -> None:
    await outbox.take_over(talk.id, "ben")
    with pytest.raises(HeldByAnother, match="ben has this conversation"):
        await outbox.take_over(talk.id, "cleo")
    with pytest.raises(HeldByAnother):
        await outbox.post(talk.id, said("It is Cleo."), role=Role.AGENT, agent="cleo")
    assert await outbox.take_over(talk.id, "ben") == 0


async def test_a_takeover_that_was_broken_off_holds_nobody_up(
    outbox: Outbox, talk: Conversation, store: Store, clock: Clock
) -> None:
    await outbox.post(talk.id, said("one"), role=Role.ASSISTANT)
    await leased(outbox)
    assert await outbox.take_over(talk.id, "ben") == 1
    clock.pass_by(61)  # whoever asked is gone, as is the sender
    await outbox.post(talk.id, said("It is Ben."), role=Role.AGENT, agent="ben")
    (own,) = await leased(outbox)
    assert own.message.text == "It is Ben."
    await outbox.sent((own, "ts"))
    await store.log.set_state(talk.id, ConversationState.OPEN)
    assert await leased(outbox) == [], "handed back, the old answer stays unsaid"


async def test_what_was_given_up_calls_a_person(
    outbox: Outbox, talk: Conversation, store: Store
) -> None:
    await outbox.post(talk.id, said("one"), role=Role.ASSISTANT)
    (one,) = await leased(outbox)
    await outbox.postpone(one, seconds=0, reason="429", counts=False)
    (again,) = await leased(outbox)
    assert again.attempt == 1
    await outbox.gave_up(again, "channel_not_found")
    found = await store.log.conversation(talk.id)
    assert found.state is ConversationState.HANDED_OFF
