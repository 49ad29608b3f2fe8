"""The head for wishes for a person: logistic regression over the encoder's vectors as they are.

    python -m models.training.wishes --data DATA --encoder models/weights/kefu-encoder-q8_0.gguf --test tests/data/wishes.jsonl --out models/weights/wishes.npz

DATA: intents and dialogues as models/training/README.md has them. The threshold is the logit that
FALSE_CALLS of the ordinary messages reach, each by a head that has not learnt from it. `--purpose
query` measures the vector that questions are searched with; `--spare FILE` keeps vectors for the
next time. What kefu's patterns and the head do together: `python -m tests.bench.bench_wishes`.
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import lzma
import random
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from bot.errors import UsageError
from models.training.data import sources
from models.training.data.wish_data import (
    LANGUAGES,
    Said,
    made,
    of_moods,
    of_sets,
    of_trades,
)
from models.training.vectors import load

EACH = {"en": 20, "zh": 28, "de": 18, "es": 18, "fr": 18}
"""Messages made from a pattern."""
TRADES, MOODS = 800, 600
SETS = {"banking77": 1_500, "clinc150": 2_000}
LEARNT = {
    "intent/hwu_nlu": ("en", 1_500),
    "intent/multidogo_intents": ("en", 5_000),
    "dialogue/taskmaster3_part": ("en", 1_000),
    "dialogue/multiwoz21_valtest": ("en", 1_000),
    "dialogue/doc2dial_dialogues": ("en", 1_500),
    "dialogue/crosswoz_valtest": ("zh", 2_000),
}
UNSEEN = {
    "dialogue/star": ("en", 4_000),
    "dialogue/taskmaster4": ("en", 500),
    "dialogue/personality_chat": ("en", 300),
    "dialogue/kdconv_devtest": ("zh", 700),
    "dialogue/chatterbot_corpus": ("zh", 400),
}
"""What customers wrote to others: sets of which messages are learnt from, and others."""
CHOSEN, REPORTED = 0.35, 0.7
"""By a hash of the text: of LEARNT, those below the one are learnt from, those from there to the
other are only reported on; of UNSEEN, all below the other are."""
PENALTY = 30.0
"""`C` of scikit-learn's LogisticRegression: from 3 to 100 it makes next to no difference."""
FOLDS = 5
FALSE_CALLS = 0.002
"""Of ordinary messages."""


READ = 2_000
"""Characters of a message, as in use."""


@dataclass(frozen=True)
class Head:
    weight: np.ndarray  # (D,)
    bias: float
    threshold: float = 0.0

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        found: np.ndarray = vectors @ self.weight + self.bias
        return found


class Vectors:
    """Of each text once; kept in a file where one is named, for this encoder and purpose."""

    def __init__(self, encoder: Path, purpose: str, spare: Path | None) -> None:
        self._encoder, self._prefix, self._spare = load(encoder, threads=1), f"{purpose}: ", spare
        self._made: dict[str, np.ndarray] = {}
        self._mark = f"{self.revision} {purpose}"
        if spare and spare.exists():
            with np.load(spare, allow_pickle=False) as kept:
                if str(kept["mark"]) == self._mark:
                    texts = json.loads(str(kept["texts"]))
                    self._made = dict(zip(texts, kept["vectors"], strict=True))

    @property
    def revision(self) -> str:
        return str(self._encoder.metadata["kefu.revision"])

    def of(self, texts: Sequence[str]) -> np.ndarray:
        missing = {text for text in texts if text not in self._made}
        for text in missing:
            vector = self._encoder.embed(self._prefix + text[:READ], normalize=True)
            self._made[text] = np.array(vector, np.float32)
        if missing and self._spare:
            vectors = np.stack(list(self._made.values()))
            texts_made = np.array(json.dumps(list(self._made)))
            np.savez(self._spare, texts=texts_made, vectors=vectors, mark=np.array(self._mark))
        return np.stack([self._made[text] for text in texts])


def to_learn(data: Path, seed: int) -> list[Said]:
    found: list[Said] = []
    for language in LANGUAGES:
        found += made(language, EACH[language], seed)
    for language in ("en", "zh"):
        found += of_trades(language, TRADES, seed)
        found += of_moods(language, MOODS, seed)
    for name, count in SETS.items():
        texts = list(of_sets(data / "intent", [name], "en"))
        found += random.Random(f"{name} {seed}").sample(texts, k=min(count, len(texts)))
    return list({plain(one.text): one for one in found}.values())


def plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


