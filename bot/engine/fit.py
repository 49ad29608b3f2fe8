"""What of a model fits where: conversations into the KV cache, layers onto the GPU, and the rest
into the machine's memory, or nothing is loaded at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.engine.header import Header
from bot.engine.system import Device
from bot.errors import ModelError
from bot.settings import SMALLEST_WINDOW, EngineSettings

GPU_MARGIN = 1 << 30
"""Bytes of each GPU that llama.cpp's own buffers may take, as it reckons itself."""
LARGEST_DEFAULT_WINDOW = 8192
_SHARE_OF_MEMORY = 0.25


@dataclass(frozen=True, slots=True)
class _CacheType:
    number: int
    """ggml's own."""
    bytes: float
    """Of a value."""


CACHE_TYPES = {"f16": _CacheType(1, 2.0), "q8_0": _CacheType(8, 34 / 32)}


@dataclass(frozen=True, slots=True)
class Fit:
    window: int
    """Tokens of a conversation."""
    slots: int
    """Conversations in the KV cache."""
    gpu_layers: int = 0
    """As llama.cpp counts them: the output goes first, then the last layer, and so on."""
    warnings: tuple[str, ...] = ()


def fit(header: Header, settings: EngineSettings, *, devices: Sequence[Device], memory: int) -> Fit:
    """`memory`: bytes of the machine.

    A model that a GPU holds with one conversation is put there whole, with as many conversations
    as there is room for. Else as many layers go there as fit, and the KV cache takes a quarter of
    the memory at most. Raise ModelError where the memory does not hold the rest with one
    conversation, and for a model whose window holds none.
    """
    window, warnings = _window(header, settings)
    plan = _Plan(header, settings, window, _gpus(devices), memory)
    wanted = settings.conversations
    slots = next((n for n in range(wanted, 1, -1) if plan.is_good(n)), 1)
    layers = plan.layers(slots)
    if slots < wanted:
        warnings.append(f"memory for {slots} of {wanted} conversations at a time")
    if plan.gpus and settings.gpu_layers < 0 and layers < plan.all_layers:
        warnings.append(
            f"{layers} of {plan.all_layers} layers are on the GPU, which has "
            f"{_gigabytes(sum(map(_room, plan.gpus)))} for weights of "
            f"{_gigabytes(header.movable)} and {slots} conversations of "
            f"{_gigabytes(sum(plan.cache(1)))}"
        )
    plan.check(slots)
    return Fit(window, slots, layers, tuple(warnings))


class _Plan:
    """What would go where."""

    def __init__(
        self,
        header: Header,
        settings: EngineSettings,
        window: int,
        gpus: Sequence[Device],
        memory: int,
    ) -> None:
        self.gpus = gpus if settings.gpu_layers else []
        self.all_layers = len(header.layers) + 1
        self._header, self._memory = header, memory
        self._asked = settings.gpu_layers
        self._value = CACHE_TYPES[settings.cache_type].bytes * window
        self._layers: dict[int, int] = {}
        """By the number of conversations, as far as it was reckoned."""

    def cache(self, slots: int) -> list[float]:
        """Bytes of each layer's KV cache."""
        return [values * self._value * slots for values in self._header.cached]

    def layers(self, slots: int) -> int:
        """On the GPU."""
        if not self.gpus:
            return 0
        if self._asked >= 0:  # the operator knows
            return min(self._asked, self.all_layers)
        if slots not in self._layers:
            fitting = (n for n in range(self.all_layers, 0, -1) if self._fits(n, slots))
            self._layers[slots] = next(fitting, 0)
        return self._layers[slots]

    def is_good(self, slots: int) -> bool:
        """Whether so many conversations push no layer off the GPU that one would leave there, or
        else take no more than their share of the memory."""
        layers = self.layers(slots)
        if self._asked < 0 and self.layers(1) == self.all_layers:
            return layers == self.all_layers
        cache = sum(self.cache(slots))
        return cache <= _SHARE_OF_MEMORY * self._memory and self._kept(slots) <= self._memory

    def check(self, slots: int) -> None:
        """Weights are mapped from the file: more of them than memory would be read from the disk
        again for every token."""
        needed = self._kept(slots)
        if needed > self._memory:
            cache = sum(self.cache(slots))
            raise ModelError(
                f"needs {_gigabytes(needed)} of memory ({_gigabytes(self._header.weights)} of "
                f"weights and {_gigabytes(cache)} for a conversation, less what a GPU takes), and "
                f"this machine has {_gigabytes(self._memory)}; choose a smaller model or lower "
                "engine.context"
            )

    def _kept(self, slots: int) -> float:
        """Bytes of the machine's memory; what lies on a GPU that shares it counts, too."""
        header, cache = self._header, self.cache(slots)
        layers = self.layers(slots)
        if any(gpu.shares_memory for gpu in self.gpus):
            layers = 0
        kept = len(header.layers) - max(0, layers - 1)
        output = 0 if layers else header.output
        return header.input + output + sum(header.layers[:kept]) + sum(cache[:kept])

    def _fits(self, layers: int, slots: int) -> bool:
        """Dealt out as llama.cpp does: the last layers and the output, by their number, in
        proportion to the memory that is free on each GPU."""
        header = self._header
        sizes = [size + kept for size, kept in zip(header.layers, self.cache(slots), strict=True)]
        moved = [*sizes, header.output + header.tied][self.all_layers - layers :]
        free = [_free(gpu) for gpu in self.gpus]
        borders = [sum(free[: n + 1]) / max(1, sum(free)) for n in range(len(free))]
        rooms = [_room(gpu) for gpu in self.gpus]
        for place, size in enumerate(moved):
            gpu = next((n for n, border in enumerate(borders) if place / layers < border), -1)
            rooms[gpu] -= size
        return min(rooms) >= 0


def _window(header: Header, settings: EngineSettings) -> tuple[int, list[str]]:
    trained = header.context or LARGEST_DEFAULT_WINDOW
    if trained < SMALLEST_WINDOW:
        raise ModelError(
            f"knows {trained} tokens at most, and a conversation needs {SMALLEST_WINDOW}; "
            "choose another model"
        )
    window = min(settings.context or LARGEST_DEFAULT_WINDOW, trained)
    if settings.context <= trained:
        return window, []
    return window, [f"engine.context = {settings.context}: the model knows {trained} at most"]


def _gpus(devices: Sequence[Device]) -> Sequence[Device]:
    """Those in the processor only where there is no other, as llama.cpp chooses."""
    gpus = [device for device in devices if device.kind == "gpu"]
    return gpus or [device for device in devices if device.kind == "igpu"]


def _free(gpu: Device) -> float:
    """One that does not say how much memory it has is believed to have enough."""
    return gpu.free if gpu.memory else float(1 << 62)


def _room(gpu: Device) -> float:
    return max(0.0, _free(gpu) - GPU_MARGIN)


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
