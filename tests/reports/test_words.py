from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.rates import rate
from bot.reports import words
from bot.reports.rates import spread


def test_shares() -> None:
    assert words.percent(rate(8, 10)) == "80.0%"
    assert words.interval(rate(8, 10)) == "49.0% to 94.3%"
    assert words.of(rate(1_234, 5_678)) == "1,234 of 5,678"
    assert (words.percent(rate(0, 0)), words.interval(rate(0, 0))) == ("–", "")


def test_a_change_within_the_intervals_may_be_chance() -> None:
    assert words.change(rate(300, 1000), rate(200, 1000)) == "+10.0 pts"
    assert words.change(rate(200, 1000), rate(300, 1000)) == "-10.0 pts"
    assert words.change(rate(12, 100), rate(10, 100)) == "+2.0 pts (may be chance)"
    assert words.change(rate(1, 2), rate(0, 0)) == "–"
    assert words.change(rate(0, 0), rate(1, 2)) == "–"


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [(15, 10, "+50%"), (5, 10, "-50%"), (10, 10, "+0%"), (0, 10, "-100%"), (3, 0, "new")],
)
def test_growth(now: int, before: int, said: str) -> None:
    assert words.growth(now, before) == said


def test_nothing_after_nothing_is_no_growth() -> None:
    assert words.growth(0, 0) == words.NOTHING


@pytest.mark.parametrize(
    ("value", "said", "label"),
    [
        (None, "–", "neutral"),
        (0.0, "+0.00", "neutral"),
        (0.09, "+0.09", "neutral"),
        (0.1, "+0.10", "positive"),
        (-0.456, "-0.46", "negative"),
    ],
)
def test_moods(value: float | None, said: str, label: str) -> None:
    assert (words.score(value), words.label(value)) == (said, label)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (89, "89 s"),
        (90, "2 min"),
        (89 * 60, "89 min"),
        (90 * 60, "1.5 h"),
        (47 * 3600, "47.0 h"),
        (48 * 3600, "2.0 days"),
        (10 * 86_400, "10.0 days"),
    ],
)
def test_times(seconds: float | None, said: str) -> None:
    assert words.seconds(seconds) == said


def test_milliseconds() -> None:
    assert (words.milliseconds(1234.5), words.milliseconds(None)) == ("1,234 ms", "–")


def test_buckets_without_anything_are_left_out() -> None:
    assert words.buckets(spread([1, 2, 5 * 3600])) == "0–1 h: 2, 4–8 h: 1"
    assert words.buckets(spread([])) == ""


def test_a_moment_is_told_in_the_zone_of_the_business() -> None:
    late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert words.moment(late, "Europe/Berlin") == "2026-07-01 00:30"
    assert words.day(late, "Europe/Berlin") == "1 July 2026"
    assert words.day(late, "UTC") == "30 June 2026"
