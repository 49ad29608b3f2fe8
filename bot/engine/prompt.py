"""A rendered prompt, in which a customer's text can never pass for the template's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

TEMPLATE = b"\xff"
CONTENT = b"\xfe"
# Neither byte occurs in UTF-8, so what follows one of them runs to the next.
_PART = re.compile(rb"([\xfe\xff]?)([^\xfe\xff]+)")


class Part(NamedTuple):
    text: bytes
    special: bool
    """Template text, in which control tokens are read as such."""
    end: int
    """Where it ends in the prompt's key."""


class Prompt:
    """Text in parts, flattened to `key`: each part is led by the mark of its kind.

    Two prompts are the same to the model as far as their keys are the same: the text alone would
    not do, because "<|im_end|>" typed by a customer is other tokens than the template's.
    """

    def __init__(self, parts: Iterable[tuple[str, bool]]) -> None:
        """`parts`: (text, whether it is the template's)."""
        self.key = b"".join(
            (TEMPLATE if special else CONTENT) + text.encode("utf-8", "replace")
            for text, special in parts
            if text
        )

    def parts(self, start: int = 0) -> Iterator[Part]:
        """Those of `key[start:]`; the first may be the rest of one."""
        for match in _PART.finditer(self.key, start):
            mark = match[1] or self.key[self._mark_before(start) : start][:1]
            yield Part(match[2], mark == TEMPLATE, match.end())

    def common(self, other: bytes) -> int:
        """How long the keys agree. Bisected, because comparing slices is one memcmp each."""
        low, high = 0, min(len(self.key), len(other))
        while low < high:
            middle = (low + high + 1) // 2
            if self.key[low:middle] == other[low:middle]:
                low = middle
            else:
                high = middle - 1
        return low

    def is_border(self, offset: int) -> bool:
        """Whether tokens may be cut here: a part ends, or a word does."""
        following = self.key[offset : offset + 1]
        return not following or following in (TEMPLATE, CONTENT, b" ", b"\n")

    def _mark_before(self, offset: int) -> int:
        return max(self.key.rfind(mark, 0, offset) for mark in (TEMPLATE, CONTENT))