@dataclass(frozen=True)
class Ordinary:
    """A message to others. Next to none of them is a wish."""

    text: str
    language: str
    source: str

    @property
    def place(self) -> float:
        return zlib.crc32(self.text.encode()) / 2**32


def ordinary(data: Path, sets: Mapping[str, tuple[str, int]]) -> list[Ordinary]:
    found: dict[str, Ordinary] = {}
    for path, (language, count) in sets.items():
        name = path.partition("/")[2]
        texts = list(dict.fromkeys(_said(data / f"{path}.jsonl.xz", language)))
        random.Random(name).shuffle(texts)
        found |= {text: Ordinary(text, language, name) for text in texts[:count]}
    return [one for one in found.values() if one.place < REPORTED]


def _said(file: Path, language: str) -> Iterator[str]:
    for row in read_rows(file):
        if row["lang"] == language and "turns" in row:
            yield from (turn["text"] for turn in row["turns"] if turn["role"] == "customer")
        elif row["lang"] == language:
            yield row["text"]


def read_rows(file: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def learnt(vectors: np.ndarray, wished: np.ndarray) -> tuple[Head, np.ndarray]:
    """With the logit of each text by a head that was learnt from the other folds."""
    model = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=4_000)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=1)
    apart = cross_val_predict(model, vectors, wished, cv=folds, method="decision_function")
    model.fit(vectors, wished)
    head = Head(model.coef_[0].astype(np.float32), float(model.intercept_[0]))
    return head, apart.astype(np.float32)


def threshold_of(logits: np.ndarray, false_calls: float) -> float:
    """The lowest logit that no more than this share of ordinary messages reach."""
    highest = np.sort(logits)[::-1]
    return float(np.nextafter(highest[int(false_calls * len(logits))], np.float32(np.inf)))


def report(head: Head, rows: Sequence[dict[str, Any]], vectors: np.ndarray) -> None:
    """Of messages that were marked by hand, the head alone."""
    languages = np.array([row["language"] for row in rows])
    wished = np.array([row["wish"] for row in rows])
    told = head.logits(vectors)
    for language in dict.fromkeys(languages.tolist()):
        own = languages == language
        heard = told[own] >= head.threshold
        found = {
            "n": int(own.sum()),
            "area": roc_auc_score(wished[own], told[own]),
            "recall": heard[wished[own]].mean(),
            "false_calls": heard[~wished[own]].mean(),
        }
        told_of = {name: round(float(value), 3) for name, value in found.items()}
        print(json.dumps({language: told_of}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--spare", type=Path)
    parser.add_argument("--purpose", default="feeling")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    try:
        sources.require(given.data, (), [*LEARNT, *UNSEEN, *(f"intent/{name}" for name in SETS)])
    except UsageError as error:
        sys.exit(str(error))
    vectors = Vectors(given.encoder, given.purpose, given.spare)
    rows = [json.loads(line) for line in given.test.read_text("utf-8").splitlines()]
    tested = {plain(row["text"]) for row in rows}
    said = [one for one in to_learn(given.data, given.seed) if plain(one.text) not in tested]
    messages = ordinary(given.data, LEARNT)
    others = [one for one in messages if one.place < CHOSEN]
    kinds = Counter(f"{one.source}, {'wishes' if one.wish else 'others'}" for one in said)
    print(json.dumps(kinds | Counter(one.source for one in others)), flush=True)
    wished = np.array([one.wish for one in said] + [False] * len(others))
    texts = [one.text for one in said] + [one.text for one in others]
    head, apart = learnt(vectors.of(texts), wished)
    head = replace(head, threshold=threshold_of(apart[len(said) :], FALSE_CALLS))
    if given.out:
        write(head, given.out, vectors.revision)
    print(json.dumps({"threshold": round(head.threshold, 3)}), flush=True)
    left = [one for one in messages if one.place >= CHOSEN]
    for name, held in (("same sets", left), ("unseen sets", ordinary(given.data, UNSEEN))):
        called = (head.logits(vectors.of([one.text for one in held])) >= head.threshold).mean()
        told = {"n": len(held), "of 1,000": round(1_000 * float(called), 2)}
        print(json.dumps({f"false calls, {name}": told}), flush=True)
    report(head, rows, vectors.of([row["text"] for row in rows]))


def write(head: Head, out: Path, revision: str) -> None:
    np.savez(
        out,
        weight=head.weight,
        bias=np.float32(head.bias),
        threshold=np.float32(head.threshold),
        revision=np.array(revision),
    )


if __name__ == "__main__":
    main()
