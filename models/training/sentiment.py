"""The sentiment head, as `tune_encoder` learnt it or fitted anew: its temperature, its figures, its
file.

    python -m models.training.sentiment --run runs/encoder --encoder models/weights/kefu-encoder-q8_0.gguf --out models/weights/sentiment.npz

`--fit N` learns the head anew over the encoder's vectors of N messages, where there are more to
learn from than the run had. `--messages` names messages that nothing was trained on, to be reported on; `--reviews` a folder
with pos.txt and neg.txt, Chinese reviews one a line, of which the sign of the score is measured.
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

from bot import measures
from models.training.data.sentiment_data import LABELS
from models.training.encoder_items import FEELING, FEELINGS, Feeling, load_feelings
from models.training.multilingual import load_tuned
from models.training.vectors import encode

CALIBRATED, TESTED, REVIEWED = 1_500, 300, 1_000
"""Texts: in all, of a source, of a sign."""
STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
TEMPERATURES = np.geomspace(0.5, 4, 40)


@dataclass(frozen=True)
class Head:
    weight: np.ndarray  # (3, D)
    bias: np.ndarray  # (3,)
    temperature: float = 1.0

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        logits = (vectors @ self.weight.T + self.bias) / self.temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def loss(self, vectors: np.ndarray, labels: np.ndarray) -> float:
        """Cross-entropy, nats a message."""
        shares = self.probabilities(vectors)
        return float(-np.log(shares[np.arange(len(labels)), labels] + 1e-9).mean())


def head_of(run: Path) -> Head:
    _, heads = load_tuned(run / "tuned.npz")
    return Head(heads["feeling.weight"], heads["feeling.bias"])


def fitted(
    vectors: np.ndarray, labels: np.ndarray, spare: np.ndarray, spare_labels: np.ndarray
) -> Head:
    """By logistic regression, as strongly held back as the spare messages ask for."""

    def learnt(strength: float) -> Head:
        model = LogisticRegression(C=strength, max_iter=2_000).fit(vectors, labels)
        return Head(model.coef_, model.intercept_)

    heads = [learnt(strength) for strength in STRENGTHS]
    return min(heads, key=lambda head: head.loss(spare, spare_labels))


def to_learn(feelings: Sequence[Feeling], count: int, rng: random.Random) -> list[Feeling]:
    """Drawn by the shares that the encoder's run has, none twice: fewer where a source is small."""
    by_source: dict[str, list[Feeling]] = {}
    for feeling in feelings:
        if feeling.part == "train":
            by_source.setdefault(feeling.source, []).append(feeling)
    whole = sum(FEELINGS[source] for source in by_source)
    chosen = []
    for source, own in by_source.items():
        chosen += rng.sample(own, k=min(len(own), round(count * FEELINGS[source] / whole)))
    return chosen


def calibrated(head: Head, vectors: np.ndarray, labels: np.ndarray) -> Head:
    """With the temperature under which what is right is likeliest."""
    heads = [Head(head.weight, head.bias, temperature) for temperature in TEMPERATURES]
    return min(heads, key=lambda one: one.loss(vectors, labels))


def figures(head: Head, vectors: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    shares = head.probabilities(vectors)
    found = shares.argmax(axis=1)
    common = np.bincount(labels, minlength=len(LABELS)).max() / len(labels)
    told = {
        "n": len(labels),
        "accuracy": accuracy_score(labels, found),
        "macro_f1": f1_score(labels, found, average="macro"),
        "calibration_error": calibration_error(shares, labels),
        "majority": common,
    }
    return {name: round(float(value), 3) for name, value in told.items()}


def calibration_error(shares: np.ndarray, labels: np.ndarray) -> float:
    return measures.calibration_error(
        shares.max(axis=1).tolist(), (shares.argmax(axis=1) == labels).tolist()
    )


class Reporter:
    def __init__(self, encoder: Path, head: Head) -> None:
        self._encoder, self.head = encoder, head

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        return encode(self._encoder, [FEELING + text for text in texts], threads=2)

    def report(self, name: str, texts: Sequence[str], labels: Sequence[int]) -> None:
        found = figures(self.head, self.vectors(texts), np.array(labels))
        print(json.dumps({name: found}), flush=True)

    def sources(self, feelings: Sequence[Feeling], rng: random.Random) -> None:
        held = [feeling for feeling in feelings if feeling.part == "test"]
        for source in sorted({feeling.source for feeling in held}):
            own = [feeling for feeling in held if feeling.source == source]
            chosen = rng.sample(own, k=min(TESTED, len(own)))
            self.report(source, [one.text for one in chosen], [one.label for one in chosen])

    def messages(self, path: Path) -> None:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for language, number in sorted({(row["language"], row["round"]) for row in rows}):
            own = [r for r in rows if (r["language"], r["round"]) == (language, number)]
            labels = [LABELS.index(row["label"]) for row in own]
            self.report(f"{language}, round {number}", [row["text"] for row in own], labels)

    def reviews(self, folder: Path, rng: random.Random) -> None:
        """Two labels: whether the score is above zero."""
        right: list[bool] = []
        for name, sign in (("pos", 1), ("neg", -1)):
            lines = (folder / f"{name}.txt").read_text("utf-8", "replace").splitlines()
            texts = [line[:2000] for line in lines if line.strip()]
            shares = self.head.probabilities(self.vectors(rng.sample(texts, k=REVIEWED)))
            right += (np.sign(shares[:, 2] - shares[:, 0]) == sign).tolist()
        told = {"n": len(right), "accuracy": round(float(np.mean(right)), 3)}
        print(json.dumps({"Chinese reviews, sign": told}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--fit", type=int, default=0, metavar="N")
    parser.add_argument("--messages", type=Path)
    parser.add_argument("--reviews", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    feelings = load_feelings(given.run)
    spare = [feeling for feeling in feelings if feeling.part == "calibration"]
    spare = rng.sample(spare, k=min(CALIBRATED, len(spare)))
    reporter = Reporter(given.encoder, head_of(given.run))
    vectors = reporter.vectors([feeling.text for feeling in spare])
    labels = np.array([feeling.label for feeling in spare])
    if given.fit:
        learnt = to_learn(feelings, given.fit, random.Random(given.seed))
        print(json.dumps({"learnt": dict(Counter(f.source for f in learnt))}))
        said = reporter.vectors([feeling.text for feeling in learnt])
        reporter.head = fitted(said, np.array([f.label for f in learnt]), vectors, labels)
    reporter.head = calibrated(reporter.head, vectors, labels)
    if given.out:
        head = reporter.head
        np.savez(
            given.out,
            labels=np.array(LABELS),
            vector=head.weight.astype(np.float32),
            bias=head.bias.astype(np.float32),
            temperature=np.float32(head.temperature),
        )
    print(json.dumps({"temperature": round(float(reporter.head.temperature), 3)}))
    reporter.sources(feelings, rng)
    if given.messages:
        reporter.messages(given.messages)
    if given.reviews:
        reporter.reviews(given.reviews, rng)


if __name__ == "__main__":
    main()
