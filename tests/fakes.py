"""A chat model that says what it is told to, and the words-only model in miniature."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from bot.conversation import Sentiment, SentimentLabel


class ScriptedChatModel(BaseChatModel):
    """Streams its next reply a few characters at a time; a model that reads, by default."""

    replies: list[str]
    pause_after: int = -1
    """Pieces after which it waits for ever, for a test that stops it; -1 for never."""
    places: tuple[int, ...] = ()
    """In the queue, told before each reply as the engine's chat model tells them."""
    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def asked(self) -> Sequence[Sequence[BaseMessage]]:
        return self._asked

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self._asked.append(messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self.replies.pop(0)))])

    async def _astream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        self._asked.append(messages)
        text = self.replies.pop(0)
        for place in self.places:
            told = AIMessageChunk(content="", response_metadata={"queue_place": place})
            yield ChatGenerationChunk(message=told)
        for number, start in enumerate(range(0, len(text), 7)):
            if number == self.pause_after:
                await asyncio.Event().wait()
            yield ChatGenerationChunk(message=AIMessageChunk(content=text[start : start + 7]))


class CalmTagger:
    """Finds every message neutral."""

    async def atag(self, texts: Sequence[str], languages: Sequence[str]) -> list[Sentiment]:
        return [Sentiment(SentimentLabel.NEUTRAL, 0.0, 0.9) for _ in texts]
