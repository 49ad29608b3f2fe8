from __future__ import annotations

import pytest

from knowledge.fusion import LEXICAL, fused


def test_both_votes_count() -> None:
    scores = fused([("a", 8.0), ("b", 4.0)], [("b", 0.9), ("c", 0.5), ("a", 0.3)])
    assert scores == pytest.approx(
        {"a": LEXICAL, "b": LEXICAL / 2 + 1 - LEXICAL, "c": (1 - LEXICAL) / 3}
    )


def test_one_vote_alone_has_the_whole_score() -> None:
    assert fused([("a", 8.0), ("b", 4.0)], []) == {"a": 1.0, "b": 0.5}
    assert fused([], [("a", 0.4)]) == {"a": 1 - LEXICAL}


def test_cosines_that_are_close_stay_close() -> None:
    scores = fused([], [("a", 0.80), ("b", 0.79)])
    assert scores["b"] > 0.9 * scores["a"]


@pytest.mark.parametrize("lexical", [[], [("a", 0.0)], [("a", -1.0)]])
def test_nothing_to_divide_by(lexical: list[tuple[str, float]]) -> None:
    assert fused(lexical, []) == {}
