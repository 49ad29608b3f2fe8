"""Answers rest on passages: picking the sentences that answer, and checking those a model wrote."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from bot.conversation import Citation, Passage
from bot.language import same_script
from bot.reading import told
from bot.sentences import split_sentences

PASSAGES_READ = 4
"""Of those found, so many are cut into sentences and compared with the question."""
SENTENCES_KEPT = 20_000
"""Vectors of sentences kept in memory, 1.5 kB each."""
MOST_QUOTED = 3
STEPS_QUOTED = 8
QUOTED_CHARACTERS = 700
CLOSE = 0.8
"""A neighbour that scores at least this share of the best sentence is quoted with it."""

READ_TOGETHER = 3
"""Sentences that are read together with the question: those that are nearest to it. More of them
change nothing."""
READING, TRUST, SUREST = 0.03, 0.2, 6.0
"""What a logit of that reading adds to the cosine when a sentence is chosen, and when it is told
whether that answers at all; how far a logit counts."""
FOREIGN, OTHER_SCRIPT = 0.05, 0.15
"""What a page in another language than the question's must be ahead, or one in other letters, which
whoever asks may not even be able to spell."""
STANDING = 0.3
"""What the passage's own place in the search adds to the share of words when the best sentence is
chosen, at most."""
FLOOR = {"meaning": 0.6, "words": 0.27}
"""Below it nothing answers; `words` is for languages that the encoder does not know. The first,
like READING and TRUST, is what `tests/bench/bench_grounding.py` found to be best: what it lets pass
and what it stops stands in `models/cards/EVALUATION.md`."""

SUPPORTED_WORDS = 0.85
SUPPORTED_MEANING = 0.8
"""A written sentence is supported where one sentence of a passage has its figures, denies what it
denies, and either has this share of its words or lies this near to it."""

_LISTED = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_NUMBERED = re.compile(r"^\s*\d{1,2}[.)]\s+")
_LEANING = re.compile(
    r"(?:it|this|these|they|that|those|otherwise|however|if not|but)\b|[它这该此]|否则|不然|但",
    re.IGNORECASE,
)
_HAN = re.compile("[\u4e00-\u9fff]")
_DENIAL = re.compile(
    r"\b(?:not|no|never|none|nor|neither|nothing|nobody|cannot|without|unable|refuse[sd]?"
    r")\b|n['’]t\b|[不没沒无無未勿别]",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True)
class Picked:
    """`citations` is empty where nothing that was found answers the question."""

    citations: tuple[Citation, ...]
    score: float

    @property
    def quote(self) -> str:
        """What stands in the reply, word for word."""
        return "\n\n".join(citation.quote for citation in self.citations)


@dataclass(frozen=True, slots=True)
class _Unit:
    passage: Passage
    sentence: str
    position: int

    @property
    def context(self) -> str:
        return f"{self.passage.title} {self.passage.heading}"

    @property
    def told(self) -> str:
        return told(self.passage.title, self.passage.heading, self.sentence)


class Reader(Protocol):
    """The encoder. Vectors have length 1."""

    @property
    def languages(self) -> frozenset[str]: ...

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]: ...

    async def aembed_query(self, text: str) -> list[float]: ...

    async def aanswers(self, question: str, told: Sequence[str]) -> list[float]:
        """For each sentence, told with its headings, the logit that it answers the question."""
        ...


class Grounding:
    def __init__(self, encoder: Reader, terms: Callable[[str], list[str]]) -> None:
        """`terms` cuts a text into the words that matter, as the knowledge base does."""
        self._encoder = encoder
        self._terms = terms
        self._vectors: OrderedDict[str, np.ndarray] = OrderedDict()

    async def pick(
        self, question: str, language: str, passages: Sequence[Passage], *, asked: str = ""
    ) -> Picked:
        """The sentences that answer, in the order in which the page has them. `asked` is what the
        customer said last, where `question` is that and the questions it leans on."""
        units = [
            _Unit(passage, sentence, position)
            for passage in passages[:PASSAGES_READ]
            for position, sentence in enumerate(split_sentences(passage.text))
        ]
        if not units:
            return Picked((), 0.0)
        if language in self._encoder.languages:
            scores, logits = await self._meaning(question, asked or question, units)
            floor = "meaning"
            best = int(np.argmax(scores + READING * logits - _foreign(units, language)))
            score = float(scores[best] + TRUST * logits[best])
        else:
            scores, floor = self._share_of_words(question, units), "words"
            if asked and asked != question:
                scores = (scores + self._share_of_words(asked, units)) / 2
            best = int(np.argmax(scores + STANDING * _standing(units)))
            score = float(scores[best])
        if score < FLOOR[floor]:
            return Picked((), score)
        return Picked((_quoted(units, scores, best),), score)

    async def supported(self, sentence: str, passages: Sequence[Passage], language: str) -> bool:
        """Whether one sentence of the passages says what a model's sentence says.

        A check of figures, words and negations, not of logic: one word swapped in a long sentence
        ("exchanged" for "returned") passes, and so does a condition left out.
        """
        said = [
            (f"{p.title} {p.heading} {s}", s)
            for p in passages
            for s in split_sentences(p.text)
            if _agrees(sentence, s)
        ]
        if any(self._covered(sentence, whole) >= SUPPORTED_WORDS for whole, _ in said):
            return True
        if not said or language not in self._encoder.languages:
            return False
        vectors = await self._embedded([sentence, *(s for _, s in said)])
        return float((vectors[1:] @ vectors[0]).max()) >= SUPPORTED_MEANING

    async def cites(self, reply: str, text: str, language: str) -> bool:
        """Whether a sentence of `reply` rests on `text`."""
        passage = Passage("", "", "", "", text, language)
        checks = [self.supported(s, [passage], language) for s in split_sentences(reply)]
        return any([await check for check in checks])

    def _share_of_words(self, question: str, units: list[_Unit]) -> np.ndarray:
        wanted = self._words(question)
        return np.array([_share(wanted, self._words(f"{u.context} {u.sentence}")) for u in units])

    async def _meaning(
        self, question: str, asked: str, units: list[_Unit]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cosines, and the logits of reading: of a sentence that was not read, the least."""
        vectors = await self._embedded([unit.told for unit in units])
        wanted = np.asarray(await self._encoder.aembed_query(question), np.float32)
        near: np.ndarray = vectors @ wanted
        nearest = np.argsort(-near)[:READ_TOGETHER]
        shown = [units[place].told for place in nearest]
        read = np.asarray(await self._encoder.aanswers(question, shown))
        if asked != question:
            read = (read + await self._encoder.aanswers(asked, shown)) / 2
        logits = np.full(len(units), read.min())
        logits[nearest] = read
        return near, logits.clip(-SUREST, SUREST)

    def _covered(self, text: str, by: str) -> float:
        """The share of the text's words that `by` has, 0 to 1."""
        return _share(self._words(text), self._words(by))

    def _words(self, text: str) -> set[str]:
        """Chinese counts by pairs of characters and by single ones: questions are short."""
        words = set(self._terms(text))
        return words | {one for word in words if _HAN.match(word) for one in word}

    async def _embedded(self, texts: list[str]) -> np.ndarray:
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            found = await self._encoder.aembed_documents(missing)
            vectors = await asyncio.to_thread(np.asarray, found, np.float32)
            self._vectors.update(zip(missing, vectors, strict=True))
        rows = np.stack([self._vectors[text] for text in texts])
        while len(self._vectors) > SENTENCES_KEPT:
            self._vectors.popitem(last=False)
        return rows


