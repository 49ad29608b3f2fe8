"""The encoder's data in memory: every text tokenized once, items by what they teach."""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from bot.reading import BETWEEN
from models.training.data.item import SENTENCES, Item
from models.training.multilingual import BEGIN, END, PAD
from models.training.stages import WEIGHT

QUERY, PASSAGE, PAIR, FEELING = "query: ", "passage: ", "pair: ", "feeling: "
"""What stands before a text tells the encoder what is asked of it. The first two are the base's."""
LONGEST = {"query": 96, "passage": 224, "pair": 160}
"""Tokens; what is longer is cut."""
FEELINGS = {
    "tweets": 0.16, "amazonReviewSnippets": 0.14, "movieReviewSnippets": 0.14, "goemotions": 0.2,
    "clinc150": 0.03, "banking77": 0.03, "multidogo": 0.05, "made en": 0.1, "made zh": 0.1,
    "crosswoz": 0.03, "shop pages": 0.02, "written reviews_zh": 0.06, "written goods_zh": 0.06,
    "written messages_en": 0.06, "written films_en": 0.04, "written messages_zh": 0.04,
    "written messages_other": 0.04,
}  # fmt: skip
"""How often a source is drawn, beside the others."""


class Kind(Enum):
    SEARCH = "search"
    READING = "reading"


@dataclass(frozen=True)
class Stored:
    kind: str
    question: int
    right: list[int]
    wrong: list[int]
    key: str
    language: str


@dataclass(frozen=True)
class Feeling:
    text: str
    label: int
    source: str
    part: str


def read_items(path: Path) -> Iterator[Item]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield Item(**json.loads(line))


