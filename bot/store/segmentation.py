"""How a message is cut into terms for full-text search, and what of it a hit shows.

Chinese and Japanese put no spaces between words, so their runs are cut into overlapping pairs of
characters, the last character once more on its own: every pair and, as a prefix, every single
character can then be looked up. The index splits everything else at spaces and punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from bot.store.columns import storable

_RUN = re.compile("[々〆〇぀-ヿ㐀-䶿一-鿿豈-﫿\U00020000-\U0003347f]+")
_SYMBOL = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff]")


LONGEST_QUERY = 1000
"""In characters; what stands behind them is not looked for."""


def index_terms(text: str) -> str:
    text = unicodedata.normalize("NFKC", storable(text))
    text = _SYMBOL.sub(lambda found: f" {found[0]} ", text)
    return _RUN.sub(lambda found: f" {_pairs(found[0])} {found[0][-1]} ", text)


def query_phrases(text: str) -> list[str]:
    """What has to stand together: a run of characters as its pairs, each other word by itself."""
    text = unicodedata.normalize("NFKC", storable(text[:LONGEST_QUERY]))
    spaced = _SYMBOL.sub(lambda found: f" {found[0]} ", text)
    return [phrase for word in spaced.split() for phrase in _phrases(word)]


def _phrases(word: str) -> Iterator[str]:
    end = 0
    for run in _RUN.finditer(word):
        if run.start() > end:
            yield word[end : run.start()]
        yield _pairs(run[0]) or run[0]
        end = run.end()
    if end < len(word):
        yield word[end:]


def _pairs(run: str) -> str:
    return " ".join(first + second for first, second in pairwise(run))


def snippet(text: str, query: str, *, width: int = 120) -> str:
    """One line of `text` around the first word of `query` that stands in it."""
    found = _first_of(query[:LONGEST_QUERY].split(), text)
    start = max(0, found - width // 3)
    piece = text[start : start + width]
    before = "…" if start else ""
    after = "…" if start + width < len(text) else ""
    return before + " ".join(piece.split()) + after


def _first_of(words: list[str], text: str) -> int:
    for word in words:
        if found := re.search(re.escape(word), text, re.IGNORECASE):
            return found.start()
    return 0
