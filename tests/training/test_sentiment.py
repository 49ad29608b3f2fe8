"""The sentiment head on its way from a run to its file."""

from __future__ import annotations

import json
import lzma
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bot.skills.sentiment import SentimentTagger
from models.training import sentiment
from models.training.data.sentiment_data import LABELS
from models.training.encoder_items import Feeling
from models.training.sentiment import (
    Head,
    calibrated,
    calibration_error,
    figures,
    fitted,
    head_of,
    to_learn,
)

IDENTITY = Head(np.eye(3, dtype=np.float32) * 8, np.zeros(3, np.float32))


def one_hot(labels: Sequence[int]) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[list(labels)]


def test_probabilities_are_those_of_a_softmax() -> None:
    head = Head(IDENTITY.weight, np.array([0.0, 1.0, 0.0]), temperature=2.0)
    powers = np.exp([4.0, 0.5, 0.0])
    found = head.probabilities(one_hot([0]))
    np.testing.assert_allclose(found, [powers / powers.sum()], rtol=1e-6)


def test_a_head_that_is_too_sure_is_cooled_and_one_that_is_too_shy_warmed() -> None:
    dice = np.random.default_rng(1)
    labels = dice.integers(0, 3, 3_000)
    for right, expected in ((0.6, 3.0), (0.999, 1.0)):
        said = np.where(dice.random(3_000) < right, labels, (labels + 1) % 3)
        head = calibrated(IDENTITY, one_hot(said), labels)
        assert (head.temperature > expected) == (right == 0.6)
        np.testing.assert_array_equal(head.weight, IDENTITY.weight)
        shares = head.probabilities(one_hot(said))
        before = IDENTITY.probabilities(one_hot(said))
        assert calibration_error(shares, labels) <= calibration_error(before, labels) + 1e-3


def test_the_calibration_error_is_how_far_confidence_and_accuracy_are_apart() -> None:
    shares = np.array([[0.9, 0.05, 0.05]] * 10)
    assert calibration_error(shares, np.array([0] * 9 + [1])) == pytest.approx(0)
    assert calibration_error(shares, np.array([0] * 4 + [1] * 6)) == pytest.approx(0.5)


def test_figures_tell_what_the_commonest_label_alone_would_reach() -> None:
    labels = np.array([0, 0, 0, 1, 2])
    found = figures(IDENTITY, one_hot([0, 0, 1, 1, 2]), labels)
    assert (found["n"], found["accuracy"], found["majority"]) == (5, 0.8, 0.6)
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3 + 1) / 3, abs=1e-3)


def test_the_head_of_a_run_becomes_the_file_that_the_product_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = {"head.feeling.weight": IDENTITY.weight, "head.feeling.bias": IDENTITY.bias}
    np.savez(tmp_path / "tuned.npz", **head)
    np.testing.assert_array_equal(head_of(tmp_path).weight, IDENTITY.weight)
    with lzma.open(tmp_path / "feelings.jsonl.xz", "wt", encoding="utf-8") as lines:
        for part in ("calibration", "test"):
            for label in range(3):
                told = {"text": str(label), "label": label, "source": "made", "part": part}
                lines.write(json.dumps(told) + "\n")

    def encode(encoder: Path, texts: Sequence[str], *, threads: int) -> np.ndarray:
        assert all(text.startswith("feeling: ") for text in texts)
        return one_hot([int(text[-1]) for text in texts])

    monkeypatch.setattr(sentiment, "encode", encode)
    out = tmp_path / "sentiment.npz"
    given = ["--run", str(tmp_path), "--encoder", "none", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["sentiment", *given])
    sentiment.main()

    class Encoder:
        languages = frozenset({"en"})

        def embed_for(self, purpose: str, texts: Sequence[str]) -> list[list[float]]:
            return [list(map(float, row)) for row in one_hot([int(text) for text in texts])]

        async def aembed_for(self, purpose: str, texts: Sequence[str]) -> list[list[float]]:
            return self.embed_for(purpose, texts)

    found = SentimentTagger(Encoder(), out).tag(["0", "1", "2"], ["en"] * 3)
    assert [one.label.value for one in found] == list(LABELS)
    with np.load(out, allow_pickle=False) as stored:
        assert {name: stored[name].shape for name in stored.files} == {
            "labels": (3,),
            "vector": (3, 3),
            "bias": (3,),
            "temperature": (),
        }


def test_a_head_is_fitted_to_what_separates_the_labels() -> None:
    dice = np.random.default_rng(2)
    labels = dice.integers(0, 3, 600)
    vectors = one_hot(labels.tolist()) + dice.normal(0, 0.3, (600, 3))
    head = fitted(vectors[:400], labels[:400], vectors[400:], labels[400:])
    assert figures(head, vectors[400:], labels[400:])["accuracy"] > 0.9


def test_messages_are_drawn_by_share_and_only_those_to_learn_from() -> None:
    feelings = [Feeling(f"{n}", 0, "tweets", "train") for n in range(900)]
    feelings += [Feeling(f"m{n}", 1, "made en", "train") for n in range(900)]
    feelings += [Feeling(f"t{n}", 2, "tweets", "test") for n in range(900)]
    drawn = to_learn(feelings, 260, random.Random(1))
    assert {feeling.part for feeling in drawn} == {"train"}
    counts = Counter(feeling.source for feeling in drawn)
    assert counts == {"tweets": 160, "made en": 100}  # .16 and .1
    assert len(set(drawn)) == len(drawn)
