from __future__ import annotations

import pytest

from bot.conversation import Conversation, Message, Reply, ReplyStatus
from bot.errors import UnknownMessage
from bot.store import Store


@pytest.fixture
async def reply(store: Store, conversation: Conversation) -> Message:
    return await store.log.record(conversation.id, Reply("60 days.", ReplyStatus.ANSWERED, "en"))


async def given(store: Store, reply: Message) -> list[tuple[str, bool, str]]:
    return [(f.customer, f.helpful, f.remark) for f in await store.feedback.of([reply.id])]


async def test_the_last_word_of_each_counts(store: Store, reply: Message) -> None:
    await store.feedback.give(reply.id, "anna", helpful=True)
    await store.feedback.give(reply.id, "ben", helpful=True)
    await store.feedback.give(reply.id, "anna", helpful=False, remark="It is 30 days.")
    assert await given(store, reply) == [("ben", True, ""), ("anna", False, "It is 30 days.")]
    await store.feedback.take_back(reply.id, "ben")
    assert [customer for customer, *_ in await given(store, reply)] == ["anna"]


async def test_it_is_taken_back_by_what_the_platform_calls_it(store: Store, reply: Message) -> None:
    await store.feedback.give(reply.id, "anna", helpful=True, reference="$first")
    await store.feedback.give(reply.id, "anna", helpful=False, reference="$second")
    await store.feedback.take_back_at("$first")
    assert await given(store, reply) == [("anna", False, "")]
    await store.feedback.take_back_at("$second")
    assert await given(store, reply) == []


async def test_replies_alone_have_feedback(store: Store, conversation: Conversation) -> None:
    asked = await store.log.note(conversation.id, "How long?")
    for message_id in (asked.id, "nowhere"):
        with pytest.raises(UnknownMessage):
            await store.feedback.give(message_id, "anna", helpful=True)


async def test_it_goes_with_the_conversation(store: Store, reply: Message) -> None:
    await store.feedback.give(reply.id, "anna", helpful=True, remark="x" * 3_000)
    assert len((await given(store, reply))[0][2]) == 2_000
    await store.log.delete(reply.conversation)
    assert await given(store, reply) == []


async def test_of_a_whole_conversation(store: Store, reply: Message) -> None:
    other = await store.log.start(channel="slack")
    elsewhere = await store.log.record(other.id, Reply("No.", ReplyStatus.ANSWERED, "en"))
    later = await store.log.record(reply.conversation, Reply("Yes.", ReplyStatus.ANSWERED, "en"))
    for message in (later, reply, elsewhere):
        await store.feedback.give(message.id, "anna", helpful=True)
    found = await store.feedback.in_conversation(reply.conversation)
    assert [one.message for one in found] == [later.id, reply.id]