def _agrees(sentence: str, with_: str) -> bool:
    """Whether `with_` has the figures of `sentence`, and both deny something or neither does."""
    if not set(_FIGURE.findall(sentence)) <= set(_FIGURE.findall(with_)):
        return False
    return bool(_DENIAL.search(sentence)) == bool(_DENIAL.search(with_))


def _standing(units: Sequence[_Unit]) -> np.ndarray:
    """0 to 1."""
    found = np.array([unit.passage.score for unit in units])
    return found / found.max() if found.max() > 0 else np.zeros(len(units))


def _foreign(units: Sequence[_Unit], language: str) -> np.ndarray:
    def behind(other: str) -> float:
        if other == language:
            return 0.0
        return FOREIGN if same_script(other, language) else OTHER_SCRIPT

    return np.array([behind(unit.passage.language) for unit in units])


def _share(wanted: set[str], there: set[str]) -> float:
    return len(wanted & there) / len(wanted) if wanted else 0.0


def _quoted(units: list[_Unit], scores: np.ndarray, best: int) -> Citation:
    chosen = units[best]
    page = [(i, u) for i, u in enumerate(units) if u.passage.id == chosen.passage.id]
    if _NUMBERED.match(chosen.sentence):
        kept = [u for _, u in page if _NUMBERED.match(u.sentence)][:STEPS_QUOTED]
    elif chosen.sentence.endswith((":", "：")):
        rest = [u for _, u in page if u.position > chosen.position]
        kept = [chosen, *_leading_items(rest)]
    else:
        near = [(i, u) for i, u in page if scores[i] >= CLOSE * scores[best] or i == best]
        near = sorted(near, key=lambda pair: -scores[pair[0]])[:MOST_QUOTED]
        kept = _readable(sorted((u for _, u in near), key=lambda u: u.position), chosen)
        kept = _with_what_it_leans_on(kept, [unit for _, unit in page])
    return Citation(
        source=chosen.passage.source,
        title=chosen.passage.title,
        heading=chosen.passage.heading,
        quote=_laid_out([u.sentence for u in kept]),
    )


