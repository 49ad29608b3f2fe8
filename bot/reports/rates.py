"""Shares with their intervals, and how long things took."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Z = 1.959964
"""Of the normal distribution at 95 %."""
HOURS = ((0, 1), (1, 4), (4, 8), (8, 24), (24, None))


@dataclass(frozen=True, slots=True)
class Rate:
    count: int
    of: int
    share: float | None
    """None where there is nothing to take a share of."""
    low: float
    high: float
    """Between which it lies at 95 %: Wilson's score interval."""


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


def rate(count: int, of: int) -> Rate:
    if not of:
        return Rate(count, of, None, 0.0, 1.0)
    share = count / of
    spread = Z * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    middle, scale = share + Z * Z / (2 * of), 1 + Z * Z / of
    low, high = (middle - spread) / scale, (middle + spread) / scale
    low, high = max(0.0, low), min(1.0, high)
    return Rate(count, of, share, low if count else 0.0, 1.0 if count == of else high)


def differ(now: Rate, before: Rate) -> bool:
    """Whether their intervals are apart: more than chance would have it."""
    return bool(now.of and before.of) and (now.low > before.high or now.high < before.low)


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
