"""The llama.cpp context of a language model, sized for this machine."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from bot.engine import adapters, loading, log, system
from bot.engine.batch import Batch
from bot.engine.interrupt import Interrupt
from bot.engine.modes import CANDIDATES, Modes, chosen, key_of
from bot.errors import ModelError, ModelFileError
from bot.settings import EngineSettings

CHUNK = 256
"""Prompt tokens of one step at most, of all conversations together. Eight with nothing in common
are a sixth faster with it than with 128; 512 gains nothing more."""
_LARGEST_DEFAULT_WINDOW = 8192
_SHARE_OF_MEMORY = 0.25


@dataclass(frozen=True, slots=True)
class _CacheType:
    number: int
    """ggml's own."""
    bytes: float
    """Of a value."""


_CACHE_TYPES = {"f16": _CacheType(1, 2.0), "q8_0": _CacheType(8, 34 / 32)}


class Interrupted(Exception):
    """The decode was broken off by the engine thread's interrupt."""


class Part(NamedTuple):
    """What one conversation adds to a step."""

    sequence: int
    start: int
    """The position of the first token."""
    tokens: Sequence[int]
    outputs: int
    """So many of the last tokens give logits."""


@dataclass(frozen=True, slots=True)
class Shape:
    window: int
    """Tokens of a conversation."""
    slots: int
    """Conversations in the KV cache."""
    warnings: tuple[str, ...] = ()


def shape_of(model: Any, settings: EngineSettings, memory: int) -> Shape:
    """`memory`: bytes of the machine; the KV cache takes a quarter of them at most."""
    trained = llama_cpp.llama_model_n_ctx_train(model) or _LARGEST_DEFAULT_WINDOW
    window = min(settings.context or _LARGEST_DEFAULT_WINDOW, trained)
    warnings = []
    if settings.context > trained:
        warnings.append(f"engine.context = {settings.context}: the model knows {trained} at most")
    token = _cache_bytes(model, settings)
    fitting = int(memory * _SHARE_OF_MEMORY / (window * token))
    slots = max(1, min(settings.conversations, fitting))
    if slots < settings.conversations:
        warnings.append(f"memory for {slots} of {settings.conversations} conversations at a time")
    return Shape(window, slots, tuple(warnings))


