"""What a language model is to its callers, wherever it runs: prompts in, text out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

from bot.engine.prompt import Prompt
from bot.engine.request import Request, Said
from bot.engine.stream import AsyncStream, Cancellable, Outlet, Stream
from bot.engine.template import ChatTemplate, ChatTurn
from bot.engine.vocabulary import Vocabulary
from bot.errors import ContextOverflow, ModelError
from bot.settings import EngineSettings

S = TypeVar("S", bound="Stream[Said] | AsyncStream[Said]")

_MOST_BYTES_PER_TOKEN = 32
"""No text comes near it: so a megabyte is refused without seconds of tokenizing."""

Phrases: TypeAlias = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    name: str
    """Of the file, and of the adapters on it."""
    path: Path
    description: str
    """Architecture, size and quantization, as llama.cpp puts it."""
    parameters: int
    bytes: int
    context: int
    """Tokens of a conversation, prompt and reply together."""
    trained_context: int
    conversations: int
    """How many are decoded together."""
    reads: bool
    """Whether it answers from passages by itself; False for one that only words a reply."""
    wording: Phrases
    """Of a model that does not read: the phrases it was taught, by language and part of a reply."""


class TextModel(ABC):
    """`render` and `count_tokens` on any thread, at once; the rest is the engine's work."""

    settings: EngineSettings
    info: ModelInfo
    vocabulary: Vocabulary
    warnings: tuple[str, ...]
    """One line each: what works less well than it could."""
    _template: ChatTemplate

    @abstractmethod
    def hand_in(self, request: Request, tokens: int, outlet: Outlet[Said]) -> Cancellable:
        """`tokens` of its prompt, which the window holds. Raise EngineBusy or EngineClosed."""

    @abstractmethod
    def close(self) -> None:
        """Free the memory. What is being generated ends with EngineClosed."""

    def render(self, turns: Sequence[ChatTurn]) -> Prompt:
        return self._template.render(turns)

    def count_tokens(self, prompt: Prompt) -> int:
        return self.vocabulary.adds_bos + sum(
            len(self.vocabulary.tokenize(part.text, special=part.special))
            for part in prompt.parts()
        )

    def generate(self, request: Request) -> Stream[Said]:
        """Raise ContextOverflow, EngineBusy, EngineClosed or ModelError; what goes wrong later is
        raised by the stream."""
        return self._handed_in(request, Stream())

    def agenerate(self, request: Request) -> AsyncStream[Said]:
        return self._handed_in(request, AsyncStream())

    def _handed_in(self, request: Request, stream: S) -> S:
        stream.task = self.hand_in(request, self._fitting(request.prompt), stream)
        return stream

    def _fitting(self, prompt: Prompt) -> int:
        """Its tokens, where the window holds them and one of a reply."""
        if len(prompt.key) > self.info.context * _MOST_BYTES_PER_TOKEN:
            raise ContextOverflow(
                f"the prompt has {len(prompt.key)} bytes, far more than a context window of "
                f"{self.info.context} tokens can hold; shorten it"
            )
        tokens = self.count_tokens(prompt)
        if not tokens:
            raise ModelError("the prompt is empty; give at least one message")
        if tokens > self.info.context - 1:
            raise ContextOverflow(
                f"the prompt has {tokens} tokens, the context window holds "
                f"{self.info.context} with the reply; shorten it or raise engine.context"
            )
        return tokens
