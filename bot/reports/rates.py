"""How long things took."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HOURS = ((0, 1), (1, 4), (4, 8), (8, 24), (24, None))


@dataclass(frozen=True, slots=True)
class Bucket:
    hours: str
    count: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds."""

    n: int
    median: float | None
    p90: float | None
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Duration:
    wall: Spread
    business: Spread
    """Within business hours."""


def spread(seconds: Iterable[float]) -> Spread:
    times = sorted(seconds)
    return Spread(
        len(times),
        quantile(times, 0.5),
        quantile(times, 0.9),
        tuple(Bucket(_name(low, high), _count(times, low, high)) for low, high in HOURS),
    )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Of ordered values, between the two that it falls between. None of nothing."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _name(low: int, high: int | None) -> str:
    return f"{low}+" if high is None else f"{low}–{high}"


def _count(times: Sequence[float], low: int, high: int | None) -> int:
    return sum(low * 3600 <= t and (high is None or t < high * 3600) for t in times)
