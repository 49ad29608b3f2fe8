from __future__ import annotations

from datetime import timedelta

import pytest

from bot.conversation import (
    Conversation,
    ConversationState,
    Message,
    Reply,
    ReplyStatus,
    Sentiment,
    SentimentLabel,
    Tag,
)
from bot.delivery import Incoming, Place
from bot.store import Store
from bot.store.figures import Now
from bot.store.rows import utc_now

CROSS = Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9)


@pytest.fixture
async def talk(store: Store) -> Conversation:
    return await store.log.start(channel="slack", customer="T1/U1")


async def turn(store: Store, talk: Conversation, status: ReplyStatus, rule: str = "") -> Message:
    asked = await store.log.note(talk.id, "?")
    await store.log.tag(asked.id, Tag("en", CROSS))
    return await store.log.record(talk.id, Reply("!", status, "en", rule=rule))


async def test_what_was_since_a_time(store: Store, talk: Conversation) -> None:
    before = utc_now() - timedelta(minutes=1)
    answered = await turn(store, talk, ReplyStatus.ANSWERED)
    await turn(store, talk, ReplyStatus.ANSWERED, rule="small talk")
    await turn(store, talk, ReplyStatus.UNKNOWN)
    await store.feedback.give(answered.id, "T1/U1", helpful=True)
    await store.feedback.give(answered.id, "T1/U2", helpful=False)
    other = await store.log.start(channel="slack", customer="T10/U1")
    await turn(store, other, ReplyStatus.HANDED_OFF)
    found = await store.figures.since(before, "slack", "T1/")
    assert (found.conversations, found.messages) == (1, 3)
    assert found.moods == {SentimentLabel.NEGATIVE: 3}
    assert found.replies == {ReplyStatus.ANSWERED: 1, ReplyStatus.UNKNOWN: 1}
    assert (found.helpful, found.unhelpful) == (1, 1)
    everybody = await store.figures.since(before, "slack")
    assert (everybody.conversations, everybody.messages) == (2, 4)
    later = await store.figures.since(utc_now() + timedelta(minutes=1), "slack")
    assert (later.conversations, later.messages, later.helpful) == (0, 0, 0)


async def test_what_is_going_on(store: Store, talk: Conversation) -> None:
    await store.log.set_state(talk.id, ConversationState.HANDED_OFF)
    held = await store.log.start(channel="slack", customer="T1/U2")
    await store.outbox.take_over(held.id, "ben")
    await store.inbox.take_in(Incoming(Place("slack", "a"), "1", "1", "T1/U3", "hello"))
    assert await store.figures.now("slack", "T1/") == Now(unanswered=1, waiting=1, held=1)
    assert await store.figures.now("slack", "T2/") == Now(0, 0, 0)
    assert await store.figures.now("slack", "%") == Now(0, 0, 0)
