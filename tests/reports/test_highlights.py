from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.hours import ALWAYS_OPEN
from bot.rates import rate
from bot.reports.figures import Figures, figures
from bot.reports.highlights import LONGEST, POINTS, highlights
from bot.reports.topics import Gap, Topic

NOBODY = figures([], ALWAYS_OPEN)
BEFORE = replace(
    NOBODY,
    conversations=1000,
    escalation=rate(200, 1000),
    resolution=rate(600, 1000),
    abandonment=rate(100, 1000),
    unhappy_ends=rate(100, 1000),
)
RETURNS = Topic("Returns", 100, 100, rate(80, 100), 0.1, (100,), ())
REGISTRY = Gap("Is there a gift registry?", 12, 14, 0, ("en",), ())


def told(now: Figures, then: Figures = BEFORE, *more: Topic | Gap) -> tuple[str, ...]:
    topics = [one for one in more if isinstance(one, Topic)]
    return highlights(now, then, topics, [one for one in more if isinstance(one, Gap)])


@pytest.mark.parametrize(
    ("changed", "point"),
    [
        (
            {"escalation": rate(300, 1000)},
            "30% of conversations were handed to a person, up from 20%.",
        ),
        (
            {"escalation": rate(100, 1000)},
            "10% of conversations were handed to a person, down from 20%.",
        ),
        (
            {"resolution": rate(400, 1000)},
            "40% of conversations were resolved by the bot, down from 60%.",
        ),
        (
            {"abandonment": rate(150, 1000)},
            "15% of conversations were left with something unanswered, up from 10%.",
        ),
        (
            {"unhappy_ends": rate(20, 1000)},
            "2% of conversations ended with an unhappy customer, down from 10%.",
        ),
    ],
)
def test_a_change_that_is_no_chance_is_told(changed: dict[str, Any], point: str) -> None:
    assert told(replace(BEFORE, **changed)) == (point,)


def test_a_change_by_chance_is_not_told() -> None:
    by_chance = replace(BEFORE, escalation=rate(210, 1000), abandonment=rate(110, 1000))
    assert told(by_chance) == ()
    few = replace(BEFORE, conversations=5, escalation=rate(2, 5), resolution=rate(1, 5))
    assert "up from" not in " ".join(told(few))


def test_without_a_period_before_nothing_has_changed() -> None:
    assert told(BEFORE, NOBODY) == ()
    (often,) = told(replace(BEFORE, escalation=rate(400, 1000)), NOBODY)
    assert often == "40% of conversations were handed to a person."


def test_what_is_often_bad_is_told_though_it_did_not_change() -> None:
    bad = replace(BEFORE, abandonment=rate(400, 1000))
    assert told(bad, bad) == ("40% of conversations were left with something unanswered.",)


def test_no_conversation_at_all() -> None:
    assert told(NOBODY) == ("No customer wrote in this period.",)
    assert told(NOBODY, NOBODY) == ("No customer wrote in this period.",)


def test_the_largest_gap_and_the_topic_that_is_asked_most() -> None:
    small = replace(REGISTRY, heading="Do you gift wrap?", customers=1)
    assert told(BEFORE, BEFORE, RETURNS, REGISTRY, small) == (
        "Write about “Is there a gift registry?”: 12 customers asked, and the help pages say "
        "nothing.",
        "Asked most: “Returns”, in 10% of conversations; 80% of them were resolved by the bot.",
    )
    (one, *_) = told(BEFORE, BEFORE, replace(small, customers=1))
    assert "1 customer asked" in one


def test_a_topic_that_grew_more_than_all_did() -> None:
    grown = replace(RETURNS, before=50)
    (point, _) = told(BEFORE, BEFORE, grown)
    assert point == "“Returns” is asked 2.0 times as often as before: 100 conversations."
    half_as_many = replace(BEFORE, conversations=500)
    assert not any("as often as" in one for one in told(BEFORE, half_as_many, grown))


def test_a_topic_of_a_few_or_a_new_one_did_not_grow() -> None:
    for topic in (replace(RETURNS, count=9, before=1), replace(RETURNS, before=0)):
        assert not any("as often as" in point for point in told(BEFORE, BEFORE, topic))


def test_at_most_three_each_short_the_weightiest_first() -> None:
    long = "why is it so " * 40
    now = replace(
        BEFORE,
        escalation=rate(300, 1000),
        resolution=rate(300, 1000),
        abandonment=rate(400, 1000),
        unhappy_ends=rate(500, 1000),
    )
    topics = [replace(RETURNS, name=long, before=30) for _ in range(30)]
    points = told(now, BEFORE, *topics, replace(REGISTRY, heading=long, customers=900))
    assert len(points) == POINTS == 3
    assert points[0].startswith("Write about “why is it so")
    assert points[1].startswith("50% of conversations ended with an unhappy customer")
    assert all(len(point) < LONGEST == 220 for point in points)


@pytest.mark.parametrize("count", [10, 10**9])
def test_no_point_is_ever_too_long(count: int) -> None:
    long = "W" * 1_000
    now = replace(BEFORE, conversations=2 * count)
    topic = Topic(long, count, 1, rate(1, count), None, (), ())
    points = told(now, BEFORE, topic, Gap(long, count, count, 0, (), ()))
    assert len(points) >= 2
    assert all(len(point) < 220 for point in points)
    assert all("…" in point for point in points)
