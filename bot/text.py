"""Text from outside, made fit to be shown: terminals obey control characters, so none pass."""

from __future__ import annotations

import re

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1, but for the newline and the tab
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks, which would turn the row around
    "\ud800-\udfff]"  # half a character: UTF-8 cannot write it
)
BREAKS = re.compile("\r\n|[\u2028\u2029]")


def printable(text: str) -> str:
    return UNSAFE.sub("", BREAKS.sub("\n", text))


def escaped(json: str) -> str:
    """JSON that a terminal can show: what is unsafe stands in it as \\u escapes."""
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json)


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def sized(count: int) -> str:
    """Bytes, in GB or MB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
