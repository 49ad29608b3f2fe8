"""Which of the larger models suits a machine, and why.

Speeds are reckoned: a token is written as fast as the weights can be read, and a prompt is read as
fast as they can be multiplied. The rates are low guesses for ordinary hardware, of the order that
was measured on two cores of a Xeon with AVX-512 (half a billion parameters, Q8_0).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from models.offers import Offer, Quantisation

PATIENCE = 30.0
"""Seconds to the last word of a reply."""
PROMPT, REPLY = 600, 100
"""Tokens of a usual turn, as far as they are new: passages and question; the reply."""
_BUFFERS = 400 << 20
"""Bytes that llama.cpp takes beside weights and KV cache."""
_SHARE_OF_MEMORY = 0.9
"""Of the machine's, at most: the system needs some, too."""
GPU_MARGIN = 1 << 30

Verdict = Literal["good", "slow", "busy", "too large"]


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str
    memory: int
    """Bytes in all; 0 where it does not say."""
    free: int
    shared: bool
    """Whether its memory is the machine's own."""


@dataclass(frozen=True, slots=True)
class Machine:
    memory: int
    """Bytes that this process may use."""
    available: int
    """Of them: that nobody uses now."""
    cores: int
    gpus: tuple[Gpu, ...] = ()
    """Those that this build of llama.cpp can use."""


@dataclass(frozen=True, slots=True)
class Advice:
    offer: Offer
    quantisation: Quantisation
    verdict: Verdict
    place: Literal["gpu", "memory"]
    """Where the weights would lie."""
    needed: int
    """Bytes: weights, the KV cache of a conversation, buffers."""
    tokens_per_second: float
    seconds: float
    """To the last word of a usual reply."""
    why: str
    """In plain words, without the model's name."""


@dataclass(frozen=True, slots=True)
class _Speed:
    bytes: float
    """That are read of the weights in a second."""
    operations: float

    def of(self, offer: Offer, quantisation: Quantisation) -> tuple[float, float]:
        """Tokens a second while it writes; seconds of a usual turn."""
        read = quantisation.bytes * offer.active / offer.parameters
        writes = self.bytes / read
        return writes, PROMPT * 2 * offer.active / self.operations + REPLY / writes


_GPU, _SHARED_GPU = _Speed(300e9, 20e12), _Speed(80e9, 2e12)
_CORE, _CPU_BYTES = _Speed(8e9, 60e9), 60e9
"""Of a core; and what the memory gives to all together."""


def advise(
    machine: Machine,
    offers: Iterable[Offer],
    *,
    window: int,
    value_bytes: float = 2.0,
    language: str = "",
) -> list[Advice]:
    """The best first. `window`: tokens of a conversation; `value_bytes`: of a value in the KV
    cache; models that do not speak `language` are left out."""
    found = [
        _best(machine, one, min(window, one.context) * value_bytes)
        for one in offers
        if not language or one.speaks(language)
    ]
    return sorted(found, key=_order)


def _order(advice: Advice) -> tuple[object, ...]:
    """Of the good ones the largest; of the others that which comes nearest to being good."""
    offer = advice.offer
    if advice.verdict == "good":
        size = (-offer.parameters, bool(offer.terms), -offer.context, -len(offer.languages))
        return (0, *size, offer.name)
    rank = ("slow", "busy", "too large").index(advice.verdict)
    return (1 + rank, advice.seconds if rank == 0 else advice.needed, offer.name)


def _best(machine: Machine, offer: Offer, kept: float) -> Advice:
    """The largest of its files that is good here, else the smallest."""
    reckoned = [_reckoned(machine, offer, one, kept) for one in offer.quantisations]
    return next((one for one in reversed(reckoned) if one.verdict == "good"), reckoned[0])


def _reckoned(machine: Machine, offer: Offer, quantisation: Quantisation, kept: float) -> Advice:
    """`kept`: bytes of a conversation for each value that a token has in the KV cache."""
    needed = quantisation.bytes + round(offer.cache_values * kept) + _BUFFERS
    gpu = _gpu_for(machine.gpus, needed)
    shared = gpu is None or gpu.shared
    speed = _cpu(machine.cores) if gpu is None else _SHARED_GPU if gpu.shared else _GPU
    writes, seconds = speed.of(offer, quantisation)
    verdict: Verdict = "good"
    if shared and needed > machine.memory * _SHARE_OF_MEMORY:
        verdict = "too large"
    elif shared and needed > machine.available:
        verdict = "busy"
    elif seconds > PATIENCE:
        verdict = "slow"
    why = _why(machine, verdict, needed, gpu, writes, seconds)
    place: Literal["gpu", "memory"] = "memory" if gpu is None else "gpu"
    return Advice(
        offer, quantisation, verdict, place, needed, round(writes, 1), round(seconds, 1), why
    )


def _gpu_for(gpus: Sequence[Gpu], needed: int) -> Gpu | None:
    """That holds all of it. One that does not say how much it has is believed to have enough."""
    fitting = [gpu for gpu in gpus if not gpu.memory or gpu.free - GPU_MARGIN >= needed]
    return min(fitting, key=lambda gpu: gpu.shared, default=None)


def _cpu(cores: int) -> _Speed:
    return _Speed(min(cores * _CORE.bytes, _CPU_BYTES), cores * _CORE.operations)


def _why(
    machine: Machine, verdict: Verdict, needed: int, gpu: Gpu | None, writes: float, seconds: float
) -> str:
    size = f"needs {gigabytes(needed)}"
    if verdict == "too large":
        return f"{size}, and this machine has {gigabytes(machine.memory)} of memory"
    if verdict == "busy":
        return (
            f"{size}, and {gigabytes(machine.available)} of {gigabytes(machine.memory)} are free "
            "now; it would fit where other programs are closed"
        )
    where = (
        f"on the GPU {gpu.name}"
        if gpu
        else f"of {gigabytes(machine.available)} free memory, on "
        f"{machine.cores} core{'' if machine.cores == 1 else 's'}"
    )
    speed = f"about {max(1, round(seconds))} s for a reply, {max(1, round(writes))} tokens a second"
    return f"{size} {where}; {speed}" + (", which is slow" if verdict == "slow" else "")


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
