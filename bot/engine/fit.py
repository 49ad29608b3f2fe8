"""What of a model fits where: conversations into the KV cache, layers onto the GPU, and the rest
into the machine's memory, or nothing is loaded at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.engine.header import Header
from bot.engine.system import Device
from bot.errors import ModelError
from bot.settings import EngineSettings

GPU_MARGIN = 1 << 30
"""Bytes of each GPU that llama.cpp's own buffers may take, as it reckons itself."""
_LARGEST_DEFAULT_WINDOW = 8192
_SHARE_OF_MEMORY = 0.25
CACHE_BYTES = {"f16": 2.0, "q8_0": 34 / 32}
"""Of a value in the KV cache."""


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
    """`memory`: bytes of the machine. On the GPU the KV cache takes what the weights leave; else a
    quarter of the memory at most. Raise ModelError where the weights alone are too many."""
    window, warnings = _window(header, settings)
    of_layer = header.cached_values * CACHE_BYTES[settings.cache_type] * window
    of_one = max(1.0, of_layer * len(header.layers))
    """Bytes of a conversation."""
    wanted, all_layers = settings.conversations, len(header.layers) + 1
    room = _room(devices) if settings.gpu_layers else 0
    if settings.gpu_layers < 0 and room - header.movable >= of_one:
        slots = min(wanted, int((room - header.movable) / of_one))
        layers = all_layers
    else:
        left = min(memory * _SHARE_OF_MEMORY, memory - header.weights + min(room, header.movable))
        slots = max(1, min(wanted, int(left / of_one)))
        layers = _layers_within(header, of_layer * slots, room)
        if settings.gpu_layers >= 0:  # the operator knows
            layers = min(settings.gpu_layers, all_layers) if room else 0
    if slots < wanted:
        warnings.append(f"memory for {slots} of {wanted} conversations at a time")
    if room and settings.gpu_layers < 0 and layers < all_layers:
        warnings.append(
            f"{layers} of {all_layers} layers are on the GPU, which has {_gigabytes(room)} for "
            f"weights of {_gigabytes(header.movable)} and {slots} conversations of "
            f"{_gigabytes(of_one)}"
        )
    _check_memory(header, layers, of_layer * slots, slots, memory)
    return Fit(window, slots, layers, tuple(warnings))


def _window(header: Header, settings: EngineSettings) -> tuple[int, list[str]]:
    trained = header.context or _LARGEST_DEFAULT_WINDOW
    window = min(settings.context or _LARGEST_DEFAULT_WINDOW, trained)
    if settings.context <= trained:
        return window, []
    return window, [f"engine.context = {settings.context}: the model knows {trained} at most"]


def _room(devices: Sequence[Device]) -> int:
    """Bytes on the GPUs; of those in the processor only where there is no other, as llama.cpp
    chooses. One that does not say how much it has is believed to have enough."""
    gpus = [device for device in devices if device.kind == "gpu"]
    gpus = gpus or [device for device in devices if device.kind == "igpu"]
    if any(not device.memory for device in gpus):
        return 1 << 62
    return sum(max(0, device.free - GPU_MARGIN) for device in gpus)


def _layers_within(header: Header, cache: float, room: float) -> int:
    """`cache`: bytes of a layer."""
    sizes = [header.output + header.tied, *(layer + cache for layer in reversed(header.layers))]
    for count, size in enumerate(sizes):
        room -= size
        if room < 0:
            return count
    return len(sizes)


def _check_memory(header: Header, layers: int, cache: float, slots: int, memory: int) -> None:
    """Of the machine, for what is not on the GPU. Weights are mapped from the file: more of them
    than memory would be read from the disk again for every token."""
    kept = header.layers[: len(header.layers) - max(0, layers - 1)]
    weights = header.input + sum(kept) + (0 if layers else header.output)
    needed = weights + cache * len(kept)
    if needed > memory:
        raise ModelError(
            f"needs {_gigabytes(needed)} of memory ({_gigabytes(weights)} of weights, "
            f"{_gigabytes(needed - weights)} for {slots} of engine.conversations), and this "
            f"machine has {_gigabytes(memory)}; choose a smaller model or lower engine.context"
        )


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
