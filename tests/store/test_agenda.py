from __future__ import annotations

import pytest

from bot.conversation import (
    Conversation,
    ConversationState,
    Reply,
    ReplyStatus,
    Sentiment,
    SentimentLabel,
    Tag,
)
from bot.store import Store
from bot.store.agenda import Need

CROSS = Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9)
GLAD = Sentiment(SentimentLabel.POSITIVE, 0.8, 0.9)


@pytest.fixture
async def talks(store: Store) -> dict[str, Conversation]:
    """Begun in this order, each with a message."""
    found = {}
    for name in ("calm", "cross", "first called", "held", "second called", "closed", "glad again"):
        found[name] = await store.log.start(channel="slack", customer=name)
        message = await store.log.note(found[name].id, name)
        if name in ("cross", "glad again"):
            await store.log.tag(message.id, Tag("en", CROSS))
    for name in ("first called", "second called"):
        await store.log.set_state(found[name].id, ConversationState.HANDED_OFF)
    await store.outbox.take_over(found["held"].id, "ben")
    await store.log.set_state(found["closed"].id, ConversationState.CLOSED)
    message = await store.log.note(found["glad again"].id, "Thanks!")
    await store.log.tag(message.id, Tag("en", GLAD))
    return found


async def test_by_need(store: Store, talks: dict[str, Conversation]) -> None:
    items = await store.agenda.items()
    assert [(item.conversation.customer, item.need) for item in items] == [
        ("first called", Need.WAITS),
        ("second called", Need.WAITS),
        ("held", Need.HELD),
        ("cross", Need.UNHAPPY),
        ("glad again", Need.OPEN),
        ("calm", Need.OPEN),
    ]
    assert items[2].conversation.agent == "ben"
    assert [item.mood for item in items[3:5]] == [SentimentLabel.NEGATIVE, SentimentLabel.POSITIVE]
    assert await store.agenda.counts() == {
        Need.WAITS: 2,
        Need.HELD: 1,
        Need.UNHAPPY: 1,
        Need.OPEN: 2,
    }


async def test_page_by_page(store: Store, talks: dict[str, Conversation]) -> None:
    whole = await store.agenda.items()
    pages = [await store.agenda.items(limit=4, offset=offset) for offset in (0, 4)]
    assert [item for page in pages for item in page] == whole


async def test_trials_are_not_live_unless_they_wait_for_a_person(store: Store) -> None:
    trial = await store.log.start(channel="ask")
    assert await store.agenda.items() == []
    await store.log.set_state(trial.id, ConversationState.HANDED_OFF)
    assert len(await store.agenda.items()) == 1


async def test_who_writes_while_they_wait_keeps_their_place(store: Store) -> None:
    first, second = [await store.log.start(channel="slack", customer=name) for name in "ab"]
    called = Reply("A person is called.", ReplyStatus.HANDED_OFF, "en")
    since = {}
    for talk in (first, second):
        said = await store.log.record(
            talk.id, called, conversation_state=ConversationState.HANDED_OFF
        )
        since[talk.id] = said.created_at
    await store.log.note(first.id, "Hello?")
    items = await store.agenda.items()
    assert [item.conversation.customer for item in items] == ["a", "b"]
    assert {item.conversation.id: item.since for item in items} == since
    assert await store.agenda.waiting() == {first.id, second.id}
    await store.outbox.take_over(first.id, "ben")
    assert await store.agenda.waiting() == {second.id}
