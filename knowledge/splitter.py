"""Pages to passages: never across a heading, paragraphs whole where they fit."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Sequence

from bot.conversation import Passage
from bot.language import detect_language
from bot.sentences import split_sentences
from knowledge.pages import Block, Page

LONGEST = 180
"""Words of a passage: what a question needs as an answer, and well inside of what the encoder
reads (512 tokens)."""
WORD = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]|[^\W\u3040-\u9fff\uac00-\ud7af]+")
HAN_IN_WORDS = 0.6
"""A Chinese word has 1.6 characters on average."""
ENDLESS = re.compile(r"\s*\S{1,100}")
"""What a sentence without an end is cut into: words, or pieces of one that has no end either."""
LETTERS_IN_WORDS = 0.1
"""So that a megabyte without a space is no single word."""


def split(page: Page) -> list[Passage]:
    texts = [
        (section.heading, text)
        for section in page.sections
        for text in _packed(list(_fitting(section.blocks)))
    ]
    language = detect_language("\n".join(text for _, text in texts))
    return [
        Passage(
            id=passage_id(page.source, position),
            source=page.source,
            title=page.title,
            heading=heading,
            text=text,
            language=detect_language(text, default=language),
        )
        for position, (heading, text) in enumerate(texts)
    ]


def passage_id(source: str, position: int) -> str:
    """The same for the same place, so that a document added again keeps its ids."""
    return hashlib.sha256(f"{source}\0{position}".encode(errors="surrogatepass")).hexdigest()[:16]


def count_words(text: str) -> float:
    words = WORD.findall(text)
    han = sum(1 for word in words if len(word) == 1 and word >= "\u3040")
    return max(len(words) - (1 - HAN_IN_WORDS) * han, len(text) * LETTERS_IN_WORDS)


def _packed(texts: Sequence[str]) -> Iterator[str]:
    for some in _groups([count_words(text) for text in texts]):
        yield "\n\n".join(texts[some])


def _fitting(blocks: Sequence[Block]) -> Iterator[str]:
    """The blocks, those that are too long cut at sentence ends."""
    for block in blocks:
        if count_words(block.text) <= LONGEST:
            yield block.text
        else:
            yield from _cut(block)


def _cut(block: Block) -> Iterator[str]:
    pieces = list(_pieces(block.text))
    for number, some in enumerate(_groups([count_words(piece) for piece in pieces])):
        text = "".join(pieces[some]).strip()
        yield f"{block.header}\n{text}" if block.header and number else text


def _pieces(text: str) -> Iterator[str]:
    """Sentences with the white space before them: together they are `text` again."""
    start = 0
    for sentence in split_sentences(text):
        end = text.index(sentence, start) + len(sentence)
        piece = text[start:end]
        if count_words(piece) <= LONGEST:
            yield piece
        else:
            yield from ENDLESS.findall(piece)
        start = end


def _groups(words: Sequence[float]) -> Iterator[slice]:
    """Neighbours that make a passage together: as few passages as can be, about equally long."""
    rest = sum(words)
    start, gathered = 0, 0.0
    for number, count in enumerate(words):
        if gathered and (gathered + count > LONGEST or gathered + count / 2 > _share(rest)):
            yield slice(start, number)
            rest -= gathered
            start, gathered = number, 0.0
        gathered += count
    if words:
        yield slice(start, len(words))


def _share(words: float) -> float:
    return words / max(1, math.ceil(words / LONGEST))
