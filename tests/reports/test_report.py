from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.hours import BusinessHours
from bot.reports.entries import Entry
from bot.reports.report import GAPS, TOPICS, WORST, Report, report
from bot.store.cohort import Period
from tests.reports.conftest import (
    MAY,
    MONDAY,
    agent,
    bot,
    called,
    customer,
    entry,
    material,
    talk,
    unknown,
)

BERLIN = BusinessHours.parse("Europe/Berlin", {})


def asked(at: datetime = MONDAY, mood: float | None = 0.0, **more: Any) -> Entry:
    return entry(talk(customer("Is it late?", mood), bot(page="Returns"), at=at, **more))


def of(*now: Entry, then: Sequence[Entry] = (), **more: Any) -> Report:
    return report(material(now, then, **more))


# --- the period


def test_a_month_is_told_by_days() -> None:
    days = [asked(at=MAY.since + timedelta(days=n, hours=5)) for n in (0, 0, 3, 30)]
    made = of(*days)
    assert made.by == "day"
    assert [part.begins for part in made.parts] == [date(2026, 5, n) for n in range(1, 32)]
    assert {p.begins.day: p.conversations for p in made.parts if p.conversations} == {
        1: 2,
        4: 1,
        31: 1,
    }


def test_a_longer_period_is_told_by_weeks() -> None:
    quarter = Period(MAY.since, MAY.since + timedelta(days=90))
    made = of(
        *(asked(at=MAY.since + timedelta(days=n)) for n in (0, 6, 7, 89)),
        period=quarter,
    )
    assert made.by == "week"
    assert len(made.parts) == 13
    assert made.parts[1].begins == date(2026, 5, 8)
    assert [made.parts[n].conversations for n in (0, 1, 12)] == [2, 1, 1]


@pytest.mark.parametrize(("days", "by", "parts"), [(1, "day", 1), (35, "day", 35), (36, "week", 6)])
def test_days_and_weeks(days: int, by: str, parts: int) -> None:
    made = of(period=Period(MAY.since, MAY.since + timedelta(days=days)))
    assert (made.by, len(made.parts)) == (by, parts)


def test_a_part_of_an_hour_is_a_day() -> None:
    made = of(asked(), period=Period(MONDAY, MONDAY + timedelta(minutes=10)))
    assert [(one.begins, one.conversations) for one in made.parts] == [(date(2026, 5, 4), 1)]


@pytest.mark.parametrize(
    ("since", "days", "changes"),
    [
        (datetime(2026, 3, 27), 5, date(2026, 3, 29)),  # noqa: DTZ001, the zone is put on below
        (datetime(2026, 10, 23), 5, date(2026, 10, 25)),  # noqa: DTZ001
    ],
)
def test_days_on_which_clocks_are_changed_are_days(
    since: datetime, days: int, changes: date
) -> None:
    zone = BERLIN.zone
    period = Period(since.replace(tzinfo=zone), (since + timedelta(days=days)).replace(tzinfo=zone))
    edges = [
        datetime(changes.year, changes.month, changes.day, *clock, tzinfo=zone)
        for clock in ((0, 0), (3, 30), (23, 59))
    ]
    before = edges[0].astimezone(UTC) - timedelta(minutes=1)
    after = edges[-1].astimezone(UTC) + timedelta(minutes=1)
    talks = [asked(at=at.astimezone(UTC)) for at in (before, *edges, after)]
    made = of(*talks, period=period, hours=BERLIN)
    assert [part.begins for part in made.parts] == [
        since.date() + timedelta(days=n) for n in range(days)
    ]
    assert [part.conversations for part in made.parts] == [0, 1, 3, 1, 0]
    assert made.zone == "Europe/Berlin"
    (topic,) = made.topics
    assert topic.course == (0, 1, 3, 1, 0)


def test_weeks_across_a_change_of_clocks() -> None:
    zone = BERLIN.zone
    period = Period(datetime(2026, 10, 1, tzinfo=zone), datetime(2026, 11, 12, tzinfo=zone))
    late = datetime(2026, 10, 28, 23, 59, tzinfo=zone), datetime(2026, 10, 29, tzinfo=zone)
    made = of(*(asked(at=at.astimezone(UTC)) for at in late), period=period, hours=BERLIN)
    assert [part.begins for part in made.parts] == [
        date(2026, 10, 1) + timedelta(days=7 * n) for n in range(6)
    ]
    assert [part.conversations for part in made.parts] == [0, 0, 0, 1, 1, 0]


def test_what_a_part_tells() -> None:
    made = of(
        entry(talk(customer("Is it late?", -0.8), called(), agent())),
        entry(talk(customer("Is it late?", 0.4), bot(page="Returns"))),
        asked(mood=None),
    )
    part = made.parts[3]
    assert (part.conversations, part.escalated, part.unhappy) == (3, 1, 1)
    assert part.mood == pytest.approx(-0.2)
    assert made.parts[0].mood is None


# --- what is listed


