"""What was once kept, counted or numbered wrongly."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select

from bot.conversation import Sentiment, SentimentLabel, Tag
from bot.demo.filling import whole
from bot.demo.world import World
from bot.store import Store
from bot.store.cohort import Encoded, Period
from bot.store.log import edit
from bot.store.schema import MessageRow

EVER = Period(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


async def test_vectors_of_an_edited_message(store: Store) -> None:
    talk = await store.log.start(channel="terminal")
    said = await store.log.note(talk.id, "How long?")
    await store.cohort.keep_vectors("tiny", [Encoded(said.id, 0, b"1234")])
    async with store.database.writing() as session:
        await edit(session, said.id, "Where is my lamp?")
    assert await store.cohort.vectors(EVER, "tiny") == {}
    await store.cohort.keep_vectors("tiny", [Encoded(said.id, 0, b"1234")])
    assert await store.cohort.vectors(EVER, "tiny") == {}, "it is that of the text before"


async def test_of_what_was_taken_back_nothing_stays(store: Store) -> None:
    talk = await store.log.start(channel="terminal")
    said = await store.log.note(talk.id, "My name is Anna, my card is 4111.")
    await store.log.tag(said.id, Tag("en", Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9)))
    await store.digests.edit(talk.id, "summary", "Anna's card is 4111.", "ben")
    async with store.database.writing() as session:
        await edit(session, said.id, "")
    (left,) = await store.log.messages(talk.id)
    assert (left.text, left.sentiment) == ("", None)
    assert (await store.log.conversation(talk.id)).title == ""
    assert await store.digests.edits(talk.id) == {}


async def test_channels(store: Store) -> None:
    await store.log.start(channel="terminal")
    assert await store.cohort.channels() == ["terminal"]


async def test_numbers_are_never_used_again(store: Store) -> None:
    talk = await store.log.start(channel="terminal")
    await store.log.note(talk.id, "How long?")
    await store.log.delete(talk.id)
    now = datetime(2026, 11, 1, tzinfo=UTC)
    await store.whole.add([whole(one, now) for one in World(1, 2, now).conversations()])
    async with store.database.reading() as session:
        assert await session.scalar(select(func.min(MessageRow.number))) > 1


async def test_capitals_are_others(store: Store) -> None:
    await store.log.start(channel="slack", customer="DEMO/real")
    assert await store.whole.count_others("demo/") == 1
    assert await store.whole.remove("demo/") == 0
