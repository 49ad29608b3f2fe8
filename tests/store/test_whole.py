from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, table

from bot.conversation import (
    Citation,
    Conversation,
    ConversationState,
    Message,
    ReplyStatus,
    Role,
    Sentiment,
    SentimentLabel,
    Timing,
)
from bot.errors import StoreError
from bot.store import Store
from bot.store.cohort import Encoded, Period
from bot.store.feedback import Feedback
from bot.store.ratings import Rating
from bot.store.rows import new_id
from bot.store.schema import Base, MessageRow
from bot.store.whole import Whole

START = datetime(2026, 5, 1, tzinfo=UTC)
PAGE = Citation("returns.md", "Returns", "Shoes", "60 days.")
SHOWN = Citation("stores.md", "Stores", "", "Open.", cited=False)
CROSS = Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def whole(customer: str, question: str = "How long for shoes?", begins: float = 0) -> Whole:
    """A question and its answer, ten minutes later."""
    talk = Conversation(
        *(new_id(), "slack", customer, question, ConversationState.HANDED_OFF),
        *(at(begins), at(begins + 10), "ben"),
    )
    asked = Message(
        *(new_id(), talk.id, Role.CUSTOMER, question, at(begins)),
        language="en",
        sentiment=CROSS,
    )
    answer = Message(
        *(new_id(), talk.id, Role.ASSISTANT, "60 days, free of charge.", at(begins + 10)),
        language="en",
        status=ReplyStatus.ANSWERED,
        rule="supported",
        model="kefu-small",
        prompt_version="p1",
        knowledge_version="k1",
        timing=Timing(12.5, 80.0, 400, 380, 20, 250.0),
        citations=(PAGE, SHOWN),
    )
    marked = Feedback(answer.id, customer, False, "wrong", at(begins + 11))
    return Whole(talk, (asked, answer), (marked,), Rating(2, "slow", at(begins + 12)))


async def found(store: Store, text: str) -> list[str]:
    return [hit.message.text for hit in await store.log.search(text)]


async def rows(store: Store) -> dict[str, int]:
    """Of every table that holds any."""
    names = [*Base.metadata.tables, "message_terms"]
    async with store.database.reading() as session:
        counts = {
            name: await session.scalar(select(func.count()).select_from(table(name))) or 0
            for name in names
        }
    return {name: count for name, count in counts.items() if count and name != "knowledge"}


async def test_it_is_read_as_it_was_added(store: Store) -> None:
    one = whole("demo/anna")
    await store.whole.add([one])
    assert await store.log.conversation(one.conversation.id) == one.conversation
    assert await store.log.messages(one.conversation.id) == list(one.messages)
    assert await store.feedback.in_conversation(one.conversation.id) == list(one.feedback)
    assert await store.ratings.of(one.conversation.id) == one.rating
    (overview,) = await store.log.overview()
    assert overview.messages == 2
    assert overview.sentiment == CROSS


async def test_it_is_found_by_its_words(store: Store) -> None:
    await store.whole.add([whole("demo/anna"), whole("demo/wei", "我的包裹在哪里？")])
    assert await found(store, "sho") == ["How long for shoes?"]
    assert await found(store, "包裹") == ["我的包裹在哪里？"]
    assert await found(store, "charge free") == ["60 days, free of charge."] * 2


async def test_messages_stand_in_the_log_in_the_order_of_their_times(store: Store) -> None:
    earlier = await store.log.start(channel="terminal")
    first = await store.log.note(earlier.id, "Before all of them")
    one, other = whole("demo/a", begins=5), whole("demo/b", begins=0)
    await store.whole.add([one, other])
    async with store.database.reading() as session:
        in_order = list(await session.scalars(select(MessageRow.id).order_by(MessageRow.number)))
    asked, answered = zip(other.messages, one.messages, strict=True)
    assert in_order == [first.id, *(message.id for message in (*asked, *answered))]


async def test_a_conversation_goes_on_after_it_was_added(store: Store) -> None:
    one = whole("demo/anna")
    await store.whole.add([one])
    later = await store.log.note(one.conversation.id, "And hats?")
    assert (await store.log.messages(one.conversation.id))[-1] == later
    assert await found(store, "hats") == ["And hats?"]


async def test_all_of_them_or_none(store: Store) -> None:
    one = whole("demo/anna")
    await store.whole.add([one])
    before = await rows(store)
    with pytest.raises(StoreError):
        await store.whole.add([whole("demo/ben", "Where is my lamp?"), one])
    assert await rows(store) == before
    assert await found(store, "lamp") == []


async def test_none_at_all_changes_nothing(store: Store) -> None:
    await store.whole.add([])
    assert await rows(store) == {}
    plain = whole("demo/anna")
    silent = Whole(replace(plain.conversation, customer=""), ())
    await store.whole.add([silent])
    assert await rows(store) == {"conversations": 1}


async def test_removing_leaves_nothing(store: Store) -> None:
    one = whole("demo/anna")
    await store.whole.add([one])
    await store.digests.edit(one.conversation.id, "issue", "Shoes.", "ben")
    await store.notes.add(one.conversation.id, "ben", "looked it up")
    await store.cohort.keep_vectors("tiny", [Encoded(one.messages[0].id, 0, b"0000")])
    assert {"citations", "feedback", "ratings", "message_terms"} <= set(await rows(store))
    assert await store.whole.remove("demo/") == 1
    assert await rows(store) == {}
    assert await found(store, "shoes") == []
    assert await store.whole.remove("demo/") == 0


async def test_what_is_removed_begins_so(store: Store) -> None:
    names = ["demo/", "demo/anna", "demo/%", "demo/_x", "demo", "demox", "a/demo/", "", "%", "_"]
    await store.whole.add([whole(name, name or "nobody") for name in names])
    assert await store.whole.count_others("demo/") == 6
    assert await store.whole.remove("demo/") == 4
    left = await store.cohort.started(Period(START, at(1)))
    assert sorted(one.customer for one in left) == sorted(names[4:])
    assert (await rows(store))["message_terms"] == 2 * 6


async def test_percent_underscore_and_backslash_are_letters(store: Store) -> None:
    names = {"d%/anna", "d_/anna", "d\\/anna", "dx/anna", "dxx/anna"}
    await store.whole.add([whole(name) for name in names])
    assert await store.whole.remove("d/") == 0
    for begins in ("d%/", "d_/", "d\\/"):
        assert await store.whole.count_others(begins) == len(names) - 1
        assert await store.whole.remove(begins) == 1
        names.remove(f"{begins}anna")
        left = await store.cohort.started(Period(START, at(1)))
        assert {one.customer for one in left} == names
