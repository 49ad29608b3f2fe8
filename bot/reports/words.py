"""How figures are written, in every format."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.conversation import SentimentLabel
from bot.rates import Rate, differ
from bot.reports.rates import Spread

NOTHING = "–"
_UNHAPPY = 0.1


def percent(one: Rate) -> str:
    return NOTHING if one.share is None else f"{one.share:.1%}"


def interval(one: Rate) -> str:
    return "" if one.share is None else f"{one.low:.1%} to {one.high:.1%}"


def of(one: Rate) -> str:
    return f"{one.count:,} of {one.of:,}"


def change(now: Rate, before: Rate) -> str:
    """In percentage points."""
    if now.share is None or before.share is None:
        return NOTHING
    points = round(100 * (now.share - before.share), 1) or 0.0
    return f"{points:+.1f} pts" if differ(now, before) else f"{points:+.1f} pts (may be chance)"


def growth(now: int, before: int) -> str:
    if not before:
        return "new" if now else NOTHING
    return f"{(now - before) / before:+.0%}"


def score(value: float | None) -> str:
    return NOTHING if value is None else f"{value:+.2f}"


def label(value: float | None) -> SentimentLabel:
    """Of the mean of many, which lies nearer to 0 than any one of them."""
    if value is None or abs(value) < _UNHAPPY:
        return SentimentLabel.NEUTRAL
    return SentimentLabel.POSITIVE if value > 0 else SentimentLabel.NEGATIVE


def seconds(value: float | None) -> str:
    if value is None:
        return NOTHING
    if value < 10:
        return f"{value:.1f} s"
    if value < 90:
        return f"{value:.0f} s"
    minutes = value / 60
    if minutes < 90:
        return f"{minutes:.0f} min"
    hours = minutes / 60
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def milliseconds(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f} ms"


def buckets(one: Spread) -> str:
    return ", ".join(f"{b.hours} h: {b.count:,}" for b in one.buckets if b.count)


def moment(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def day(at: datetime, zone: str) -> str:
    here = at.astimezone(ZoneInfo(zone))
    return f"{here.day} {here:%B %Y}"
