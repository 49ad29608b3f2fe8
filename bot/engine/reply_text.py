"""The bytes of a reply on their way to the reader: whole characters, nothing of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class ReplyText:
    def __init__(self, stop: Sequence[str] = ()) -> None:
        self.stopped = False
        """A stop string was written: what comes from `add` now is the end."""
        self._stop = [text for text in stop if text]
        self._held = ""
        # A model may write bytes that are no UTF-8 at all; they become U+FFFD.
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def add(self, piece: bytes) -> str:
        """What can be shown: text that may turn out to begin a stop string is held back."""
        text = self._held + self._decode(piece)
        found = [place for stop in self._stop if (place := text.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """What was held back; the bytes of a torn last character are dropped."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of `text` with which `stop` begins."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
