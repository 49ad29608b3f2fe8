"""One GGUF language model: prompts in, text out, each conversation's KV cache kept."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path

import llama_cpp

from bot.engine import adapters, loading, system
from bot.engine.context import DecodingContext, measured_modes
from bot.engine.fit import Fit, fit
from bot.engine.generation import Generation
from bot.engine.header import read_header
from bot.engine.memory import ConversationMemory
from bot.engine.request import Request, Said
from bot.engine.scheduler import Scheduler
from bot.engine.stream import Cancellable, Outlet
from bot.engine.template import ChatTemplate
from bot.engine.text_model import ModelInfo, Phrases, TextModel
from bot.engine.thread import EngineThread
from bot.engine.vocabulary import Vocabulary
from bot.engine.worker import Worker
from bot.errors import ModelError, ModelFileError
from bot.settings import EngineSettings


class LanguageModel(TextModel):
    """In this process, on the engine thread. Made by `load`."""

    def __init__(
        self, path: Path, thread: EngineThread, settings: EngineSettings, cache: Path | None
    ) -> None:
        self._thread = thread
        adapters.check(settings.adapters)
        fit = _fit(path, settings)
        self._model = loading.open_model(path, gpu_layers=fit.gpu_layers)
        if not _can_draft(self._model):
            settings = settings.model_copy(update={"drafts": 0})
        self.settings = settings
        try:
            wording = wording_of(self._model)
            self.vocabulary = Vocabulary(self._model)
            self.modes = measured_modes(self._model, path, fit, settings, cache)
            self._context = DecodingContext(
                self._model, fit, settings, thread.interrupt, self.modes
            )
        except (ModelError, ValueError) as error:
            llama_cpp.llama_model_free(self._model)
            raise ModelFileError(f"{path}: {error}") from None
        self.memory = ConversationMemory(
            self._context,
            self.vocabulary,
            sequences=fit.slots,
            budget=settings.parked_megabytes << 20,
        )
        self._scheduler = Scheduler(
            self._context,
            self.memory,
            self.vocabulary,
            thread.interrupt,
            window=fit.window,
            limits=settings,
        )
        self._worker = Worker(
            thread,
            step=self._scheduler.step,
            has_work=self._scheduler.has_work,
            give_up=self._scheduler.give_up,
        )
        self._template = template_of(self._model, self.vocabulary)
        name = "+".join([path.stem, *(adapter.stem for adapter in settings.adapters)])
        self.info = _info(self._model, path, name, fit.window, fit.slots, wording)
        found = (
            loading.build_warning(),
            system.threads_warning(settings),
            *fit.warnings,
            self._template.warning,
        )
        self.warnings = tuple(warning for warning in found if warning)
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
        self._thread.release(self._free)

    def hand_in(self, request: Request, tokens: int, outlet: Outlet[Said]) -> Cancellable:
        generation = Generation(request, outlet, self._scheduler)
        self._scheduler.submit(generation, tokens)
        self._worker.wake()
        return generation

    def _free(self) -> None:
        self._scheduler.close()
        self.vocabulary.close()
        self._context.free()
        llama_cpp.llama_model_free(self._model)


def _fit(path: Path, settings: EngineSettings) -> Fit:
    header = read_header(path)
    try:
        return fit(header, settings, devices=system.devices(), memory=system.memory())
    except ModelError as error:
        raise ModelFileError(f"{path} {error}") from None


def _can_draft(model: object) -> bool:
    """Whether a model reads, and can take back a token that it has read."""
    forgets = llama_cpp.llama_model_is_recurrent(model) or llama_cpp.llama_model_is_hybrid(model)
    return reads(model) and not forgets


def reads(model: object) -> bool:
    return loading.metadata(model, "kefu.reads") != "false"


def template_of(model: object, vocabulary: Vocabulary) -> ChatTemplate:
    return ChatTemplate(
        loading.metadata(model, "tokenizer.chat_template"),
        bos=vocabulary.control_text(vocabulary.bos),
        eos=vocabulary.control_text(vocabulary.eos),
    )


def _info(
    model: object, path: Path, name: str, context: int, conversations: int, wording: Phrases
) -> ModelInfo:
    buffer = ctypes.create_string_buffer(256)
    llama_cpp.llama_model_desc(model, buffer, len(buffer))
    return ModelInfo(
        name=name,
        path=path,
        description=buffer.value.decode("utf-8", "replace"),
        parameters=llama_cpp.llama_model_n_params(model),
        bytes=llama_cpp.llama_model_size(model),
        context=context,
        trained_context=llama_cpp.llama_model_n_ctx_train(model),
        conversations=conversations,
        reads=reads(model),
        wording=wording,
    )


def wording_of(model: object) -> Phrases:
    """Raise ModelFileError where a model that only words replies does not say with what."""
    stored = loading.metadata(model, "kefu.wording")
    try:
        parts = {
            language: {part: [str(one) for one in patterns] for part, patterns in taught.items()}
            for language, taught in json.loads(stored or "{}").items()
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise ModelFileError(f"kefu.wording is not understood: {error}") from None
    if not parts and not reads(model):
        raise ModelFileError("it says that it does not read, but has no kefu.wording")
    return parts
