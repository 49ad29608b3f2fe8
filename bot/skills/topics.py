"""Topics whose reply must not vary, or that are for a person: the business names the words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff"
"""Scripts that set no spaces between words."""
_LETTER = rf"[^\W{_UNSPACED}]"
READ = 4_000
"""Characters of a message that are looked at."""


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    words: tuple[str, ...]
    """Words or phrases, any of which makes it this topic; a `*` ends one that may go on."""
    reply: Mapping[str, str] = field(default_factory=dict)
    """By ISO 639-1 language, word for word."""
    person: bool = True
    """Whether a person is called."""

    def told(self, language: str) -> str | None:
        """In the customer's language, else in English, else in what there is."""
        return (
            self.reply.get(language)
            or self.reply.get("en")
            or next(iter(self.reply.values()), None)
        )


class Topics:
    def __init__(self, topics: Sequence[Topic] = ()) -> None:
        self.all = tuple(topics)
        self._patterns = [_pattern(topic.words) for topic in self.all]

    def named(self, name: str) -> Topic | None:
        return next((topic for topic in self.all if topic.name == name), None)

    def of(self, text: str) -> Topic | None:
        """The first that one of its words names."""
        said = _plain(text[:READ])
        found = zip(self.all, self._patterns, strict=True)
        return next((topic for topic, words in found if words.search(said)), None)


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(_word(_plain(word)) for word in words if word.strip()) or r"(?!)")


def _word(word: str) -> str:
    """Bounded where it begins or ends with a letter of a script that sets words apart."""
    stem = word.rstrip("*")
    escaped = re.escape(stem).replace(r"\ ", r"\s+")
    front = rf"(?<!{_LETTER})" if _is_bounded(stem[:1]) else ""
    end = rf"(?!{_LETTER})" if stem == word and _is_bounded(stem[-1:]) else ""
    return f"{front}{escaped}{end}"


def _is_bounded(character: str) -> bool:
    return re.fullmatch(_LETTER, character) is not None


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(folded.split())
