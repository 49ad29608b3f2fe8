"""The sentiment heads: logistic regression over n-grams, for English over vectors too.

    python -m models.training.sentiment --data DIR --out models/weights/sentiment.npz

`--data` is a folder of sentiment/, intent/, text/, translation/ (JSON Lines, xz) as the card
lists them. `--messages` names messages that no head has seen, to be reported on; `--reviews`
a folder with pos.txt and neg.txt, Chinese reviews one a line, to be reported on as well.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

from bot.ngrams import chinese_ngrams, english_ngrams, places
from models.training.sentiment_data import (
    FEELING,
    LABELS,
    Example,
    chinese_corpora,
    encoded,
    english_corpora,
    made_messages,
    read,
)
from models.training.vectors import encode_cached

ENGLISH_PLACES = 2**15
CHINESE_PLACES = 2**14
STRENGTH = 1.0  # inverse regularisation: of 1, 3 and 10 the best on held-out English messages
WEIGHTS = {"made en": 3.0}  # what is most like customers' messages; macro-F1 on them .842 -> .867
SURE = 0.8  # an English sentence's label is handed to its translation from this confidence on
Encode = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True, slots=True)
class Fitted:
    ngrams: np.ndarray  # (3, places)
    vector: np.ndarray  # (3, 384), or (3, 0) for Chinese
    bias: np.ndarray  # (3,)
    temperature: float

    def probabilities(self, features: csr_matrix) -> np.ndarray:
        weights = np.hstack([self.vector, self.ngrams])
        return softmax((features @ weights.T + self.bias) / self.temperature)

    def arrays(self, language: str) -> dict[str, np.ndarray]:
        """As they are stored; half precision moves no probability by more than 0.001."""
        arrays: dict[str, np.ndarray] = {
            f"{language}_ngrams": self.ngrams.astype(np.float16),
            f"{language}_bias": self.bias.astype(np.float32),
            f"{language}_temperature": np.array(self.temperature, dtype=np.float32),
        }
        if self.vector.size:
            arrays[f"{language}_vector"] = self.vector.astype(np.float32)
        return arrays


def ngram_features(texts: Sequence[str], split: Callable[[str], set[str]], size: int) -> csr_matrix:
    rows, columns, values = [], [], []
    for row, text in enumerate(texts):
        at = places(split(text), size)
        rows += [row] * len(at)
        columns += at
        values += [len(at) ** -0.5] * len(at)
    return csr_matrix((values, (rows, columns)), shape=(len(texts), size), dtype=np.float32)


def english_features(texts: Sequence[str], encode: Encode) -> csr_matrix:
    """Vectors first, n-grams after them."""
    ngrams = ngram_features(texts, english_ngrams, ENGLISH_PLACES)
    return hstack([csr_matrix(encode(texts)), ngrams], format="csr")


def chinese_features(texts: Sequence[str]) -> csr_matrix:
    return ngram_features(texts, chinese_ngrams, CHINESE_PLACES)


def train(name: str, features: csr_matrix, size: int, examples: list[Example]) -> Fitted:
    """Fit on the training part, calibrate, report; then fit on all of it, to be shipped.

    `size` is the number of n-gram places, the last of the features.
    """
    part = rows(examples, "train")
    measured = fit(features[part], size, [examples[row] for row in part])
    measured = calibrated(measured, features, examples)
    report(name, measured, features, examples)
    return replace(fit(features, size, examples), temperature=measured.temperature)


def fit(features: csr_matrix, size: int, examples: list[Example]) -> Fitted:
    weights = [WEIGHTS.get(example.source, 1.0) for example in examples]
    model = LogisticRegression(C=STRENGTH, max_iter=500)
    model.fit(features, targets(examples), sample_weight=weights)
    vector, ngrams = model.coef_[:, :-size], model.coef_[:, -size:]
    return Fitted(ngrams, vector, model.intercept_, temperature=1.0)


def calibrated(fitted: Fitted, features: csr_matrix, examples: list[Example]) -> Fitted:
    """With the temperature under which the labels of the calibration part are likeliest."""
    held = rows(examples, "calibration")
    wanted = targets(examples)[held]

    def loss(candidate: Fitted) -> float:
        chances = candidate.probabilities(features[held])[range(len(held)), wanted]
        return -float(np.log(chances + 1e-9).mean())

    candidates = [replace(fitted, temperature=float(t)) for t in np.geomspace(0.2, 5, 120)]
    return min(candidates, key=loss)


def report(name: str, fitted: Fitted, features: csr_matrix, examples: list[Example]) -> None:
    """Print accuracy, macro-F1 and calibration error of the test part, whole and by source."""
    test = rows(examples, "test")
    sources = sorted({examples[row].source for row in test})
    for source in ["all", *sources]:
        chosen = [row for row in test if source in ("all", examples[row].source)]
        wanted = targets([examples[row] for row in chosen])
        print(name, source, json.dumps(figures(fitted.probabilities(features[chosen]), wanted)))


def figures(probabilities: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """`majority` is the accuracy of always saying the most frequent label."""
    chosen = probabilities.argmax(axis=1)
    majority = np.bincount(wanted).argmax()
    labels = sorted(set(wanted.tolist()))
    return {
        "n": len(wanted),
        "accuracy": round(accuracy_score(wanted, chosen), 3),
        "macro_f1": round(f1_score(wanted, chosen, average="macro", labels=labels), 3),
        "ece": round(calibration_error(probabilities, wanted), 3),
        "majority": round(float((wanted == majority).mean()), 3),
        "majority_f1": round(
            f1_score(wanted, np.full_like(wanted, majority), average="macro", labels=labels), 3
        ),
    }


def calibration_error(probabilities: np.ndarray, wanted: np.ndarray) -> float:
    """Expected calibration error in ten bins of the confidence."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == wanted
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [(sure[bins == b] - right[bins == b]).sum() for b in range(10)]
    return float(np.abs(gaps).sum() / len(wanted))


