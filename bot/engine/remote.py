"""A language model at an OpenAI-compatible server: llama-server, vLLM and their like.

The client is langchain-openai's; here are the window, the timing, and errors as one line.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from time import perf_counter
from typing import Any, TypeAlias, cast

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from bot.engine.thinking import Thinking
from bot.errors import ContextOverflow, ModelError, SettingsError
from bot.settings import EngineSettings

try:
    import openai
    from langchain_openai import ChatOpenAI
except ImportError as error:
    raise SettingsError(
        f"engine.url is set, but a package for it is missing ({error.name}); "
        "install it by pip install -e '.[remote]' where kefu was cloned, or take engine.url out"
    ) from None

_DEFAULT_WINDOW = 4096
"""Tokens, where neither the settings nor the server say."""
_NO_KEY = "none"
"""The client wants one, and must not take another server's from the environment."""
_BYTES_PER_TOKEN = 3
"""A low guess in most languages: the server's tokenizer is not here."""
_TOKENS_AROUND = 8
"""Of a message, for its role."""

Chunks: TypeAlias = AsyncGenerator[ChatGenerationChunk, None]


class RemoteChatModel(ChatOpenAI):
    """Made by `open_remote`. Errors of the client are raised as ModelError or ContextOverflow."""

    reads: bool = True
    context: int = _DEFAULT_WINDOW
    """Tokens of prompt and reply together."""

    def background(self, schema: str) -> dict[str, Any]:
        """Of a call whose reply follows a JSON Schema."""
        named = {"name": "reply", "schema": json.loads(schema), "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": named}}

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int:
        """An estimate."""
        return sum(
            len(str(message.text).encode()) // _BYTES_PER_TOKEN + _TOKENS_AROUND
            for message in messages
        )

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        clock = _Clock()
        try:
            for chunk in super()._stream(*args, **kwargs):
                yield clock.marked(chunk)
            yield from clock.rest()
        except openai.OpenAIError as error:
            raise self._told(error) from None

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        clock = _Clock()
        try:
            # closed with us: the server hears of a stop at once
            async with aclosing(cast("Chunks", super()._astream(*args, **kwargs))) as chunks:
                async for chunk in chunks:
                    yield clock.marked(chunk)
            for chunk in clock.rest():
                yield chunk
        except openai.OpenAIError as error:
            raise self._told(error) from None

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        try:
            return _without_thoughts(super()._generate(*args, **kwargs))
        except openai.OpenAIError as error:
            raise self._told(error) from None

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        try:
            return _without_thoughts(await super()._agenerate(*args, **kwargs))
        except openai.OpenAIError as error:
            raise self._told(error) from None

    def _told(self, error: openai.OpenAIError) -> ModelError:
        return _told(error, str(self.openai_api_base))


class _Clock:
    """Tokens a second, from the first text to the chunk that counts them; thoughts that the server
    leaves in the text are taken out."""

    def __init__(self) -> None:
        self._first = 0.0
        self._thinking = Thinking()

    def rest(self) -> Iterator[ChatGenerationChunk]:
        """What was held back, as it might have begun a thought."""
        if text := self._thinking.rest():
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))

    def marked(self, chunk: ChatGenerationChunk) -> ChatGenerationChunk:
        message = chunk.message
        assert isinstance(message, AIMessageChunk)
        if message.text:
            message.content = self._thinking.add(message.text)
        if message.text and not self._first:
            self._first = perf_counter()
        if message.usage_metadata and self._first:
            tokens = message.usage_metadata["output_tokens"]
            took = max(perf_counter() - self._first, 1e-6)
            message.response_metadata["tokens_per_second"] = tokens / took
        return chunk


def _without_thoughts(result: ChatResult) -> ChatResult:
    for generation in result.generations:
        if text := generation.message.text:
            thinking = Thinking()
            said = thinking.add(text) + thinking.rest()
            generation.message.content = generation.text = said
    return result


def open_remote(settings: EngineSettings) -> RemoteChatModel:
    """Asks the server for its models: blocks for `engine.timeout` at most, and as often as
    `engine.retries` says. Raise ModelError."""
    key = settings.key.get_secret_value() or _NO_KEY
    with openai.OpenAI(
        base_url=settings.url,
        api_key=key,
        timeout=settings.timeout,
        max_retries=settings.retries,
    ) as client:
        try:
            served = {model.id: model for model in client.models.list().data}
        except openai.OpenAIError as error:
            raise _told(error, settings.url) from None
        except (TypeError, AttributeError, ValueError):
            raise ModelError(
                f"{settings.url} gives no list of models, as an OpenAI-compatible server does; "
                "mend engine.url, which often ends in /v1"
            ) from None
    name = _chosen(list(served), settings)
    return RemoteChatModel(
        model=name,
        base_url=settings.url,
        api_key=key,
        timeout=settings.timeout,
        max_retries=settings.retries,
        temperature=settings.temperature,
        max_tokens=settings.max_tokens,
        seed=settings.seed,
        stream_usage=True,
        use_responses_api=False,
        context=settings.context or _window(served[name]) or _DEFAULT_WINDOW,
    )


def _chosen(served: Sequence[str], settings: EngineSettings) -> str:
    """`engine.model` where it was set; else the server's first."""
    if not served:
        raise ModelError(f"the server {settings.url} has no model; load one there")
    if "model" not in settings.model_fields_set:
        return served[0]
    if settings.model not in served:
        shown = ", ".join(sorted(served)[:5])
        raise ModelError(
            f"the server {settings.url} has no model {settings.model!r}, but {shown}; "
            "mend engine.model"
        )
    return settings.model


def _window(model: object) -> int:
    """As vLLM and llama-server tell it, beside what the interface has; 0 where neither does."""
    meta = getattr(model, "meta", None) or {}
    found = getattr(model, "max_model_len", None) or (
        meta.get("n_ctx") if isinstance(meta, dict) else None
    )
    return found if isinstance(found, int) else 0


def _told(error: openai.OpenAIError, url: str) -> ModelError:
    said = " ".join(str(getattr(error, "message", error)).split())[:300]
    if isinstance(error, openai.APITimeoutError):
        return ModelError(f"the server {url} said nothing within engine.timeout; try again")
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__ or error
        return ModelError(
            f"the server {url} cannot be reached ({cause}); start it, or mend engine.url"
        )
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return ModelError(f"the server {url} does not take this key; mend engine.key")
    if isinstance(error, openai.BadRequestError) and "context" in said.lower():
        return ContextOverflow(f"the server {url} cannot hold the prompt: {said}")
    return ModelError(f"the server {url} failed: {said}; try again")