def test_the_unhappiest_customers_come_first() -> None:
    moods = [-0.1, 0.5, -0.9, None, -0.5]
    some = [asked(mood=mood, who=str(mood)) for mood in moods]
    made = of(*some)
    assert [one.mood for one in made.worst] == [-0.9, -0.5, -0.1]
    worst = made.worst[0]
    assert (worst.said, worst.channel, worst.outcome) == ("Is it late?", "slack", "resolved")
    assert worst.conversation == some[2].started.id
    assert worst.summary == some[2].digest["summary"]["text"]


def test_among_equals_who_said_the_worst() -> None:
    calm = entry(talk(customer("hm", 0.0), bot(), *[customer("no", -0.5)] * 3, bot()))
    cross = entry(talk(customer("bad!", -1.0), bot(), *[customer("no", -0.5)] * 3, bot()))
    assert [one.said for one in of(calm, cross).worst] == ["bad!", "no"]


def test_who_calmed_down_did_not_leave_unhappy() -> None:
    calmed = talk(customer("Terrible!", -1.0), bot(), customer("Ah, that helps", 0.6))
    assert of(entry(calmed)).worst == ()


def test_lists_are_no_longer_than_one_reads() -> None:
    pages = [
        entry(talk(customer(f"question {n}?", -0.5), bot(page=f"Page {n}"))) for n in range(15)
    ]
    words = ("registry", "dimmer", "curtain", "apron", "teapot", "wool", "brass", "cotton", "silk")
    more = ("oak", "velvet", "glass", "paper")
    missing = [
        entry(talk(customer(f"{word}?", -0.5), unknown(), who=who))
        for word in (*words, *more)
        for who in ("ada", "bob")
    ]
    made = of(*pages, *missing)
    assert (len(made.topics), len(made.gaps), len(made.worst)) == (TOPICS, GAPS, WORST)
    assert made.more_topics == len(pages) + len(words + more) - TOPICS


def test_a_topic_of_the_period_before_alone_is_left_out() -> None:
    made = of(asked(), then=[entry(talk(customer("dim?"), bot(page="Lamps")))])
    assert [one.name for one in made.topics] == ["Returns"]
    assert (made.then.conversations, made.more_topics) == (1, 0)


def test_nobody_wrote() -> None:
    made = of()
    assert made.highlights == ("No customer wrote in this period.",)
    assert (made.topics, made.gaps, made.worst, made.notes) == ((), (), (), ())
    assert sum(part.conversations for part in made.parts) == 0
    assert made.now.engaged.share is None
    assert made.now.reasons == {}


# --- notes on the data


@pytest.mark.parametrize(
    ("one", "note"),
    [
        (asked(who=""), "1 conversation without a customer's name"),
        (replace(asked(), may_come_back=True), "1 conversation ended less than 72 hours ago"),
        (asked(mood=None), "1 message without a sentiment."),
        (
            entry(talk(customer("Wie lange?", language="de"), bot())),
            "1 conversation in other languages than English and Chinese",
        ),
        (
            entry(talk(customer("Is it late?"), bot()), edited=["summary"]),
            "1 digest with words of your team.",
        ),
    ],
)
def test_notes(one: Entry, note: str) -> None:
    (told,) = of(one).notes
    assert told.startswith(note)


def test_trials_that_are_left_out_are_told() -> None:
    (note,) = of(asked(), trials=3).notes
    assert note == "3 trials by `kefu ask` left out; `--channel ask` has them."


def test_a_clock_that_was_set_back_is_told_and_not_timed() -> None:
    whole = talk(customer("Is it late?"), bot(page="Returns"))
    late = replace(whole.messages[0], created_at=MONDAY + timedelta(hours=1))
    made = of(entry(replace(whole, messages=[late, whole.messages[1]])))
    assert made.notes == ("1 conversation in which a clock was set back: not timed.",)
    assert made.now.first_response.wall.n == made.now.handle_time.wall.n == 0


def test_nothing_to_mind() -> None:
    assert of(asked()).notes == ()


# --- the demo


def test_the_parts_add_up(demo_report: Report) -> None:
    now, parts = demo_report.now, demo_report.parts
    assert demo_report.by == "week"
    assert sum(part.conversations for part in parts) == now.conversations
    assert sum(part.escalated for part in parts) == now.outcomes["escalated"]
    assert sum(part.unhappy for part in parts) == now.unhappy_ends.count


def test_no_rate_is_above_one_and_steps_follow_each_other(demo_report: Report) -> None:
    for figures in (demo_report.now, demo_report.then):
        steps = (
            figures.engaged,
            figures.deflection,
            figures.containment,
            figures.resolution,
            figures.confirmed,
        )
        counts = [one.count for one in steps]
        assert counts == sorted(counts, reverse=True)
        assert figures.confirmed.count + figures.assumed.count == figures.resolution.count
        assert sum(one.count for one in figures.reasons.values()) == figures.escalation.count
        assert sum(figures.outcomes.values()) == figures.conversations


def test_topics_are_told_over_the_whole_period(demo_report: Report) -> None:
    assert len(demo_report.topics) == TOPICS
    for topic in demo_report.topics:
        assert sum(topic.course) == topic.count
        assert len(topic.course) == len(demo_report.parts)
    assert demo_report.made_at > demo_report.since > demo_report.before