def transferred(data: Path, fitted: Fitted, encode: Encode, count: int, seed: int) -> list[Example]:
    """Chinese sentences with the label that the English head is sure of for their translation."""
    dice = random.Random(seed)
    pairs = [(row["en"], row["zh"]) for row in read(data / "translation/tatoeba_en_zh.jsonl.xz")]
    pairs = [pair for pair in pairs if 3 <= len(pair[1]) <= 60]
    felt = [pair for pair in pairs if FEELING.search(pair[0])]
    plain = [pair for pair in pairs if not FEELING.search(pair[0])]
    pairs = dice.sample(felt, min(count // 2, len(felt))) + dice.sample(plain, count // 2)
    probabilities = fitted.probabilities(english_features([en for en, _ in pairs], encode))
    return [
        Example(zh, LABELS[row.argmax()], "tatoeba", en)
        for (en, zh), row in zip(pairs, probabilities, strict=True)
        if row.max() >= SURE
    ]


def report_unseen(
    english: Fitted, chinese: Fitted, encode: Encode, given: argparse.Namespace
) -> None:
    unseen = [json.loads(line) for line in given.messages.read_text("utf-8").splitlines()]
    for language, turn in itertools.product(("en", "zh"), (1, 2)):
        own = [row for row in unseen if (row["language"], row["round"]) == (language, turn)]
        texts = [row["text"] for row in own]
        probabilities = (
            english.probabilities(english_features(texts, encode))
            if language == "en"
            else chinese.probabilities(chinese_features(texts))
        )
        wanted = np.array([LABELS.index(row["label"]) for row in own])
        print(f"unseen {language}, round {turn}", json.dumps(figures(probabilities, wanted)))
        for row, chances in zip(own, probabilities, strict=True):
            if LABELS[chances.argmax()] != row["label"]:
                print(f"  {row['label']} taken for {LABELS[chances.argmax()]}: {row['text']}")
    if given.reviews:
        report_reviews(chinese, given.reviews)


def report_reviews(chinese: Fitted, folder: Path) -> None:
    """Chinese reviews are positive or negative: the sign of the score is compared."""
    right = []
    for name, sign in (("pos", 1), ("neg", -1)):
        lines = (folder / f"{name}.txt").read_text("utf-8").splitlines()
        texts = random.Random(0).sample([line for line in lines if line.strip()], 2000)
        chances = chinese.probabilities(chinese_features(texts))
        right.append(np.sign(chances[:, 2] - chances[:, 0]) == sign)
    print("reviews zh", json.dumps({"n": 4000, "accuracy": round(float(np.mean(right)), 3)}))


def targets(examples: Sequence[Example]) -> np.ndarray:
    return np.array([LABELS.index(example.label) for example in examples])


def rows(examples: Sequence[Example], part: str) -> list[int]:
    return [row for row, example in enumerate(examples) if example.part == part]


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the sentiment heads.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, default="models/weights/kefu-encoder-q8_0.gguf")
    parser.add_argument("--messages", type=Path, default="tests/data/sentiment_messages.jsonl")
    parser.add_argument("--reviews", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "kefu-training"))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()

    def encode(texts: Sequence[str]) -> np.ndarray:
        return encode_cached(given.encoder, texts, given.cache / "vectors.npz")

    examples = encoded(english_corpora(given.data), given.seed)
    examples += made_messages("en", 3300, given.seed)
    features = english_features([example.text for example in examples], encode)
    english = train("english", features, ENGLISH_PLACES, examples)

    examples = chinese_corpora(given.data, 2000, given.seed)
    examples += made_messages("zh", 9000, given.seed)
    examples += transferred(given.data, english, encode, 4500, given.seed)
    features = chinese_features([example.text for example in examples])
    chinese = train("chinese", features, CHINESE_PLACES, examples)

    report_unseen(english, chinese, encode, given)
    arrays: dict[str, Any] = {
        "labels": np.array(LABELS),
        **english.arrays("en"),
        **chinese.arrays("zh"),
    }
    np.savez_compressed(given.out, **arrays)
    print(f"{given.out}: {given.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
