"""Text as the terminal shows it."""

from __future__ import annotations

from datetime import datetime

from bot.text import printable

LIMIT = 20_000
"""Characters of one message of a customer; a context window would hold no more of them."""


def one_line(text: str, limit: int = 200) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def age(then: datetime, now: datetime) -> str:
    """ "now", "5m", "3h", "6d", then the day it was."""
    minutes = int((now - then).total_seconds() // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 24 * 60:
        return f"{minutes // 60}h"
    if minutes < 7 * 24 * 60:
        return f"{minutes // (24 * 60)}d"
    return f"{then.day} {then:%b}" if then.year == now.year else f"{then:%b %Y}"


def waited(since: datetime, now: datetime) -> str:
    """ "<1m", "5m", "3h 20m", "2d": whoever waits is not told a date."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes}m" if minutes else "<1m"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {rest}m" if rest else f"{hours}h"
    return f"{hours // 24}d"


def duration(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"