def _readable(units: list[_Unit], chosen: _Unit) -> list[_Unit]:
    """Beside sentences no table row, which says little without its table: but for the one that was
    chosen, where they do not tell its figures in words."""
    prose = [unit for unit in units if "|" not in unit.sentence]
    told = set(_FIGURE.findall(" ".join(unit.sentence for unit in prose)))
    if not prose:
        return units
    if "|" in chosen.sentence and not set(_FIGURE.findall(chosen.sentence)) <= told:
        return [unit for unit in units if unit in prose or unit is chosen]
    return prose


def _with_what_it_leans_on(kept: list[_Unit], page: list[_Unit]) -> list[_Unit]:
    """A sentence that begins with "it" or "otherwise" says little without the one before it, and
    that one not all without it."""
    places = {page.index(unit) for unit in kept}
    for place in sorted(places):
        if place and _LEANING.match(page[place].sentence):
            places.add(place - 1)
        if place + 1 < len(page) and _LEANING.match(page[place + 1].sentence):
            places.add(place + 1)
    places = {place for place in places if page[place] in kept or "|" not in page[place].sentence}
    return [page[place] for place in sorted(places)[: MOST_QUOTED + 1]]


def _leading_items(units: list[_Unit]) -> list[_Unit]:
    items: list[_Unit] = []
    for unit in units:
        if not _LISTED.match(unit.sentence) or len(items) == STEPS_QUOTED:
            break
        items.append(unit)
    return items


def _laid_out(sentences: list[str]) -> str:
    """One listed sentence loses its bullet; several keep their lines."""
    if len(sentences) == 1:
        return _LISTED.sub("", sentences[0])
    text = ""
    for before, sentence in pairwise(["", *sentences]):
        if text and len(text) + len(sentence) > QUOTED_CHARACTERS:
            break
        if text and (_has_own_line(before) or _has_own_line(sentence)):
            text += "\n"
        elif text and not text.endswith(("。", "！", "？")):
            text += " "
        text += sentence
    return text


def _has_own_line(sentence: str) -> bool:
    return bool(_LISTED.match(sentence)) or "|" in sentence