def physical_memory() -> int:
    if not hasattr(os, "sysconf"):  # Windows: guess low
        return 8 << 30
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class DecodingContext:
    """On the engine thread only."""

    def __init__(
        self,
        model: Any,
        shape: Shape,
        settings: EngineSettings,
        interrupt: Interrupt,
        modes: Modes,
    ) -> None:
        parameters = _parameters(shape, settings, modes)
        # llama.cpp keeps the address, so this must live as long as the context.
        self._abort = interrupt.callback
        parameters.abort_callback = self._abort
        parameters.abort_callback_data = interrupt.address
        self._pointer = llama_cpp.llama_init_from_model(model, parameters)
        if not self._pointer:
            raise ModelFileError(
                f"llama.cpp makes no context of {shape.window} tokens for {shape.slots} "
                f"conversations ({log.last_error()}); lower engine.context or engine.conversations"
                + (", or leave engine.cache_type out" if settings.cache_type != "f16" else "")
            )
        self._memory = llama_cpp.llama_get_memory(self._pointer)
        if not self._memory:
            llama_cpp.llama_free(self._pointer)
            raise ModelError("is an encoder, not a language model")
        try:
            adapters.put_on(model, self._pointer, settings.adapters)
        except ModelFileError:
            llama_cpp.llama_free(self._pointer)
            raise
        self._batch = Batch(_step_tokens(shape))
        self._warm_up()

    @property
    def pointer(self) -> Any:
        return self._pointer

    def decode(self, parts: Sequence[Part]) -> None:
        """Raise Interrupted or ModelError; the sequences then hold what they held before, or
        some of the tokens: cut them."""
        self._batch.clear()
        for sequence, start, tokens, outputs in parts:
            self._batch.add(tokens, start=start, sequence=sequence, outputs=outputs)
        code = llama_cpp.llama_decode(self._pointer, self._batch.struct)
        if code == 0:
            return
        if code == 2:
            raise Interrupted
        if code == 1:
            raise ModelError(
                f"the KV cache has no room for {self._batch.struct.n_tokens} more tokens; "
                "lower engine.context or engine.conversations"
            )
        raise ModelError(f"llama.cpp failed to decode (code {code}): {log.last_error()}; try again")

    def cut(self, sequence: int, length: int) -> bool:
        """Keep `length` tokens; False where the model can only forget all, and has."""
        if llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1):
            return True
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return False

    def copy(self, source: int, target: int) -> None:
        """All that `source` holds, in place of what `target` does."""
        llama_cpp.llama_memory_seq_rm(self._memory, target, -1, -1)
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def state_size(self, sequence: int) -> int:
        """Bytes that `save` needs."""
        return int(llama_cpp.llama_state_seq_get_size(self._pointer, sequence))

    def save(self, sequence: int, size: int) -> NDArray[np.uint8]:
        state = np.empty(size, dtype=np.uint8)
        written = llama_cpp.llama_state_seq_get_data(
            self._pointer, _bytes_of(state), size, sequence
        )
        return state[:written]

    def load(self, sequence: int, state: NDArray[np.uint8]) -> bool:
        """In place of what the sequence holds; False where llama.cpp refuses the state."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        data = _bytes_of(state)
        return bool(llama_cpp.llama_state_seq_set_data(self._pointer, data, state.nbytes, sequence))

    def free(self) -> None:
        llama_cpp.llama_free(self._pointer)

    def _warm_up(self) -> None:
        """The first decode allocates; better now than in front of a customer."""
        self.decode([Part(0, 0, [0], 1)])
        llama_cpp.llama_memory_clear(self._memory, False)  # noqa: FBT003


def measured_modes(
    model: Any, path: Path, shape: Shape, settings: EngineSettings, cache: Path | None
) -> Modes:
    """The fastest for this model on this machine; `cache` keeps what was measured."""
    if _is_on_gpu(settings):
        return Modes(flash_attention=True)

    def open_context(modes: Modes) -> Any:
        return llama_cpp.llama_init_from_model(model, _parameters(shape, settings, modes))

    threads = system.threads_of(settings)
    key = f"{key_of(path, sequences=shape.slots, threads=threads)} {settings.cache_type}"
    return chosen(open_context, _candidates(settings), sequences=shape.slots, key=key, cache=cache)


def _candidates(settings: EngineSettings) -> Sequence[Modes]:
    """llama.cpp reads rounded values by flash attention only."""
    return [m for m in CANDIDATES if m.flash_attention or settings.cache_type == "f16"]


def _is_on_gpu(settings: EngineSettings) -> bool:
    return bool(llama_cpp.llama_supports_gpu_offload()) and settings.gpu_layers != 0


def _parameters(shape: Shape, settings: EngineSettings, modes: Modes) -> Any:
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = shape.window * shape.slots
    parameters.n_seq_max = shape.slots
    parameters.n_batch = parameters.n_ubatch = _step_tokens(shape)
    parameters.n_outputs_max = shape.slots  # llama.cpp reserves one a sequence, and aborts below
    threads = system.threads_of(settings)
    parameters.n_threads = parameters.n_threads_batch = threads
    parameters.kv_unified = modes.unified
    parameters.type_k = parameters.type_v = _CACHE_TYPES[settings.cache_type].number
    # llama.cpp knows which GPUs can (-1); which CPUs should was measured
    parameters.flash_attn_type = -1 if _is_on_gpu(settings) else int(modes.flash_attention)
    return parameters


def _step_tokens(shape: Shape) -> int:
    """At most, of all conversations."""
    return CHUNK + shape.slots


def _bytes_of(state: NDArray[np.uint8]) -> Any:
    return state.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


def _cache_bytes(model: Any, settings: EngineSettings) -> float:
    """Of one token in the KV cache."""
    architecture = loading.metadata(model, "general.architecture") or ""
    heads = max(1, llama_cpp.llama_model_n_head(model))
    size = llama_cpp.llama_model_n_embd(model) // heads
    lengths = [
        int(loading.metadata(model, f"{architecture}.attention.{kind}_length") or size)
        for kind in ("key", "value")
    ]
    layers: int = llama_cpp.llama_model_n_layer(model)
    kept_heads: int = llama_cpp.llama_model_n_head_kv(model) or heads
    return max(1.0, layers * kept_heads * sum(lengths) * _CACHE_TYPES[settings.cache_type].bytes)
