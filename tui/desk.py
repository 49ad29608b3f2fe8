"""What the terminal needs of kefu. `bot.app.Kefu` is one; the tests have another."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypeAlias

from bot.conversation import (
    Conversation,
    ConversationState,
    Message,
    Sentiment,
    TurnEvent,
)

CHANNEL = "terminal"
"""The channel of the conversations that are begun here."""
WITH_PERSON = "Your message was passed on to the person who has this conversation."


class Overview(Protocol):
    @property
    def conversation(self) -> Conversation: ...
    @property
    def messages(self) -> int: ...
    @property
    def last_text(self) -> str: ...
    @property
    def sentiment(self) -> Sentiment | None: ...


class Hit(Protocol):
    @property
    def conversation(self) -> Conversation: ...
    @property
    def message(self) -> Message: ...
    @property
    def snippet(self) -> str: ...


class ConversationLog(Protocol):
    async def start(self, *, channel: str, customer: str = "", title: str = "") -> Conversation: ...
    async def conversation(self, conversation_id: str) -> Conversation: ...
    async def overview(
        self, *, limit: int = 50, offset: int = 0, channel: str | None = None
    ) -> Sequence[Overview]: ...
    async def messages(
        self, conversation_id: str, *, limit: int | None = None, before: str | None = None
    ) -> Sequence[Message]: ...
    async def rename(self, conversation_id: str, title: str) -> Conversation: ...
    async def delete(self, conversation_id: str) -> None: ...
    async def set_state(self, conversation_id: str, state: ConversationState) -> Conversation: ...
    async def search(self, text: str, *, limit: int = 20) -> Sequence[Hit]: ...


class Assistant(Protocol):
    def reply(self, conversation: Conversation, text: str) -> AsyncIterator[TurnEvent]: ...


class ChatDesk(Protocol):
    @property
    def log(self) -> ConversationLog: ...
    @property
    def assistant(self) -> Assistant: ...
    @property
    def model_name(self) -> str: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def business(self) -> str: ...

    async def mark(self, message_id: str, *, helpful: bool, remark: str = "") -> None:
        """What the customer thinks of a reply: their last word counts."""
        ...

    async def rate(self, conversation_id: str, score: int, remark: str = "") -> None:
        """The whole conversation, 1 to 5."""
        ...


DeskOpener: TypeAlias = Callable[[], AbstractAsyncContextManager[ChatDesk]]


@asynccontextmanager
async def closing(events: AsyncIterator[TurnEvent]) -> AsyncIterator[AsyncIterator[TurnEvent]]:
    """A reply that nobody listens to any longer is stopped at once, not when it is collected."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()
