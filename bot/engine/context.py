"""The llama.cpp context of a language model, sized for this machine."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from bot.engine import adapters, log, system
from bot.engine.batch import Batch
from bot.engine.fit import CACHE_TYPES, Fit
from bot.engine.interrupt import Interrupt
from bot.engine.modes import CANDIDATES, Modes, chosen, key_of
from bot.errors import ModelError, ModelFileError
from bot.settings import EngineSettings

CHUNK = 256
"""Prompt tokens of one step at most, of all conversations together. Eight with nothing in common
are a sixth faster with it than with 128; 512 gains nothing more."""
_WARM_UP = 32
"""Tokens."""


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


class DecodingContext:
    """On the engine thread only."""

    def __init__(
        self,
        model: Any,
        fit: Fit,
        settings: EngineSettings,
        interrupt: Interrupt,
        modes: Modes,
    ) -> None:
        self._pointer = _new_context(model, fit, settings, modes)
        if not self._pointer:
            raise ModelFileError(
                f"llama.cpp makes no context of {fit.window} tokens for {fit.slots} "
                f"conversations ({log.last_error()}); lower engine.context or engine.conversations"
                + (", or leave engine.cache_type out" if settings.cache_type != "f16" else "")
            )
        # llama.cpp keeps the address, so this must live as long as the context.
        self._abort = interrupt.callback
        llama_cpp.llama_set_abort_callback(self._pointer, self._abort, interrupt.address)
        self._memory = llama_cpp.llama_get_memory(self._pointer)
        try:
            adapters.put_on(model, self._pointer, settings.adapters)
        except ModelFileError:
            llama_cpp.llama_free(self._pointer)
            raise
        self._batch = Batch(_step_tokens(fit, settings))
        self.first_rate = self._warm_up(min(_WARM_UP, fit.window))
        """Tokens of a prompt a second, at the first decode of all."""

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

    def _warm_up(self, tokens: int) -> float:
        """The first decode allocates; better now than in front of a customer."""
        began = perf_counter()
        self.decode([Part(0, 0, [0] * tokens, 1)])
        llama_cpp.llama_synchronize(self._pointer)
        llama_cpp.llama_memory_clear(self._memory, False)  # noqa: FBT003
        return tokens / (perf_counter() - began)


def measured_modes(
    model: Any, path: Path, fit: Fit, settings: EngineSettings, cache: Path | None
) -> Modes:
    """The fastest for this model on this machine; `cache` keeps what was measured."""

    def open_context(modes: Modes) -> Any:
        return _new_context(model, fit, settings, modes)

    threads = system.threads_of(settings)
    key = f"{key_of(path, sequences=fit.slots, threads=threads)} {settings.cache_type}"
    if fit.gpu_layers:
        names = [device.description for device in system.devices() if device.kind != "cpu"]
        key += f" {fit.gpu_layers} {' '.join(names)}"
    return chosen(
        open_context,
        _candidates(fit, settings),
        sequences=fit.slots,
        window=fit.window,
        key=key,
        cache=cache,
    )


def _candidates(fit: Fit, settings: EngineSettings) -> Sequence[Modes]:
    """llama.cpp reads rounded values by flash attention only. The first is taken where nothing is
    measured: GPUs gain by flash attention."""
    able = [m for m in CANDIDATES if m.flash_attention or settings.cache_type == "f16"]
    return sorted(able, key=lambda m: not m.flash_attention) if fit.gpu_layers else able


def _new_context(model: Any, fit: Fit, settings: EngineSettings, modes: Modes) -> Any:
    """None where llama.cpp makes none. Raise ModelError for a model that has no KV cache."""
    pointer = llama_cpp.llama_init_from_model(model, _parameters(fit, settings, modes))
    if pointer and not llama_cpp.llama_get_memory(pointer):
        llama_cpp.llama_free(pointer)
        raise ModelError("is an encoder, not a language model; mend engine.model")
    return pointer


def _parameters(fit: Fit, settings: EngineSettings, modes: Modes) -> Any:
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = fit.window * fit.slots
    parameters.n_seq_max = fit.slots
    parameters.n_batch = parameters.n_ubatch = _step_tokens(fit, settings)
    # llama.cpp reserves one a sequence, and aborts below
    parameters.n_outputs_max = fit.slots + settings.drafts
    threads = system.threads_of(settings)
    parameters.n_threads = parameters.n_threads_batch = threads
    parameters.kv_unified = modes.unified
    parameters.type_k = parameters.type_v = CACHE_TYPES[settings.cache_type].number
    # a GPU that cannot is known to llama.cpp (-1); whether one that can should, was measured
    flash = -1 if fit.gpu_layers else 1
    parameters.flash_attn_type = flash if modes.flash_attention else 0
    return parameters


def _step_tokens(fit: Fit, settings: EngineSettings) -> int:
    """At most, of all conversations."""
    return CHUNK + fit.slots + settings.drafts


def _bytes_of(state: NDArray[np.uint8]) -> Any:
    return state.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
