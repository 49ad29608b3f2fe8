"""The bytes of a reply on their way to the reader: whole characters, nothing of a stop string, and
no thoughts."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from bot.engine.thinking import Thinking, overlap


class ReplyText:
    def __init__(self, stop: Sequence[str] = ()) -> None:
        self.stopped = False
        """A stop string was written: what comes from `add` now is the end."""
        self._stop = [text for text in stop if text]
        self._held = ""
        self._thinking = Thinking()
        # A model may write bytes that are no UTF-8 at all; they become U+FFFD.
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def add(self, piece: bytes, *, given: bool = False) -> str:
        """What can be shown: text that may turn out to begin a stop string is held back. What is
        `given` is not the model's own, and so none of its thoughts."""
        text = self._decode(piece)
        text = self._thinking.rest() + text if given else self._thinking.add(text)
        return self._unstopped(self._held + text)

    def rest(self) -> str:
        """What was held back; the bytes of a torn last character are dropped."""
        text = self._unstopped(self._held + self._thinking.rest())
        held, self._held = self._held, ""
        return text + held

    def _unstopped(self, text: str) -> str:
        found = [place for stop in self._stop if (place := text.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]
