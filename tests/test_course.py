from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.course import QUARTERS, course, smoothed

SCORES = st.lists(st.floats(-1, 1), min_size=1, max_size=50)


def test_one_outburst_does_not_turn_the_course_and_three_do() -> None:
    assert smoothed([-1.0]) == pytest.approx([-0.4])
    assert smoothed([-1.0, -1.0, -1.0]) == pytest.approx([-0.4, -0.64, -0.784])
    assert smoothed([0.5, -1.0, 0.5], 0.5) == pytest.approx([0.5, -0.1, 0.14])
    assert smoothed([], 0.7) == []


@pytest.mark.parametrize(
    ("scores", "quarters"),
    [
        ([0.5], (0.5, None, None, None)),
        ([0.5, -0.5], (0.5, None, None, -0.5)),
        ([0.1, 0.2, 0.3, 0.4], (0.1, 0.2, 0.3, 0.4)),
        ([0.0, 1.0, 0.2, 0.4, -1.0, 0.0, 0.3, 0.6, 0.9], (0.5, 0.3, -0.5, 0.6)),
    ],
)
def test_quarters(scores: list[float], quarters: tuple[float | None, ...]) -> None:
    found = course(scores)
    assert found is not None
    assert [mean is None for mean in found.quarters] == [mean is None for mean in quarters]
    assert [mean for mean in found.quarters if mean is not None] == pytest.approx(
        [mean for mean in quarters if mean is not None]
    )
    assert found.start == found.quarters[0]
    assert found.end == [mean for mean in found.quarters if mean is not None][-1]


def test_the_worst_is_the_first_of_the_lowest() -> None:
    for scores, worst in (([0.2], 0), ([0.2, -0.9, 0.1, -0.9], 1), ([-0.1, 0.5, -0.2], 2)):
        found = course(scores)
        assert found is not None
        assert found.worst == worst


def test_without_a_message_there_is_none() -> None:
    assert course([]) is None


@settings(deadline=None)
@given(SCORES)
def test_every_message_counts_once_and_no_mood_is_beyond_the_scores(scores: list[float]) -> None:
    found = course(scores)
    assert found is not None
    assert len(found.quarters) == QUARTERS
    assert len(found.smooth) == len(scores)
    assert found.smooth[0] == scores[0]
    assert scores[found.worst] == min(scores)
    means = [mean for mean in found.quarters if mean is not None]
    for mood in (*found.smooth, *means, found.start, found.end):
        assert min(scores) - 1e-9 <= mood <= max(scores) + 1e-9
    assert len(means) == min(len(scores), QUARTERS)
