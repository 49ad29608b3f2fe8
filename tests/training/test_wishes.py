"""The head for wishes on its way from messages to its file."""

from __future__ import annotations

import json
import lzma
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from bot.skills.wishes import read_head
from models.training import wishes
from models.training.data.wish_data import Said
from models.training.wishes import Head, Ordinary, learnt, ordinary, plain, threshold_of

FIRST = "dialogue/star"


def test_what_tells_the_two_apart_is_learnt() -> None:
    dice = np.random.default_rng(1)
    wished = dice.random(400) < 0.2
    vectors = dice.normal(size=(400, 5)).astype(np.float32)
    vectors[:, 2] += np.where(wished, 3.0, -3.0)
    head, apart = learnt(vectors, wished)
    assert ((head.logits(vectors) > 0) == wished).mean() > 0.97
    assert np.abs(head.weight).argmax() == 2
    assert ((apart > 0) == wished).mean() > 0.95
    assert not np.allclose(apart, head.logits(vectors))


def test_the_threshold_lets_no_more_ordinary_messages_call() -> None:
    logits = np.random.default_rng(1).permutation(np.arange(1_000, dtype=np.float32))
    for share in (0.0, 0.001, 0.01):
        threshold = threshold_of(logits, share)
        assert (logits >= threshold).sum() == int(share * 1_000)
        assert (logits >= threshold - 1).sum() > int(share * 1_000)


def test_texts_are_the_same_whatever_their_signs() -> None:
    assert plain("A human, PLEASE!") == plain("a human please")
    assert plain("转人工！") == plain("转人工")


def write(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(file, "wt", encoding="utf-8") as lines:
        for row in rows:
            lines.write(json.dumps(row) + "\n")


def test_ordinary_messages_are_those_of_customers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [{"role": "customer", "text": f"c{n}"} for n in range(40)]
    spoken = {"lang": "en", "turns": [*turns, {"role": "agent", "text": "agent"}]}
    write(tmp_path / f"{FIRST}.jsonl.xz", [spoken, {**spoken, "lang": "zh"}])
    write(tmp_path / "intent/hwu_nlu.jsonl.xz", [{"lang": "en", "text": "lights", "label": "x"}])
    sets = {FIRST: ("en", 100), "intent/hwu_nlu": ("en", 5)}
    monkeypatch.setattr(wishes, "REPORTED", 1.0)
    found = ordinary(tmp_path, sets)
    assert {one.text for one in found} == {"lights", *(f"c{n}" for n in range(40))}
    assert {one.source for one in found} == {"star", "hwu_nlu"}
    monkeypatch.setattr(wishes, "REPORTED", 0.5)
    some = ordinary(tmp_path, sets)
    assert 5 < len(some) < 35
    assert all(one.place < 0.5 for one in some)


class Vectors:
    """The first number tells a wish by its word."""

    revision = "one"

    def __init__(self, *_: object) -> None:
        self.asked: list[str] = []

    def of(self, texts: list[str]) -> np.ndarray:
        self.asked += texts
        rows = [[4.0 * ("human" in text), 0.1] for text in texts]
        return np.array(rows, np.float32)


def test_the_head_becomes_the_file_that_the_product_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [Said(f"a human {n}", "en", wish=True, source="made en") for n in range(20)]
    said += [Said(f"a lamp {n}", "en", wish=False, source="made en") for n in range(20)]
    said.append(Said("Tested, a human!", "en", wish=False, source="made en"))
    rows = [
        {"text": "tested a human", "language": "en", "wish": True},
        {"text": "what is a lamp", "language": "en", "wish": False},
    ]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setattr(wishes, "to_learn", lambda *_: said)
    monkeypatch.setattr(wishes, "Vectors", Vectors)
    messages = [Ordinary(f"ordinary {n}", "en", "set") for n in range(50)]
    monkeypatch.setattr(wishes, "ordinary", lambda *_: messages)
    monkeypatch.setattr("models.training.data.sources.require", lambda *_: None)
    out = tmp_path / "wishes.npz"
    given = ["--data", "none", "--encoder", "none", "--test", str(tmp_path / "test.jsonl")]
    monkeypatch.setattr(sys, "argv", ["wishes", *given, "--out", str(out)])
    wishes.main()
    kinds, _, same, unseen, english = map(json.loads, capsys.readouterr().out.splitlines())
    learnt_from = sum(one.place < wishes.CHOSEN for one in messages)
    assert kinds == {"made en, wishes": 20, "made en, others": 20, "set": learnt_from}
    assert same["false calls, same sets"] == {"n": 50 - learnt_from, "of 1,000": 0.0}
    assert unseen["false calls, unseen sets"] == {"n": 50, "of 1,000": 0.0}
    assert english["en"] == {"n": 2, "area": 1.0, "recall": 1.0, "false_calls": 0.0}
    head = read_head(out, "one")
    assert head.hears([4.0, 0.1])
    assert not head.hears([0.0, 0.1])


def test_a_folder_without_the_sets_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["--data", str(tmp_path), "--encoder", "none", "--test", "none"]
    monkeypatch.setattr(sys, "argv", ["wishes", *given])
    with pytest.raises(SystemExit, match=r"no intent/hwu_nlu, .* in it"):
        wishes.main()


def test_a_logit_is_a_weighted_sum() -> None:
    head = Head(np.array([1.0, -2.0]), bias=0.5)
    assert head.logits(np.array([[1.0, 1.0], [0.0, -1.0]])).tolist() == [-0.5, 2.5]
