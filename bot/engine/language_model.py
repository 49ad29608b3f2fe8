"""One GGUF language model: prompts in, text out, each conversation's KV cache kept."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import llama_cpp

from bot.engine import loading
from bot.engine.context import DecodingContext, measured_modes, physical_memory, shape_of
from bot.engine.generation import Generation
from bot.engine.memory import ConversationMemory
from bot.engine.prompt import Prompt
from bot.engine.request import Request, Said
from bot.engine.scheduler import Scheduler
from bot.engine.stream import AsyncStream, Stream
from bot.engine.template import ChatTemplate, ChatTurn
from bot.engine.thread import EngineThread
from bot.engine.vocabulary import Vocabulary
from bot.engine.worker import Worker
from bot.errors import ContextOverflow, ModelError, ModelFileError
from bot.settings import EngineSettings

S = TypeVar("S", bound="Stream[Said] | AsyncStream[Said]")

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
    """How many are decoded together."""
    reads: bool
    """Whether it answers from passages by itself; False for one that only words a reply."""
    wording: Phrases
    """Of a model that does not read: the phrases it was taught, by language and part of a reply."""


class LanguageModel:
    """Made by `load`. All but `render` and `count_tokens` hands its work to the engine thread."""

    def __init__(
        self, path: Path, thread: EngineThread, settings: EngineSettings, cache: Path | None
    ) -> None:
        self.settings = settings
        self._thread = thread
        self._model = loading.open_model(path, gpu_layers=settings.gpu_layers)
        try:
            wording = _wording(self._model)
            self.vocabulary = Vocabulary(self._model)
            shape = shape_of(self._model, settings, physical_memory())
            self.modes = measured_modes(self._model, path, shape, settings, cache)
            self._context = DecodingContext(
                self._model, shape, settings, thread.interrupt, self.modes
            )
        except (ModelError, ValueError) as error:
            llama_cpp.llama_model_free(self._model)
            raise ModelFileError(f"{path}: {error}") from None
        self.memory = ConversationMemory(
            self._context,
            self.vocabulary,
            sequences=shape.slots,
            budget=settings.parked_megabytes << 20,
        )
        self._scheduler = Scheduler(
            self._context,
            self.memory,
            self.vocabulary,
            thread.interrupt,
            window=shape.window,
            limits=settings,
        )
        self._worker = Worker(
            thread,
            step=self._scheduler.step,
            has_work=self._scheduler.has_work,
            give_up=self._scheduler.give_up,
        )
        self._template = ChatTemplate(
            loading.metadata(self._model, "tokenizer.chat_template"),
            bos=self.vocabulary.control_text(self.vocabulary.bos),
            eos=self.vocabulary.control_text(self.vocabulary.eos),
        )
        self.info = _info(self._model, path, shape.window, shape.slots, wording)
        found = (loading.build_warning(), *shape.warnings, self._template.warning)
        self.warnings: tuple[str, ...] = tuple(warning for warning in found if warning)
        """One line each: what works less well than it could."""
        thread.keep(self._free)

    @classmethod
    def load(
        cls,
        path: Path,
        thread: EngineThread,
        settings: EngineSettings,
        cache: Path | None = None,
    ) -> LanguageModel:
        """Blocks until the model is loaded and warm. `cache` is a file for what is measured of
        models here; without it nothing is. Raise ModelFileError."""
        return thread.run(lambda: cls(path, thread, settings, cache))

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

    def generate(self, request: Request) -> Stream[Said]:
        """Raise ContextOverflow, EngineBusy, EngineClosed or ModelError; what goes wrong later is
        raised by the stream."""
        return self._submitted(request, Stream())

    def agenerate(self, request: Request) -> AsyncStream[Said]:
        return self._submitted(request, AsyncStream())

    def _submitted(self, request: Request, stream: S) -> S:
        tokens = self._fitting(request.prompt)
        stream.task = generation = Generation(request, stream, self._scheduler)
        self._scheduler.submit(generation, tokens)
        self._worker.wake()
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

    def _free(self) -> None:
        self._scheduler.close()
        self.vocabulary.close()
        self._context.free()
        llama_cpp.llama_model_free(self._model)


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
