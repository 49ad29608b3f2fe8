"""Shares with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964
"""Of the normal distribution at 95 %."""


@dataclass(frozen=True, slots=True)
class Rate:
    count: int
    of: int
    share: float | None
    """None where there is nothing to take a share of."""
    low: float
    high: float
    """Between which it lies at 95 %: Wilson's score interval."""


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
