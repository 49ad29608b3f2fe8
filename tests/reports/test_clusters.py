from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.reports import clusters as module
from bot.reports.clusters import Floats, clusters

RETURNS = ["How long can I return shoes?", "Until when can shoes be returned?", "return the shoes"]
LAMPS = ["Does the lamp dim?", "Can I dim my lamp", "lamp with dimmer"]


def unit(*numbers: float) -> Floats:
    row = np.asarray(numbers, dtype=np.float32)
    return np.asarray(row / np.linalg.norm(row), dtype=np.float32)


def test_nothing() -> None:
    assert clusters([], {}) == []


def test_one_text() -> None:
    assert clusters(["Where is my parcel?"], {}) == [[0]]
    assert clusters(["Where is my parcel?"], {0: unit(1, 0)}) == [[0]]


@pytest.mark.parametrize("vectors", [{}, {n: unit(1, 0) for n in range(4)}])
def test_the_same_text_is_one_cluster(vectors: dict[int, Floats]) -> None:
    texts = ["Where is it?", "where is it? ", "退货", " WHERE IS IT?"]
    assert [0, 1, 3] in clusters(texts, vectors | ({2: unit(-1, 0)} if vectors else {}))


def test_the_same_words_that_have_no_term_are_one_cluster() -> None:
    assert clusters(["??", "!", "??"], {}) == [[0, 2], [1]]


def test_two_groups_by_their_vectors() -> None:
    near, far = (unit(1, 0.02 * n) for n in range(3)), (unit(0.02 * n, 1) for n in range(3))
    texts = [text for pair in zip(RETURNS, LAMPS, strict=True) for text in pair]
    vectors = [vector for pair in zip(near, far, strict=True) for vector in pair]
    assert clusters(texts, dict(enumerate(vectors))) == [[0, 2, 4], [1, 3, 5]]


def test_the_encoder_joins_what_shares_no_word() -> None:
    texts = ["money back", "refund", "opening hours"]
    vectors = {0: unit(1, 0.1), 1: unit(1, 0), 2: unit(-1, 1)}
    assert clusters(texts, vectors) == [[0, 1], [2]]


def test_words_that_the_encoder_does_not_know_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BY_ENCODER", 0.85)
    apart = {n: unit(*np.eye(4)[n]) for n in range(4)}
    texts = ["zibble", "quux wobble", "frobnicate zibble", "quux"]
    assert clusters(texts, apart, near=-0.03) == [[0, 2], [1, 3]]
    assert clusters(texts, apart, near=0.5) == [[0], [1], [2], [3]]


@pytest.mark.parametrize(
    "texts",
    [
        ["怎么退货", "我想退货", "台灯能调光吗", "台灯怎么调光"],
        [
            "Wie lange dauert die Erstattung?",
            "Dauert die Erstattung lange?",
            "Kann man die Lampe dimmen?",
            "Lampe dimmen",
        ],
    ],
)
def test_a_language_without_vectors_is_compared_by_words(texts: list[str]) -> None:
    assert clusters(texts, {}) == [[0, 1], [2, 3]]


def test_those_with_and_without_vectors_are_never_one_cluster() -> None:
    texts = [*RETURNS, *RETURNS]
    found = clusters(texts, {n: unit(1, 0) for n in range(3)})
    assert [0, 1, 2] in found
    assert all(max(part) < 3 or min(part) >= 3 for part in found)


def test_the_largest_comes_first_then_the_earliest() -> None:
    axes = [unit(1, 0, 0), unit(0, 1, 0), unit(0, 0, 1)]
    order = [0, 1, 2, 2, 1, 2]
    texts = [f"{'abc'[n]}{n}" * (place + 1) for place, n in enumerate(order)]
    vectors = {place: axes[n] for place, n in enumerate(order)}
    assert clusters(texts, vectors) == [[2, 3, 5], [1, 4], [0]]


def test_more_than_are_compared_join_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 4)
    kinds = [0, 1, 0, 1, 0, 1, 0, 0]
    texts = [f"{'ab'[kind]}{'x' * place}" for place, kind in enumerate(kinds)]
    vectors = {p: unit(1, 0.01 * p) if not kind else unit(0, 1) for p, kind in enumerate(kinds)}
    assert clusters(texts, vectors) == [[0, 2, 4, 6, 7], [1, 3, 5]]


def test_that_many_of_a_language_without_vectors_are_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    texts = ["怎么退货", "台灯怎么调光", "我想退货", "台灯能调光吗", "怎么退货"]
    assert clusters(texts, {}) == [[0, 2, 4], [1, 3]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("ab 退货?", max_size=6), max_size=12),
    st.sets(st.integers(0, 11)),
    st.integers(1, 12),
)
def test_every_text_is_in_one_cluster(texts: list[str], known: set[int], most: int) -> None:
    vectors = {n: unit(1 + n, n % 5, -n) for n in known if n < len(texts)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST", most)
        found = clusters(texts, vectors)
    assert sorted(place for part in found for place in part) == list(range(len(texts)))
    assert all(found)


@pytest.mark.parametrize("threshold", [-0.5, 0.0, 0.25, 0.6, 0.95])
def test_it_is_average_linkage(threshold: float) -> None:
    random = np.random.default_rng(5)
    rows = random.normal(size=(40, 3)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = module._linked(rows, threshold)
    found = {frozenset(n for n in range(40) if labels[n] == label) for label in labels}
    assert found == set(naively_linked(rows, threshold))


def naively_linked(rows: Floats, threshold: float) -> list[frozenset[int]]:
    """By the book: the two that are nearest on average over all pairs, again and again."""
    near = rows @ rows.T
    parts = [frozenset([n]) for n in range(len(rows))]

    def average(pair: tuple[frozenset[int], frozenset[int]]) -> float:
        return float(near[np.ix_(list(pair[0]), list(pair[1]))].mean())

    while len(parts) > 1:
        one, other = max(combinations(parts, 2), key=average)
        if average((one, other)) < threshold:
            break
        parts = [part for part in parts if part not in (one, other)] + [one | other]
    return parts
