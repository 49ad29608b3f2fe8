from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rates import differ, rate
from bot.reports.rates import quantile, spread

HOUR = 3600


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [  # Wilson's interval without continuity correction, to four places
        (8, 10, 0.4902, 0.9433),
        (1, 10, 0.0179, 0.4042),
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (50, 100, 0.4038, 0.5962),
        (250, 1000, 0.2242, 0.2778),
    ],
)
def test_wilsons_interval(count: int, of: int, low: float, high: float) -> None:
    found = rate(count, of)
    assert (found.count, found.of, found.share) == (count, of, count / of)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_of_nothing_there_is_no_share() -> None:
    nothing = rate(0, 0)
    assert nothing.share is None
    assert (nothing.low, nothing.high) == (0, 1), "it could be anything"


@given(st.integers(0, 5_000), st.integers(0, 5_000))
def test_a_share_lies_in_its_interval_and_that_between_0_and_1(count: int, more: int) -> None:
    found = rate(count, count + more)
    share, rounding = found.share or 0.0, 1e-12
    assert 0 <= found.low <= share + rounding
    assert share - rounding <= found.high <= 1


@given(st.integers(0, 100))
def test_more_conversations_make_it_narrower(count: int) -> None:
    few, many = rate(count, 100), rate(10 * count, 1000)
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(
    ("now", "before", "is_other"),
    [
        ((300, 1000), (200, 1000), True),
        ((200, 1000), (300, 1000), True),
        ((12, 100), (10, 100), False),
        ((3, 10), (0, 10), False),
        ((300, 1000), (0, 0), False),
        ((0, 0), (300, 1000), False),
    ],
)
def test_what_differs(now: tuple[int, int], before: tuple[int, int], is_other: bool) -> None:
    assert differ(rate(*now), rate(*before)) is is_other


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7], 0.9, 7),
        ([1, 2], 0.5, 1.5),
        ([1, 2, 9], 0.5, 2),
        ([0, 10, 20, 30, 40], 0.9, 36),
        ([0, 10, 20, 30, 40], 0.0, 0),
        ([0, 10, 20, 30, 40], 1.0, 40),
    ],
)
def test_quantiles(values: list[float], share: float, expected: float | None) -> None:
    assert quantile(values, share) == expected


def test_each_time_is_in_one_bucket_and_its_end_in_the_next() -> None:
    times = [0, HOUR - 0.001, HOUR, 4 * HOUR, 8 * HOUR, 24 * HOUR - 1, 24 * HOUR, 1e9]
    found = spread(reversed(times))
    assert [(one.hours, one.count) for one in found.buckets] == [
        ("0–1", 2),
        ("1–4", 1),
        ("4–8", 1),
        ("8–24", 2),
        ("24+", 2),
    ]
    assert found.n == len(times)
    assert found.median == 6 * HOUR


def test_a_spread_of_nothing() -> None:
    nothing = spread([])
    assert (nothing.n, nothing.median, nothing.p90) == (0, None, None)
    assert [one.count for one in nothing.buckets] == [0, 0, 0, 0, 0]
