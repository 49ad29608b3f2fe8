"""A conversation of the log as langchain-core sees one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from bot.conversation import Message, MessageState, Reply, ReplyStatus, Role
from bot.errors import UsageError
from bot.store.log import ConversationLog

T = TypeVar("T")


class LoggedHistory(BaseChatMessageHistory):
    """Customers' messages are the human ones; replies that failed are left out.

    The methods without an `a` run an event loop of their own, in a thread of their own.
    """

    def __init__(
        self, log: ConversationLog, conversation_id: str, *, limit: int | None = None
    ) -> None:
        super().__init__()
        self._log = log
        self._conversation_id = conversation_id
        self._limit = limit

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # read-only, as in its docs
        return _run(self.aget_messages())

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        _run(self.aadd_messages(messages))

    def clear(self) -> None:
        _run(self.aclear())

    async def aget_messages(self) -> list[BaseMessage]:
        messages = await self._log.messages(self._conversation_id, limit=self._limit)
        return [_spoken(message) for message in messages if message.state != MessageState.FAILED]

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Raise UsageError, and add none, where one is neither a human's nor an AI's."""
        for message in messages:
            if not isinstance(message, HumanMessage | AIMessage):
                raise UsageError(
                    f"a {message.type!r} message cannot be kept in a conversation: "
                    "add what the customer or the assistant said"
                )
        for message in messages:
            await self._add(message)

    async def aclear(self) -> None:
        await self._log.clear(self._conversation_id)

    async def _add(self, message: BaseMessage) -> None:
        if isinstance(message, HumanMessage):
            await self._log.note(self._conversation_id, message.text)
        else:
            reply = Reply(message.text, ReplyStatus.ANSWERED, language="")
            await self._log.record(self._conversation_id, reply)


def _spoken(message: Message) -> BaseMessage:
    if message.role is Role.CUSTOMER:
        return HumanMessage(message.text, id=message.id)
    return AIMessage(message.text, id=message.id, name=message.role.value)


def _run(work: Coroutine[Any, Any, T]) -> T:
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