def load_feelings(run: Path) -> list[Feeling]:
    with lzma.open(run / "feelings.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [Feeling(**json.loads(line)) for line in lines]


class Rows:
    """Token ids of many texts in one array: what worker processes share is never written to."""

    def __init__(self, texts: Iterable[list[int]]) -> None:
        parts = [np.array(text, np.int32) for text in texts]
        self._flat = np.concatenate(parts) if parts else np.empty(0, np.int32)
        self._ends = np.cumsum([0, *map(len, parts)])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> np.ndarray:
        return self._flat[self._ends[number] : self._ends[number + 1]]


class Packed:
    """Padded texts in pieces of like length, so that little is padded."""

    def __init__(self, rows: Sequence[np.ndarray], pieces: int) -> None:
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        size = -(-len(rows) // pieces)
        self.pieces = [
            _padded([rows[i] for i in order[start : start + size]])
            for start in range(0, len(rows), size)
        ]
        self.back = np.empty(len(order), np.int64)
        """The row of each text, in the order in which they were given."""
        self.back[order] = np.arange(len(order))


def _padded(rows: list[np.ndarray]) -> np.ndarray:
    longest = -(-max(map(len, rows)) // 8) * 8
    ids = np.full((len(rows), longest), PAD, np.int32)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
    return ids


class Store:
    def __init__(self, run: Path, feelings: Iterable[Feeling]) -> None:
        self._tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
        self._places: dict[str, dict[str, int]] = {"q": {}, "t": {}}
        self.items = [self._stored(item) for item in read_items(run / "learn.jsonl.xz")]
        self.held_out = [self._stored(item) for item in read_items(run / "held_out.jsonl.xz")]
        self.topics = [self._stored(item) for item in read_items(run / "topics.jsonl.xz")]
        self.searched = [self._stored(item) for item in read_items(run / "search.jsonl.xz")]
        self.questions = self._encoded(self._places["q"], QUERY, LONGEST["query"])
        self.texts = self._encoded(self._places["t"], PASSAGE, LONGEST["passage"])
        self.counts: dict[str, int] = {}
        for item in self.items:
            self.counts[item.kind] = self.counts.get(item.kind, 0) + 1
        self._queue: dict[Kind, list[Stored]] = {Kind.SEARCH: [], Kind.READING: []}
        self._prefix = self._tokenizer.encode(PAIR.strip(), add_special_tokens=False).ids
        self._query = len(self._tokenizer.encode(QUERY.strip(), add_special_tokens=False).ids)
        self._passage = len(self._tokenizer.encode(PASSAGE.strip(), add_special_tokens=False).ids)
        self._between = self._tokenizer.encode(BETWEEN.strip(), add_special_tokens=False).ids
        self.feelings = list(feelings)
        said = [feeling.text.strip() for feeling in self.feelings]
        self.felt = self._encoded(said, FEELING, LONGEST["query"])
        self._by_source: dict[str, list[int]] = {}
        for number, feeling in enumerate(self.feelings):
            if feeling.part == "train":
                self._by_source.setdefault(feeling.source, []).append(number)

    def _stored(self, item: Item) -> Stored:
        def texts(found: list[str]) -> list[int]:
            return [self._number("t", text) for text in found]

        question = self._number("q", item.question)
        right, wrong = texts(item.right), texts(item.wrong)
        return Stored(item.kind, question, right, wrong, item.key, item.language)

    def _number(self, which: str, text: str) -> int:
        known = self._places[which]
        return known.setdefault(" ".join(text.split()), len(known))

    def _encoded(self, texts: Iterable[str], prefix: str, longest: int) -> Rows:
        found = self._tokenizer.encode_batch([prefix + text for text in texts])
        return Rows(e.ids if len(e.ids) <= longest else [*e.ids[: longest - 1], END] for e in found)

    def draw(
        self, kind: Kind, count: int, rng: random.Random, weights: Mapping[str, float] = WEIGHT
    ) -> list[Stored]:
        """Every item once before one comes again, but for kinds that weigh less or more."""
        while len(self._queue[kind]) < count:
            suited = [i for i in self.items if _suits(i, kind)]
            fresh: list[Stored] = []
            for item in suited:
                weight = weights[item.kind]
                fresh += [item] * (int(weight) + (rng.random() < weight % 1))
            rng.shuffle(fresh)
            self._queue[kind] += fresh
        drawn, self._queue[kind] = self._queue[kind][:count], self._queue[kind][count:]
        return drawn

    def hardest_first(self, encode: Callable[[list[np.ndarray]], np.ndarray]) -> None:
        """Put the wrong sentences of topics in order, the nearest to the question before the
        others. `encode`: (texts, D) unit vectors."""
        places = [n for n, item in enumerate(self.items) if item.kind == "topic"]
        asked = sorted({self.items[n].question for n in places})
        shown = sorted({text for n in places for text in self.items[n].wrong})
        if not shown:
            return
        questions = dict(zip(asked, encode([self.questions[q] for q in asked]), strict=True))
        texts = dict(zip(shown, encode([self.texts[t] for t in shown]), strict=True))
        for n in places:
            item = self.items[n]
            near = {text: float(texts[text] @ questions[item.question]) for text in item.wrong}
            self.items[n] = replace(
                item, wrong=sorted(item.wrong, key=near.__getitem__, reverse=True)
            )

    def rows_of_guide(self, which: str, numbers: list[int]) -> np.ndarray:
        """Rows of the guide: questions first, then texts."""
        return np.array(numbers) + (0 if which == "q" else len(self.questions))

    def pair_tokens(self, question: int, text: int) -> np.ndarray:
        """As the tokenizer reads the three in one line: no piece crosses a space."""
        asked = self.questions[question][1 + self._query : -1][: LONGEST["pair"] // 2]
        shown = self.texts[text][1 + self._passage : -1]
        room = LONGEST["pair"] - len(asked) - len(self._prefix) - len(self._between) - 2
        return np.concatenate(
            [[BEGIN], self._prefix, asked, self._between, shown[:room], [END]], dtype=np.int32
        )

    def draw_feelings(self, count: int, rng: random.Random) -> tuple[list[np.ndarray], list[int]]:
        known = [source for source in FEELINGS if source in self._by_source]
        sources = rng.choices(known, weights=[FEELINGS[source] for source in known], k=count)
        chosen = [rng.choice(self._by_source[source]) for source in sources]
        return [self.felt[i] for i in chosen], [self.feelings[i].label for i in chosen]


def _suits(item: Stored, kind: Kind) -> bool:
    if kind is Kind.READING:
        return item.kind in SENTENCES
    # a cue has the words of what it asks for: nothing to be learnt about meaning
    return bool(item.right) and item.kind != "cue"
