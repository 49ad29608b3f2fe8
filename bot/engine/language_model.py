"""One GGUF language model: prompts in, text out, each conversation's KV cache kept."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

import llama_cpp

from bot.engine import loading
from bot.engine.cache import Slot, SlotCache
from bot.engine.context import CHUNK, DecodingContext, Interrupted, physical_memory, shape_of
from bot.engine.prompt import Prompt
from bot.engine.reply_text import ReplyText
from bot.engine.sampling import Sampler, Sampling
from bot.engine.stream import AsyncStream, Stream
from bot.engine.template import ChatTemplate, ChatTurn
from bot.engine.thread import EngineThread, Job
from bot.engine.vocabulary import Vocabulary
from bot.errors import ContextOverflow, EngineClosed, ModelError, ModelFileError
from bot.settings import EngineSettings

_MOST_BYTES_PER_TOKEN = 32
"""No text comes near it: so a megabyte is refused without seconds of tokenizing."""


Phrases: TypeAlias = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    name: str
    path: Path
    description: str
    """Architecture, size and quantization, as llama.cpp puts it."""
    parameters: int
    bytes: int
    context: int
    """Tokens of a conversation, prompt and reply together."""
    trained_context: int
    conversations: int
    """How many keep their KV cache at the same time."""
    reads: bool
    """Whether it answers from passages by itself; False for one that only words a reply."""
    wording: Phrases
    """Of a model that does not read: the phrases it was taught, by language and part of a reply."""


@dataclass(frozen=True, slots=True)
class Request:
    prompt: Prompt
    sampling: Sampling = field(default_factory=Sampling)
    max_tokens: int = 400
    stop: Sequence[str] = ()
    conversation: str = ""
    """Whose KV cache is taken up and kept; empty for nobody's."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The last thing that a reply yields."""

    reason: str
    """stop (the model ended, or wrote a stop string) or length."""
    prompt_tokens: int
    reused_tokens: int
    """Those of the prompt that were in the KV cache."""
    reply_tokens: int
    prompt_ms: float
    """The prompt alone, from its first step to its last."""
    first_token_ms: float
    """From the request to the first text."""
    tokens_per_second: float


class LanguageModel:
    """Made by `load`. All but `render` and `count_tokens` hands its work to the engine thread."""

    def __init__(self, path: Path, thread: EngineThread, settings: EngineSettings) -> None:
        self.settings = settings
        self._thread = thread
        self._model = loading.open_model(path, gpu_layers=settings.gpu_layers)
        try:
            wording = _wording(self._model)
            self.vocabulary = Vocabulary(self._model)
            shape = shape_of(self._model, settings, physical_memory())
            self._context = DecodingContext(self._model, shape, settings, thread.interrupt)
        except (ModelError, ValueError) as error:
            llama_cpp.llama_model_free(self._model)
            raise ModelFileError(f"{path}: {error}") from None
        self._slots = SlotCache(shape.slots)
        self._template = ChatTemplate(
            loading.metadata(self._model, "tokenizer.chat_template"),
            bos=self.vocabulary.control_text(self.vocabulary.bos),
            eos=self.vocabulary.control_text(self.vocabulary.eos),
        )
        self.info = _info(self._model, path, shape.window, shape.slots, wording)
        found = (loading.build_warning(), *shape.warnings, self._template.warning)
        self.warnings: tuple[str, ...] = tuple(warning for warning in found if warning)
        """One line each: what works less well than it could."""
        self._open = True
        thread.keep(self._free)

    @classmethod
    def load(cls, path: Path, thread: EngineThread, settings: EngineSettings) -> LanguageModel:
        """Blocks until the model is loaded and warm. Raise ModelFileError."""
        return thread.run(lambda: cls(path, thread, settings))

    def close(self) -> None:
        """Free the memory. What is being generated ends with EngineClosed."""
        self._thread.release(self._free)

    def render(self, turns: Sequence[ChatTurn]) -> Prompt:
        return self._template.render(turns)

    def count_tokens(self, prompt: Prompt) -> int:
        return self.vocabulary.adds_bos + sum(
            len(self.vocabulary.tokenize(part.text, special=part.special))
            for part in prompt.parts()
        )

    def generate(self, request: Request) -> Stream[str | Finished]:
        return self._thread.stream(self._turn(request, perf_counter()))

    def agenerate(self, request: Request) -> AsyncStream[str | Finished]:
        return self._thread.astream(self._turn(request, perf_counter()))

    def _turn(self, request: Request, asked_at: float) -> Job[str | Finished]:
        slot = yield from self._acquired(request.conversation)
        sampler = None
        try:
            sampler = Sampler(request.sampling, self.vocabulary)
            reused = self._take_up(slot, request.prompt)
            reply = _Reply(request, asked_at, reused, len(slot.tokens))
            yield from self._prefill(slot)
            reply.prefilled()
            yield from self._decode_reply(slot, sampler, reply)
        except Interrupted:
            if self._thread.closed:
                raise EngineClosed("the engine was closed while it wrote; ask again") from None
        except ModelError:
            self._drop(slot)
            raise
        finally:
            if sampler is not None:
                sampler.close()
            self._slots.release(slot)

    def _acquired(self, conversation: str) -> Generator[None, None, Slot]:
        self._check_open()
        while (slot := self._slots.acquire(conversation)) is None:
            yield None
            self._check_open()
        return slot

    def _take_up(self, slot: Slot, prompt: Prompt) -> int:
        if len(prompt.key) > self.info.context * _MOST_BYTES_PER_TOKEN:
            raise ContextOverflow(
                f"the prompt has {len(prompt.key)} bytes, far more than a context window of "
                f"{self.info.context} tokens can hold; shorten it"
            )
        slot.take_up(prompt, self.vocabulary)
        if not slot.tokens:
            raise ModelError("the prompt is empty; give at least one message")
        if len(slot.tokens) > self.info.context - 1:
            raise ContextOverflow(
                f"the prompt has {len(slot.tokens)} tokens, the context window holds "
                f"{self.info.context} with the reply; shorten it or raise engine.context"
            )
        slot.decoded = min(slot.decoded, len(slot.tokens) - 1)  # the last one gives the logits
        if not self._context.cut(slot.sequence, slot.decoded):
            slot.decoded = 0
        return slot.decoded

    def _prefill(self, slot: Slot) -> Generator[None, None, None]:
        while slot.decoded < len(slot.tokens):
            self._check_open()
            chunk = slot.tokens[slot.decoded : slot.decoded + CHUNK]
            is_last = slot.decoded + len(chunk) == len(slot.tokens)
            self._context.decode(chunk, start=slot.decoded, sequence=slot.sequence, output=is_last)
            slot.decoded += len(chunk)
            if not is_last:
                yield None

    def _decode_reply(self, slot: Slot, sampler: Sampler, reply: _Reply) -> Job[str | Finished]:
        room = min(reply.request.max_tokens, self.info.context - slot.decoded)
        while reply.tokens < room:
            token = sampler.sample(self._context.pointer)
            if token is None or self.vocabulary.is_end(token):
                reply.reason = "stop"
                break
            piece = self.vocabulary.piece(token)
            slot.add_reply(token, piece, control=self.vocabulary.is_control(token))
            shown = reply.add(piece)
            if shown:
                yield shown
            if reply.reason == "stop" or reply.tokens == room:
                break
            if not shown:
                yield None
            self._check_open()
            sampler.accept(token)
            self._context.decode([token], start=slot.decoded, sequence=slot.sequence, output=True)
            slot.decoded += 1
        yield from reply.finished()

    def _drop(self, slot: Slot) -> None:
        slot.forget()
        if self._open:
            self._context.cut(slot.sequence, 0)

    def _check_open(self) -> None:
        """After every yield: another step may have freed the model meanwhile."""
        if not self._open:
            raise EngineClosed("the model was closed; load it again")

    def _free(self) -> None:
        self._open = False
        self.vocabulary.close()
        self._context.free()
        llama_cpp.llama_model_free(self._model)


