import asyncio

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from bot.conversation import Conversation, MessageState, Reply, ReplyStatus, Role
from bot.errors import UnknownConversation, UsageError
from bot.store import ConversationLog
from bot.store.history import LoggedHistory


@pytest.fixture
def history(log: ConversationLog, conversation: Conversation) -> LoggedHistory:
    return LoggedHistory(log, conversation.id)


async def test_what_was_said_in_the_log(
    history: LoggedHistory, log: ConversationLog, conversation: Conversation
) -> None:
    asked = await log.note(conversation.id, "Where is my order?")
    answered = await log.record(conversation.id, Reply("Coming.", ReplyStatus.ANSWERED, "en"))
    failed = Reply("half an ans", ReplyStatus.UNKNOWN, "en", state=MessageState.FAILED)
    await log.record(conversation.id, failed)
    agents = Reply("I looked it up.", ReplyStatus.ANSWERED, "en")
    spoken = await log.record(conversation.id, agents, role=Role.AGENT)

    assert await history.aget_messages() == [
        HumanMessage("Where is my order?", id=asked.id),
        AIMessage("Coming.", id=answered.id, name="assistant"),
        AIMessage("I looked it up.", id=spoken.id, name="agent"),
    ]


async def test_only_the_newest(log: ConversationLog, conversation: Conversation) -> None:
    for number in range(5):
        await log.note(conversation.id, str(number))
    history = LoggedHistory(log, conversation.id, limit=2)
    assert [message.text for message in await history.aget_messages()] == ["3", "4"]


async def test_what_is_added_is_in_the_log(
    history: LoggedHistory, log: ConversationLog, conversation: Conversation
) -> None:
    await history.aadd_messages([HumanMessage("Hello"), AIMessage("How can I help?")])
    asked, answered = await log.messages(conversation.id)
    assert (asked.role, asked.text) == (Role.CUSTOMER, "Hello")
    assert (answered.role, answered.text) == (Role.ASSISTANT, "How can I help?")


async def test_a_message_of_another_kind_is_refused_and_none_is_added(
    history: LoggedHistory,
) -> None:
    with pytest.raises(UsageError, match="a 'system' message cannot be kept"):
        await history.aadd_messages([HumanMessage("Hello"), SystemMessage("Be kind")])
    assert await history.aget_messages() == []


async def test_without_await_inside_and_outside_of_an_event_loop(history: LoggedHistory) -> None:
    history.add_user_message("Hello")
    await asyncio.to_thread(history.add_ai_message, "How can I help?")
    assert [message.text for message in history.messages] == ["Hello", "How can I help?"]
    assert str(history) == "Human: Hello\nAI: How can I help?"
    history.clear()
    assert await history.aget_messages() == []


def test_outside_of_any_event_loop(log: ConversationLog) -> None:
    conversation = asyncio.run(log.start(channel="terminal"))
    history = LoggedHistory(log, conversation.id)
    history.add_user_message("Hello")
    assert [message.text for message in history.messages] == ["Hello"]


async def test_an_unknown_conversation(log: ConversationLog) -> None:
    with pytest.raises(UnknownConversation):
        await LoggedHistory(log, "missing").aget_messages()
