"""Text from outside, made fit to be shown: the terminal obeys control characters, so none pass."""

from __future__ import annotations

import re
from datetime import datetime

LIMIT = 20_000
"""Characters of one message of a customer; a context window would hold no more of them."""
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1, but for the newline and the tab
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks, which would turn the row around
    "\ud800-\udfff]"  # half a character: UTF-8 cannot write it
)
BREAKS = re.compile("\r\n|[\u2028\u2029]")


def printable(text: str) -> str:
    return UNSAFE.sub("", BREAKS.sub("\n", text))


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


def duration(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
