"""Measures against values that were worked out by hand, and against sacrebleu's tokens."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from bot import measures
from bot.measures import (
    bm25,
    calibration_error,
    f1,
    holds,
    macro_f1,
    mean,
    ndcg,
    resampled,
    rouge,
    rouge_l,
    share,
    token_f1,
)


def test_wilsons_interval_is_the_textbooks() -> None:
    found = share(8, 10)
    assert found is not None
    assert (found.value, found.count) == (0.8, 10)
    assert (round(found.low, 3), round(found.high, 3)) == (0.49, 0.943)


def test_wilsons_interval_stays_within_bounds() -> None:
    all_of_them, none_of_them = share(5, 5), share(0, 5)
    assert all_of_them is not None
    assert none_of_them is not None
    assert all_of_them.low < 1
    assert math.isclose(all_of_them.high, 1)
    assert none_of_them.high > 0
    assert math.isclose(none_of_them.low, 0, abs_tol=1e-12)


def test_nothing_has_no_share() -> None:
    assert share(0, 0) is None
    assert mean([]) is None
    assert resampled(0, lambda rows: 1.0) is None


def test_the_bootstrap_covers_the_mean_of_most_samples() -> None:
    rng = random.Random(3)
    covered = 0
    for _ in range(60):
        found = mean([rng.random() for _ in range(80)])
        assert found is not None
        covered += found.low <= 0.5 <= found.high
    assert covered >= 52


def test_the_same_values_have_the_same_interval() -> None:
    assert mean([0.1, 0.5, 0.9, 0.2]) == mean([0.1, 0.5, 0.9, 0.2])


def test_f1_of_labels() -> None:
    said, true = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)
    assert f1(said, true) == 0.5
    assert f1(np.zeros(3, bool), np.zeros(3, bool)) == 0


def test_macro_f1_counts_labels_alike() -> None:
    true = np.array([0, 0, 0, 0, 1])
    said = np.array([0, 0, 0, 0, 0])
    assert math.isclose(macro_f1(said, true), (8 / 9 + 0) / 2)


def test_calibration() -> None:
    assert calibration_error([0.9] * 10, [True] * 9 + [False]) == pytest.approx(0)
    assert calibration_error([0.9] * 10, [False] * 10) == pytest.approx(0.9)


def test_tokens_of_both_languages() -> None:
    assert measures.tokens("It's 3.5 kg, 退货 free!") == ["it's", "3.5", "kg", "退", "货", "free"]


def test_token_f1() -> None:
    assert token_f1("a b c", "b c d") == pytest.approx(2 / 3)
    assert token_f1("", "b") == 0
    assert token_f1("b b", "b") == pytest.approx(2 / 3)


WORDINGS = ("Shoes can be sent back within 60 days. It is free.", "You have 60 days for shoes.")


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("Shoes can be sent back within 60 days. It is free.", True),
        ("Shoes can be sent back within 60 days.", True),
        ("- Shoes can be sent back within 60 days.", True),
        ("You have 60 days for shoes!", True),
        ("You have 30 days for shoes!", False),
        ("We sell shoes.", False),
        ("60", False),
        ("", False),
    ],
)
def test_what_holds_an_answer(said: str, right: bool) -> None:
    assert holds(said, WORDINGS) is right


def test_no_wording_is_never_held() -> None:
    assert not holds("anything", ())


def test_rouge_by_hand() -> None:
    said, wanted = "the cat sat on the mat", "the cat lay on a mat"
    assert rouge(said, wanted) == pytest.approx(4 / 6)
    assert rouge(said, wanted, 2) == pytest.approx(1 / 5)
    assert rouge_l(said, wanted) == pytest.approx(4 / 6)
    assert rouge_l("c b a", "a b c") == pytest.approx(1 / 3)
    assert rouge("", wanted) == rouge_l("", wanted) == 0


def test_rouge_of_chinese_counts_characters() -> None:
    assert rouge("可以退货", "可以换货") == pytest.approx(3 / 4)


def test_ndcg() -> None:
    assert ndcg(["a", "b"], frozenset({"a"})) == 1
    assert ndcg(["b", "a"], frozenset({"a"})) == pytest.approx(1 / math.log2(3))
    assert ndcg(["b", "a"], frozenset({"a", "b"})) == 1
    assert ndcg(["c"] * 10 + ["a"], frozenset({"a"})) == 0


def test_bm25_prefers_the_rare_word_and_the_shorter_text() -> None:
    texts = [["shoe", "day"], ["shoe", "lamp"], ["shoe"] + ["word"] * 20, ["cat"]]
    scores = bm25(["shoe", "lamp"], texts)
    assert int(scores.argmax()) == 1
    assert scores[0] > scores[2] > scores[3] == 0
