from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from bot.conversation import (
    Conversation,
    Message,
    Reply,
    ReplyStatus,
    Sentiment,
    SentimentLabel,
    Tag,
)
from bot.delivery import Incoming, Place
from bot.errors import UnknownConversation
from bot.store import Store
from bot.store.cohort import Encoded, Period, Started
from bot.store.digests import Made
from bot.store.log import edit
from bot.store.schema import DigestEditRow, DigestRow, MessageVectorRow, RatingRow

EVER = Period(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
CROSS = Tag("de", Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9))
Change = Callable[[Store, Message, Message], Awaitable[object]]


@pytest.fixture
async def asked(store: Store, conversation: Conversation) -> Message:
    return await store.log.note(conversation.id, "How long?")


@pytest.fixture
async def reply(store: Store, conversation: Conversation, asked: Message) -> Message:
    said = await store.log.record(conversation.id, Reply("60 days.", ReplyStatus.ANSWERED, "en"))
    await store.feedback.give(said.id, "ada", helpful=True, reference="$1")
    return said


async def started(store: Store) -> Started:
    (one,) = await store.cohort.started(EVER)
    return one


async def keep(store: Store, body: str = "{}") -> None:
    """A digest of the only conversation as it is now."""
    one = await started(store)
    await store.digests.keep([Made(one.id, one.revision, "of now", body)])


async def kept(store: Store) -> list[str]:
    return list((await store.cohort.digests(EVER)).values())


async def edit_it(store: Store, asked: Message, reply: Message) -> None:
    async with store.database.writing() as session:
        await edit(session, asked.id, "How long for shoes?")


FORGETS: dict[str, Change] = {
    "a message is edited": edit_it,
    "feedback is given": lambda store, _, reply: store.feedback.give(
        reply.id, "ben", helpful=False
    ),
    "feedback is taken back": lambda store, _, reply: store.feedback.take_back(reply.id, "ada"),
    "feedback is taken back elsewhere": lambda store, *_: store.feedback.take_back_at("$1"),
    "the log is cleared": lambda store, asked, _: store.log.clear(asked.conversation),
}


async def test_the_last_one_is_kept(store: Store, reply: Message) -> None:
    assert (await started(store)).fingerprint is None
    await keep(store, "first")
    await keep(store, "second")
    assert await kept(store) == ["second"]
    assert (await started(store)).fingerprint == "of now"


@pytest.mark.parametrize("change", FORGETS.values(), ids=FORGETS)
async def test_it_is_forgotten_when(
    store: Store, asked: Message, reply: Message, change: Change
) -> None:
    other = await store.log.start(channel="terminal")
    await store.digests.keep([Made(other.id, 0, "", "another's")])
    one = next(one for one in await store.cohort.started(EVER) if one.id == asked.conversation)
    made = Made(one.id, one.revision, "of now", "{}")
    await store.digests.keep([made])
    await change(store, asked, reply)
    assert await kept(store) == ["another's"]
    await store.digests.keep([made])
    assert await kept(store) == ["another's"], "it was made from what is no more"


async def test_what_is_added_is_told_by_numbers(
    store: Store, asked: Message, reply: Message
) -> None:
    await keep(store)
    before = await started(store)
    await store.log.tag(asked.id, CROSS)
    tagged = await started(store)
    assert (before.tagged, tagged.tagged) == (0, 1)
    await store.log.note(asked.conversation, "And hats?")
    longer = await started(store)
    assert longer.last > before.last
    assert (before.messages, longer.messages) == (2, 3)
    assert await kept(store) == ["{}"]


async def test_it_stays_when_nothing_that_was_said_is_another(
    store: Store, asked: Message, reply: Message
) -> None:
    await keep(store)
    await store.log.rename(asked.conversation, "Shoes")
    await store.ratings.give(asked.conversation, 5)
    await store.feedback.take_back_at("$2")
    assert await kept(store) == ["{}"]


async def test_it_is_forgotten_when_the_platform_brings_an_edit_or_takes_back(store: Store) -> None:
    place = Place("slack", "C1")
    await store.inbox.take_in(Incoming(place, "1", "1", "anna", "How long?"))
    (lease,) = await store.inbox.lease("slack", limit=1, seconds=60)
    await store.inbox.note(lease)
    await keep(store)
    edited = Incoming(place, "1", "1", "anna", "How long for shoes?", "r1")
    await store.inbox.edit(edited, is_addressed=True)
    assert await kept(store) == []
    await keep(store)
    await store.inbox.edit(edited, is_addressed=True)
    assert await kept(store) == ["{}"], "that edit came before"
    await store.inbox.delete(edited)
    assert await kept(store) == []


async def test_of_a_deleted_conversation_none_is_kept(store: Store, reply: Message) -> None:
    one = await started(store)
    await store.log.delete(one.id)
    other = await store.log.start(channel="terminal")
    await store.digests.keep(
        [Made(one.id, one.revision, "", "gone"), Made(other.id, 0, "", "there")]
    )
    assert await store.cohort.digests(EVER) == {other.id: "there"}


async def test_what_a_person_has_written_stays(
    store: Store, asked: Message, reply: Message
) -> None:
    talk = asked.conversation
    await keep(store)
    await store.digests.edit(talk, "issue", "Shoes.", "ben")
    await store.digests.edit(talk, "issue", "Shoes, 60 days.", "cleo")
    await store.digests.edit(talk, "summary", "Settled.", "ben")
    written = {"issue": "Shoes, 60 days.", "summary": "Settled."}
    await store.log.tag(asked.id, CROSS)
    await store.feedback.take_back(reply.id, "ada")
    await keep(store, "anew")
    assert await store.digests.edits(talk) == written
    assert await store.cohort.edits(EVER) == {talk: written}
    await store.digests.unlock(talk, "issue")
    await store.digests.unlock(talk, "issue")
    assert await store.digests.edits(talk) == {"summary": "Settled."}


async def test_nothing_is_written_of_an_unknown_conversation(store: Store) -> None:
    with pytest.raises(UnknownConversation):
        await store.digests.edit("nowhere", "issue", "Shoes.", "ben")
    assert await store.digests.edits("nowhere") == {}


async def test_all_of_it_goes_with_the_conversation(store: Store, asked: Message) -> None:
    await keep(store)
    await store.digests.edit(asked.conversation, "issue", "Shoes.", "ben")
    await store.ratings.give(asked.conversation, 4)
    await store.cohort.keep_vectors("tiny", [Encoded(asked.id, 0, b"0000")])
    tables = DigestRow, DigestEditRow, RatingRow, MessageVectorRow

    async def rows() -> list[int | None]:
        async with store.database.reading() as session:
            return [await session.scalar(select(func.count()).select_from(t)) for t in tables]

    assert await rows() == [1, 1, 1, 1]
    await store.log.delete(asked.conversation)
    assert await rows() == [0, 0, 0, 0]
