"""The language model as langchain-core's BaseChatModel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import fields
from time import perf_counter
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
)
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig
from pydantic import ConfigDict

from bot.engine.request import Chosen, Finished, Fixed, Part, Priority, Request, Written
from bot.engine.sampling import Sampling
from bot.engine.template import ChatTurn
from bot.engine.text_model import TextModel
from bot.errors import UsageError

_ROLES = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}
_SAMPLING = tuple(one.name for one in fields(Sampling))

_PACE = 1 / 30
"""Seconds between two chunks: nobody reads faster, and each costs langchain 0.3 ms (measured)."""


class LlamaChatModel(BaseChatModel):
    """Arguments of a call win over the fields here, and these over the engine's settings.

    `config={"metadata": {"conversation": ID}}` names the conversation whose KV cache is taken up;
    `priority=Priority.BACKGROUND` lets customers go first; `outline=[{"grammar": GBNF}, {"text":
    "these very words"}, {"choices": ["yes", "no"]}]` holds the reply to its parts, which are
    written, stand, or are the likeliest of some labels (`response_metadata["choices"]` has their
    probabilities). While a request waits, `astream` yields empty chunks with its `queue_place` in
    their `response_metadata`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    language_model: TextModel
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None

    @property
    def reads(self) -> bool:
        """Whether the model answers from passages by itself."""
        return self.language_model.info.reads

    @property
    def wording(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """The phrases that a model that does not read was taught, by language and part."""
        return self.language_model.info.wording

    @property
    def context(self) -> int:
        """Tokens of prompt and reply together."""
        return self.language_model.info.context

    @property
    def model_name(self) -> str:
        return self.language_model.info.name

    @property
    def _llm_type(self) -> str:
        return "llama.cpp"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": str(self.language_model.info.path), "context": self.context}

    def background(self, schema: str) -> dict[str, Any]:
        """Of a call for which nobody waits, and whose reply follows a JSON Schema."""
        return {"json_schema": schema, "priority": Priority.BACKGROUND}

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int:
        """Of the prompt that these messages make, the template included. On any thread."""
        return self.language_model.count_tokens(self.language_model.render(_turns(messages)))

    def get_token_ids(self, text: str) -> list[int]:
        return self.language_model.vocabulary.tokenize(text.encode(), special=False)

    # `stream` and `astream` hand no run manager to `_stream`, so the conversation's name is taken
    # from the config here.
    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - langchain-core's name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        kwargs.setdefault("conversation", _conversation((config or {}).get("metadata")))
        return super().stream(input, config, stop=stop, **kwargs)

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - langchain-core's name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        kwargs.setdefault("conversation", _conversation((config or {}).get("metadata")))
        return super().astream(input, config, stop=stop, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if run_manager is not None:
            kwargs.setdefault("conversation", _conversation(run_manager.metadata))
        return _result(list(self._stream(messages, stop, run_manager, **kwargs)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if run_manager is not None:
            kwargs.setdefault("conversation", _conversation(run_manager.metadata))
        return _result([c async for c in self._astream(messages, stop, run_manager, **kwargs)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        reply = self.language_model.generate(self._request(messages, stop, kwargs))
        finished = None
        try:
            for item in reply:
                if isinstance(item, Finished):
                    finished = item
                elif isinstance(item, str):
                    yield _chunk(item)
            yield self._last_chunk(finished)
        finally:
            reply.close()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        reply = self.language_model.agenerate(self._request(messages, stop, kwargs))
        finished, shown_at = None, 0.0
        try:
            async for first in reply:
                if (wait := shown_at + _PACE - perf_counter()) > 0:
                    await asyncio.sleep(wait)
                text = ""
                for item in (first, *reply.ready()):
                    if isinstance(item, Finished):
                        finished = item
                    elif isinstance(item, str):
                        text += item
                    else:
                        yield _place_chunk(item.place)
                shown_at = perf_counter()
                if text:
                    yield _chunk(text)
            yield self._last_chunk(finished)
        finally:
            reply.close()

    def _request(
        self, messages: Sequence[BaseMessage], stop: Sequence[str] | None, given: dict[str, Any]
    ) -> Request:
        settings = self.language_model.settings
        defaults = {"temperature": settings.temperature, "seed": settings.seed}
        if self.temperature is not None:
            defaults["temperature"] = self.temperature
        given = {name: value for name, value in given.items() if value is not None}
        conversation = str(given.pop("conversation", ""))
        priority = Priority(given.pop("priority", Priority.CUSTOMER))
        max_tokens = given.pop("max_tokens", self.max_tokens or settings.max_tokens)
        outline = tuple(_part(part) for part in given.pop("outline", ()))
        sampling = {name: given.pop(name) for name in _SAMPLING if name in given}
        if given:
            raise UsageError(f"the local model knows no {', '.join(given)}; leave it out")
        return Request(
            prompt=self.language_model.render(_turns(messages)),
            sampling=Sampling(**(defaults | sampling)),
            outline=outline,
            max_tokens=max_tokens,
            stop=stop if stop is not None else self.stop or (),
            conversation=conversation,
            priority=priority,
        )

    def _last_chunk(self, finished: Finished | None) -> ChatGenerationChunk:
        """Without `finished` the reply was cancelled, and nobody counted."""
        metadata: dict[str, Any] = {"model_name": self.model_name, "finish_reason": "cancelled"}
        usage = None
        if finished is not None:
            metadata["finish_reason"] = finished.reason
            metadata["prompt_ms"] = finished.prompt_ms
            metadata["first_token_ms"] = finished.first_token_ms
            metadata["tokens_per_second"] = finished.tokens_per_second
            if finished.choices:
                metadata["choices"] = [dict(one) for one in finished.choices]
            usage = UsageMetadata(
                input_tokens=finished.prompt_tokens,
                output_tokens=finished.reply_tokens,
                total_tokens=finished.prompt_tokens + finished.reply_tokens,
                input_token_details=InputTokenDetails(cache_read=finished.reused_tokens),
            )
        message = AIMessageChunk(
            content="", response_metadata=metadata, usage_metadata=usage, chunk_position="last"
        )
        return ChatGenerationChunk(message=message)


def _turns(messages: Sequence[BaseMessage]) -> list[ChatTurn]:
    return [ChatTurn(_role(message), str(message.text)) for message in messages]


def _role(message: BaseMessage) -> str:
    """Roles stand in the template's own text, so only known ones may."""
    role = message.role if isinstance(message, ChatMessage) else message.type
    role = _ROLES.get(role, role)
    if role not in _ROLES.values():
        raise UsageError(f"a message of the role {role!r} has no place in a conversation")
    return role


def _conversation(metadata: dict[str, Any] | None) -> str:
    return str((metadata or {}).get("conversation", ""))


def _chunk(text: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text))


def _part(part: Mapping[str, Any]) -> Part:
    if "text" in part:
        return Fixed(part["text"])
    if "choices" in part:
        return Chosen(tuple(part["choices"]))
    return Written(part["grammar"])


def _place_chunk(place: int) -> ChatGenerationChunk:
    message = AIMessageChunk(content="", response_metadata={"queue_place": place})
    return ChatGenerationChunk(message=message)


def _result(chunks: Sequence[ChatGenerationChunk]) -> ChatResult:
    last = chunks[-1].message
    assert isinstance(last, AIMessageChunk)
    message = AIMessage(
        content="".join(str(chunk.message.content) for chunk in chunks),
        response_metadata=last.response_metadata,
        usage_metadata=last.usage_metadata,
    )
    return ChatResult(generations=[ChatGeneration(message=message)])