class _Reply:
    """The text and the clock of one reply."""

    def __init__(self, request: Request, asked_at: float, reused: int, prompt: int) -> None:
        self.request = request
        self.reason = "length"
        self.tokens = 0
        self._text = ReplyText(request.stop)
        self._asked_at = asked_at
        self._reused, self._prompt = reused, prompt
        self._began_at = self._prefilled_at = perf_counter()
        self._first_at: float | None = None

    def prefilled(self) -> None:
        self._prefilled_at = perf_counter()

    def add(self, piece: bytes) -> str:
        self.tokens += 1
        shown = self._text.add(piece)
        if self._text.stopped:
            self.reason = "stop"
        if shown and self._first_at is None:
            self._first_at = perf_counter()
        return shown

    def finished(self) -> Job[str | Finished]:
        if rest := self._text.rest():
            yield rest
        now = perf_counter()
        yield Finished(
            reason=self.reason,
            prompt_tokens=self._prompt,
            reused_tokens=self._reused,
            reply_tokens=self.tokens,
            prompt_ms=1000 * (self._prefilled_at - self._began_at),
            first_token_ms=1000 * ((self._first_at or now) - self._asked_at),
            tokens_per_second=self.tokens / max(now - self._prefilled_at, 1e-6),
        )


def _info(
    model: object, path: Path, context: int, conversations: int, wording: Phrases
) -> ModelInfo:
    buffer = ctypes.create_string_buffer(256)
    llama_cpp.llama_model_desc(model, buffer, len(buffer))
    return ModelInfo(
        name=path.stem,
        path=path,
        description=buffer.value.decode("utf-8", "replace"),
        parameters=llama_cpp.llama_model_n_params(model),
        bytes=llama_cpp.llama_model_size(model),
        context=context,
        trained_context=llama_cpp.llama_model_n_ctx_train(model),
        conversations=conversations,
        reads=loading.metadata(model, "kefu.reads") != "false",
        wording=wording,
    )


def _wording(model: object) -> Phrases:
    """Raise ModelFileError where a model that only words replies does not say with what."""
    stored = loading.metadata(model, "kefu.wording")
    try:
        parts = {
            language: {part: [str(one) for one in patterns] for part, patterns in taught.items()}
            for language, taught in json.loads(stored or "{}").items()
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise ModelFileError(f"kefu.wording is not understood: {error}") from None
    if not parts and loading.metadata(model, "kefu.reads") == "false":
        raise ModelFileError("it says that it does not read, but has no kefu.wording")
    return parts
