"""Measures of text, of order and of labels, each with its 95 % interval."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot.rates import rate
from bot.sentences import split_sentences

RESAMPLED = 1_000
"""Times that a set is drawn anew, with replacement, for an interval (the percentile bootstrap)."""
SURE = 0.95
K1, B = 1.2, 0.75
"""BM25's usual constants."""

Labels: TypeAlias = NDArray[np.int_]

_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W_]+(?:[.,:'’-][^\W_]+)*")
_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True)
class Figure:
    value: float
    low: float
    high: float
    count: int
    """What it was measured on."""


def share(part: int, whole: int) -> Figure | None:
    """With Wilson's interval; None of nothing."""
    found = rate(part, whole)
    return None if found.share is None else Figure(found.share, found.low, found.high, whole)


def mean(values: Sequence[float]) -> Figure | None:
    if not values:
        return None
    found = np.asarray(values, float)
    return resampled(len(found), lambda rows: float(found[rows].mean()))


def resampled(count: int, measure: Callable[[Labels], float]) -> Figure | None:
    """`measure` is given the places of those that it measures, some of them several times."""
    if not count:
        return None
    rng = np.random.default_rng(1)
    drawn = [measure(rng.integers(0, count, count)) for _ in range(RESAMPLED)]
    low, high = np.quantile(drawn, [(1 - SURE) / 2, (1 + SURE) / 2])
    return Figure(measure(np.arange(count)), float(low), float(high), count)


def macro_f1(said: Labels, true: Labels) -> float:
    """Over the labels that occur."""
    return float(np.mean([f1(said == label, true == label) for label in np.union1d(said, true)]))


def f1(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    together = int(said.sum() + true.sum())
    return 2 * int((said & true).sum()) / together if together else 0.0


def calibration_error(sure: Sequence[float], right: Sequence[bool], bins: int = 10) -> float:
    """Expected: how far confidence and accuracy are apart."""
    confidence, hit = np.asarray(sure, float), np.asarray(right, bool)
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[places == place].mean() - hit[places == place].mean())
        * (places == place).mean()
        for place in np.unique(places)
    ]
    return float(sum(gaps))


def tokens(text: str) -> list[str]:
    """Words in small letters; Chinese by characters."""
    return _TOKEN.findall(text.lower())


def figures(text: str) -> set[str]:
    return set(_FIGURE.findall(text))


def token_f1(said: str, wanted: str) -> float:
    return overlap(tokens(said), tokens(wanted))


def overlap(said: Sequence[object], wanted: Sequence[object]) -> float:
    """F1 of two bags."""
    common = sum((Counter(said) & Counter(wanted)).values())
    return 2 * common / (len(said) + len(wanted)) if common else 0.0


def recall(said: str, wanted: str) -> float:
    """The share of the wanted words that were said."""
    there = Counter(tokens(wanted))
    common = sum((Counter(tokens(said)) & there).values())
    return common / there.total() if there else 0.0


def holds(said: str, wordings: Sequence[str]) -> bool:
    """Whether one of the wordings was told: its figures, and three quarters of its words; or a
    whole sentence of the first."""
    if not wordings or not said:
        return False
    told = figures(said)
    if any(figures(one) <= told and recall(said, one) >= 0.75 for one in wordings):
        return True
    whole = {" ".join(tokens(one)) for one in split_sentences(wordings[0])}
    return any(" ".join(tokens(one)) in whole for one in split_sentences(said))


def rouge(said: str, wanted: str, size: int = 1) -> float:
    """ROUGE-1, ROUGE-2…: F1 of the runs of `size` words, without stemming."""
    runs = [
        list(zip(*(found[place:] for place in range(size)), strict=False))
        for found in (tokens(said), tokens(wanted))
    ]
    return overlap(*runs)


def rouge_l(said: str, wanted: str) -> float:
    """F1 of the longest common subsequence."""
    a, b = tokens(said), tokens(wanted)
    row = [0] * (len(b) + 1)
    for one in a:
        before = 0
        for place, other in enumerate(b, start=1):
            kept = row[place]
            row[place] = before + 1 if one == other else max(row[place], row[place - 1])
            before = kept
    return 2 * row[-1] / (len(a) + len(b)) if row[-1] else 0.0


def ndcg(ranked: Sequence[str], right: frozenset[str], depth: int = 10) -> float:
    """Of an order in which everything is right or wrong."""
    gains = [1 / math.log2(place + 2) for place in range(depth)]
    gained = sum(gain for gain, one in zip(gains, ranked, strict=False) if one in right)
    return gained / sum(gains[: len(right)]) if right else 0.0


def bm25(question: Sequence[str], texts: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Okapi's, over these texts alone; all are given as terms."""
    counts = [Counter(text) for text in texts]
    lengths = np.array([len(text) for text in texts], float)
    scale = K1 * (1 - B + B * lengths / max(1.0, lengths.mean()))
    scores = np.zeros(len(texts))
    for term in set(question):
        found = np.array([count[term] for count in counts], float)
        holding = int((found > 0).sum())
        rarity = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
        scores += rarity * found * (K1 + 1) / (found + scale)
    return scores
