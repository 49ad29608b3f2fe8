from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.conversation import Conversation, Message, Reply, ReplyStatus
from bot.store import ConversationLog, Store
from bot.store.cohort import Encoded, Opinion, Period, Rated
from bot.store.digests import Made

START = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST_TWO = Period(START, START + 2 * DAY)
EVER = Period(START - 100 * DAY, START + 100 * DAY)


class Shop:
    """Conversations with one message each."""

    def __init__(self, store: Store) -> None:
        self.now = START
        self.log = ConversationLog(store.database, lambda: self.now)

    async def asks(
        self, days: float = 0, channel: str = "terminal", customer: str = "ada"
    ) -> Message:
        self.now = START + days * DAY
        talk = await self.log.start(channel=channel, customer=customer)
        return await self.log.note(talk.id, "How long?")

    async def answers(self, asked: Message) -> Message:
        reply = Reply("60 days.", ReplyStatus.ANSWERED, "en")
        return await self.log.record(asked.conversation, reply)


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store)


async def ids(store: Store, period: Period) -> list[str]:
    return [one.id for one in await store.cohort.started(period)]


async def test_a_period_begins_with_since_and_ends_before_until(store: Store, shop: Shop) -> None:
    instant = timedelta(microseconds=1) / DAY
    last, second, first = [await shop.asks(days) for days in (2 - instant, 1, 0)]
    for days in (-instant, 2):
        await shop.asks(days)
    assert await ids(store, FIRST_TWO) == [m.conversation for m in (first, second, last)]


async def test_what_is_known_of_a_conversation(
    store: Store, shop: Shop, conversation: Conversation
) -> None:
    asked = await shop.asks(1, "slack", "anna")
    await shop.answers(asked)
    assert await ids(store, EVER) == [asked.conversation], "one without a message is left out"
    (one,) = await store.cohort.started(FIRST_TWO)
    assert (one.channel, one.customer, one.title) == ("slack", "anna", "How long?")
    assert (one.at, one.messages, one.fingerprint) == (START + DAY, 2, None)
    await store.digests.keep([Made(one.id, one.revision, "f", "{}")])
    await shop.answers(asked)
    (later,) = await store.cohort.started(FIRST_TWO)
    assert (later.messages, later.fingerprint) == (3, "f")
    assert later.last > one.last


async def test_one_channel_or_all_but_trials(store: Store, shop: Shop) -> None:
    slack, terminal = await shop.asks(0, "slack"), await shop.asks(1, "terminal")
    trial = await shop.asks(1, "ask")
    await shop.asks(3, "ask")
    assert await ids(store, FIRST_TWO) == [slack.conversation, terminal.conversation]
    assert await store.cohort.trials(FIRST_TWO) == 1
    for channel, asked in (("slack", slack), ("ask", trial)):
        of_channel = Period(FIRST_TWO.since, FIRST_TWO.until, channel)
        assert await ids(store, of_channel) == [asked.conversation]
        assert await store.cohort.trials(of_channel) == 0


async def test_bounds(store: Store, shop: Shop) -> None:
    await shop.asks(-5, "ask")
    assert await store.cohort.bounds() is None
    for days in (3, 1, 2):
        await shop.asks(days)
    assert await store.cohort.bounds() == (START + DAY, START + 3 * DAY)


async def test_messages_of_more_conversations_than_a_query_takes(store: Store, shop: Shop) -> None:
    asked = [await shop.asks(), await shop.asks()]
    replies = [await shop.answers(message) for message in asked]
    wanted = [asked[0].conversation, *(f"no {n}" for n in range(1_200)), asked[1].conversation]
    assert await store.cohort.messages(wanted) == {
        message.conversation: [message, reply]
        for message, reply in zip(asked, replies, strict=True)
    }
    assert await store.cohort.messages([]) == {}


async def test_what_customers_think(store: Store, shop: Shop) -> None:
    first, second, later = await shop.asks(0), await shop.asks(1), await shop.asks(2)
    replies = [await shop.answers(asked) for asked in (first, second, later)]
    for number, reply in enumerate(replies):
        await store.feedback.give(reply.id, "ada", helpful=number != 1, remark=f"no. {number}")
        await store.ratings.give(reply.conversation, 5 - number)
    await store.feedback.give(replies[0].id, "ben", helpful=False)
    assert await store.cohort.opinions(FIRST_TWO) == [
        Opinion(first.conversation, True, "no. 0"),
        Opinion(second.conversation, False, "no. 1"),
        Opinion(first.conversation, False, ""),
    ]
    assert await store.cohort.ratings(FIRST_TWO) == [
        Rated(first.conversation, 5, ""),
        Rated(second.conversation, 4, ""),
    ]
    talks = [message.conversation for message in (first, second, later)]
    assert await store.cohort.unhelpful(talks) == {
        first.conversation: {replies[0].id},
        second.conversation: {replies[1].id},
    }


async def test_digests_and_what_people_wrote_in_them(store: Store, shop: Shop) -> None:
    asked = [await shop.asks(days) for days in (0, 1, 2)]
    for number, message in enumerate(asked):
        await store.digests.keep([Made(message.conversation, 0, "f", f"{number}")])
        await store.digests.edit(message.conversation, "issue", f"{number}!", "ben")
    first, second, _ = (message.conversation for message in asked)
    assert await store.cohort.digests(FIRST_TWO) == {first: "0", second: "1"}
    assert await store.cohort.edits(FIRST_TWO) == {first: {"issue": "0!"}, second: {"issue": "1!"}}


def encoded(ids: list[str], vectors: list[bytes]) -> list[Encoded]:
    return [Encoded(message, 0, vector) for message, vector in zip(ids, vectors, strict=True)]


async def test_vectors_come_back_as_they_went_in(store: Store, shop: Shop) -> None:
    first, second, later = await shop.asks(0), await shop.asks(1), await shop.asks(2)
    ids = [first.id, "of a deleted message", second.id, later.id]
    await store.cohort.keep_vectors("tiny", encoded(ids, [b"\0\1", b"gone", b"\xff\0", b"late"]))
    assert await store.cohort.vectors(FIRST_TWO, "tiny") == {
        first.id: b"\0\1",
        second.id: b"\xff\0",
    }
    await store.cohort.keep_vectors("other", encoded([first.id], [b"new"]))
    assert await store.cohort.vectors(FIRST_TWO, "other") == {first.id: b"new"}
    assert await store.cohort.vectors(FIRST_TWO, "tiny") == {second.id: b"\xff\0"}
    await store.log.delete(second.conversation)
    assert await store.cohort.vectors(EVER, "tiny") == {later.id: b"late"}
    await store.cohort.keep_vectors("tiny", encoded(["nowhere"], [b"gone"]))
    await store.cohort.keep_vectors("tiny", [])


async def test_visits_of_known_customers(store: Store, shop: Shop) -> None:
    for days, channel, customer in (
        *((1, "slack", "anna"), (0, "slack", "anna"), (0, "terminal", "anna")),
        *((1, "slack", ""), (0, "ask", "anna"), (2, "slack", "anna")),
    ):
        await shop.asks(days, channel, customer)
    assert await store.cohort.visits(FIRST_TWO) == {
        ("slack", "anna"): [START, START + DAY],
        ("terminal", "anna"): [START],
    }
