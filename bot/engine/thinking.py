"""What a model thinks before it answers: not asked for, and hidden where it comes all the same."""

from __future__ import annotations

import re

TAGS = {"<think>": "</think>", "[THINK]": "[/THINK]"}
"""Around a thought: what opens one, and what ends it."""
_ANY = re.compile("|".join(re.escape(tag) for pair in TAGS.items() for tag in pair))
_OPENED = re.compile("(" + "|".join(map(re.escape, TAGS)) + r")\s*\Z")


def is_tag(text: str) -> bool:
    return _ANY.fullmatch(text) is not None


def closed(prompt: str) -> str:
    """A prompt that opens a thought for the model gets an empty one, and so the answer at once."""
    opened = _OPENED.search(prompt)
    return f"{prompt[: opened.end(1)]}\n\n{TAGS[opened[1]]}\n\n" if opened else prompt


class Thinking:
    """Takes thoughts out of a reply as it comes, and the white space behind them."""

    def __init__(self) -> None:
        self._held = ""
        """White space at the front, or what may turn out to begin a tag."""
        self._until = ""
        """The tag that ends the thought which is under way."""
        self._said = self._thought = False
        """Whether anything was said; whether nothing was, since a tag."""

    def add(self, text: str) -> str:
        text, self._held, shown = self._held + text, "", ""
        while text:
            if self._until:
                text = self._after_thought(text)
                continue
            if self._thought:
                text = text.lstrip()
            if (tag := _ANY.search(text)) is None:
                return shown + self._shown(self._without_beginning(text))
            before, text = text[: tag.start()], text[tag.end() :]
            shown += self._shown(before if self._said or before.strip() else "")
            self._until = TAGS.get(tag[0], "")
            self._thought = True
        return shown

    def rest(self) -> str:
        """What was held back and is no tag."""
        held, self._held = self._held, ""
        return "" if self._until else held

    def _after_thought(self, text: str) -> str:
        _, ended, after = text.partition(self._until)
        if ended:
            self._until = ""
        else:
            self._held = text[len(text) - overlap(text, self._until) :]
        return after

    def _without_beginning(self, text: str) -> str:
        """Less what may be the beginning of a tag, or of a reply that begins with one."""
        if not self._said and not text.strip():
            self._held = text
            return ""
        keep = max(overlap(text, tag) for pair in TAGS.items() for tag in pair)
        shown, self._held = text[: len(text) - keep], text[len(text) - keep :]
        if not self._said and not shown.strip():
            shown, self._held = "", text
        return shown

    def _shown(self, text: str) -> str:
        if text:
            self._said, self._thought = True, False
        return text


def overlap(text: str, stop: str) -> int:
    """The length of the longest end of `text` with which `stop` begins."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
