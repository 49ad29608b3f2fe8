"""Every figure of a report on the demo world, counted again: in plain SQL over the file, and, where
a figure rests on how conversations ended, by what is known of the world."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from bot.conversation import MessageState, ReplyStatus
from bot.demo.plots import Truth
from bot.demo.world import HOURS, Told
from bot.digest.outcome import Outcome, Reason
from bot.hours import ALWAYS_OPEN
from bot.rates import rate
from bot.reports.figures import Figures, figures
from bot.reports.rates import Duration
from bot.reports.report import Report
from bot.store.cohort import Period
from bot.store.ratings import Rating
from tests.reports.conftest import (
    MONDAY,
    UNTIL,
    Demo,
    agent,
    bot,
    called,
    customer,
    entry,
    report_of,
    talk,
)

HALF = timedelta(days=45)
VIEWS = """
CREATE TEMP TABLE cohort AS
SELECT * FROM conversations WHERE created_at >= :since AND created_at < :until AND channel != 'ask';
CREATE TEMP TABLE said AS
SELECT m.*, m.role = 'assistant' AND m.state = 'complete' AND coalesce(m.rule, '') != 'small talk'
AS matters FROM messages m JOIN cohort c ON c.id = m.conversation_id;
CREATE TEMP TABLE engaged AS SELECT DISTINCT conversation_id AS id FROM said WHERE matters;
CREATE TEMP TABLE deflected AS SELECT id FROM engaged
WHERE id NOT IN (SELECT conversation_id FROM said WHERE role = 'agent');
CREATE TEMP TABLE contained AS SELECT d.id FROM deflected d JOIN cohort c ON c.id = d.id
WHERE c.customer = '' OR NOT EXISTS (
    SELECT 1 FROM conversations later
    WHERE later.channel = c.channel AND later.customer = c.customer
    AND later.created_at > c.created_at AND julianday(later.created_at) <= 3 + (
        SELECT julianday(created_at) FROM said WHERE conversation_id = c.id
        ORDER BY number DESC LIMIT 1));
"""


@dataclass(frozen=True)
class Cohort:
    figures: Figures
    told: Sequence[Told]
    _database: sqlite3.Connection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._database.execute(query).fetchall()

    def value(self, query: str) -> Any:
        ((value,),) = self.rows(query)
        return value

    def truths(self) -> list[Truth]:
        return [one.truth for one in self.told]

    def resolved(self) -> list[Truth]:
        """Taken back where the customer returned."""
        resolved = [one for one in self.told if one.truth.outcome is Outcome.RESOLVED]
        return [one.truth for one in resolved if not one.comes_back]


@pytest.fixture(scope="module")
def report(demo: Demo) -> Report:
    """Of the second half of the ninety days, beside the first."""
    return report_of(demo, Period(UNTIL - HALF, UNTIL), HOURS)


@pytest.fixture(scope="module", params=["now", "then"])
def cohort(request: pytest.FixtureRequest, demo: Demo, report: Report) -> Iterator[Cohort]:
    until = UNTIL if request.param == "now" else UNTIL - HALF
    since = until - HALF
    with closing(sqlite3.connect(f"file:{demo.database}?mode=ro", uri=True)) as database:
        for statement in VIEWS.split(";"):
            database.execute(
                statement.replace(":since", f"'{since:%Y-%m-%d %H:%M:%S.%f}'").replace(
                    ":until", f"'{until:%Y-%m-%d %H:%M:%S.%f}'"
                )
            )
        told = [one for one in demo.told if since <= one.at < until]
        yield Cohort(report.now if request.param == "now" else report.then, told, database)


# --- how many


def test_volume(cohort: Cohort) -> None:
    found = cohort.figures
    assert found.conversations == cohort.value("SELECT count(*) FROM cohort") == len(cohort.told)
    assert found.messages == cohort.value("SELECT count(*) FROM said")
    assert found.customers == cohort.value(
        "SELECT count(*) FROM (SELECT DISTINCT channel, customer FROM cohort WHERE customer != '')"
    )
    assert found.conversations > 200


def test_engaged(cohort: Cohort) -> None:
    engaged = cohort.value("SELECT count(*) FROM engaged")
    assert cohort.figures.engaged == rate(engaged, len(cohort.told))
    assert 0 < engaged < len(cohort.told)


def test_answer_deflection_and_containment(cohort: Cohort) -> None:
    found, engaged = cohort.figures, cohort.value("SELECT count(*) FROM engaged")
    answered = cohort.value(
        "SELECT count(DISTINCT conversation_id) FROM said WHERE matters AND status = 'answered'"
    )
    deflected = cohort.value("SELECT count(*) FROM deflected")
    contained = cohort.value("SELECT count(*) FROM contained")
    assert found.answer == rate(answered, engaged)
    assert found.deflection == rate(deflected, engaged)
    assert found.containment == rate(contained, engaged)
    assert contained < deflected < engaged, "the demo has all of them"


def test_escalation(cohort: Cohort) -> None:
    escalated = cohort.value(
        "SELECT count(DISTINCT conversation_id) FROM said WHERE conversation_id IN engaged "
        "AND (status = 'handed_off' OR role = 'agent')"
    )
    assert cohort.figures.escalation == rate(
        escalated, cohort.value("SELECT count(*) FROM engaged")
    )
    assert escalated == sum(one.outcome is Outcome.ESCALATED for one in cohort.truths())


def test_channels_and_languages(cohort: Cohort) -> None:
    channels = cohort.rows("SELECT channel, count(*) FROM cohort GROUP BY channel")
    assert cohort.figures.channels == dict(channels)
    languages = cohort.rows(
        "SELECT language, count(*) FROM (SELECT language, min(number) FROM said "
        "WHERE role = 'customer' AND language IS NOT NULL GROUP BY conversation_id) "
        "GROUP BY language"
    )
    assert cohort.figures.languages == dict(languages)
    for counts in (cohort.figures.channels, cohort.figures.languages):
        assert list(counts.values()) == sorted(counts.values(), reverse=True)


# --- how it ended, by what is known of the world


def test_resolution_confirmed_and_assumed(cohort: Cohort) -> None:
    found, engaged = cohort.figures, cohort.value("SELECT count(*) FROM engaged")
    resolved = cohort.resolved()
    confirmed = sum(one.confirmed for one in resolved)
    assert found.resolution == rate(len(resolved), engaged)
    assert found.confirmed == rate(confirmed, engaged)
    assert found.assumed == rate(len(resolved) - confirmed, engaged)
    assert 0 < confirmed < len(resolved)


def test_containment_by_what_is_known_of_the_world(cohort: Cohort) -> None:
    by_bot = [one for one in cohort.told if not one.agent and one.truth.subject]
    stayed = [one for one in by_bot if not one.comes_back]
    engaged = {name for (name,) in cohort.rows("SELECT id FROM engaged")}
    assert cohort.figures.containment.count == sum(one.id in engaged for one in stayed)


def test_reasons(cohort: Cohort) -> None:
    counts = Counter(one.reason for one in cohort.truths() if one.reason)
    assert cohort.figures.reasons == {
        str(reason): rate(count, counts.total()) for reason, count in counts.items()
    }
    assert set(counts) == set(Reason), "the demo has all of them"
    shown = [one.count for one in cohort.figures.reasons.values()]
    assert shown == sorted(shown, reverse=True)


def test_abandonment(cohort: Cohort) -> None:
    wrote = cohort.value("SELECT count(DISTINCT conversation_id) FROM said WHERE role = 'customer'")
    abandoned = sum(one.abandoned for one in cohort.truths())
    assert cohort.figures.abandonment == rate(abandoned, wrote)


def test_outcomes(cohort: Cohort) -> None:
    counts = Counter(str(one.outcome) for one in cohort.truths())
    assert cohort.figures.outcomes == {str(one): counts[str(one)] for one in Outcome}
    assert all(counts.values())


# --- what customers think


def test_satisfaction(cohort: Cohort) -> None:
    found = cohort.figures.satisfaction
    rated = "FROM ratings r JOIN cohort c ON c.id = r.conversation_id"
    scores = dict(cohort.rows(f"SELECT score, count(*) {rated} GROUP BY score"))
    assert found.counts == tuple(scores.get(score, 0) for score in range(1, 6))
    assert found.mean == cohort.value(f"SELECT avg(score) {rated}")
    satisfied = cohort.value(f"SELECT sum(score >= 4) {rated}")
    assert found.satisfied == rate(satisfied, sum(scores.values()))
    among = cohort.value(f"SELECT count(*) {rated} WHERE c.id IN engaged")
    assert found.ratings == rate(among, cohort.value("SELECT count(*) FROM engaged"))
    assert sum(scores.values()) == sum(1 for one in cohort.told if one.rating)


def test_helpful(cohort: Cohort) -> None:
    ((helpful, given),) = cohort.rows(
        "SELECT sum(f.helpful), count(*) FROM feedback f JOIN said m ON m.id = f.message_id"
    )
    assert cohort.figures.helpful == rate(helpful, given)
    assert 0 < helpful < given


def test_moods(cohort: Cohort) -> None:
    """Each conversation's means are kept to four places."""
    scores: dict[str, list[float]] = {}
    for name, score in cohort.rows(
        "SELECT conversation_id, sentiment_score FROM said WHERE role = 'customer' "
        "AND sentiment_score IS NOT NULL ORDER BY number"
    ):
        scores.setdefault(name, []).append(score)
    by_when = [
        scores[name]
        for (name,) in cohort.rows("SELECT id FROM cohort ORDER BY created_at, id")
        if name in scores
    ]
    means = [rounded_mean(some) for some in by_when]
    starts = [rounded_mean(first_quarter(some)) for some in by_when]
    ends = [rounded_mean(last_quarter(some)) for some in by_when]
    found = cohort.figures
    assert (found.mood, found.start, found.end) == (
        sum(means) / len(means),
        sum(starts) / len(starts),
        sum(ends) / len(ends),
    )
    assert found.unhappy_ends == rate(sum(end <= -0.25 for end in ends), len(ends))


def first_quarter(scores: list[float]) -> list[float]:
    """By their places between the first message and the last."""
    return [one for n, one in enumerate(scores) if 4 * n < len(scores) - 1] or scores


def last_quarter(scores: list[float]) -> list[float]:
    return [one for n, one in enumerate(scores) if 4 * n >= 3 * (len(scores) - 1)]


def rounded_mean(scores: Sequence[float]) -> float:
    return round(sum(scores) / len(scores), 4)


# --- how long it took

CUSTOMERS_FIRST = (
    "(SELECT min(number) FROM said WHERE conversation_id = c.id AND role = 'customer')"
)
FIRST_RESPONSE = f"""
SELECT asked.created_at, reply.created_at FROM cohort c
JOIN said asked ON asked.number = {CUSTOMERS_FIRST}
JOIN said reply ON reply.number = (
    SELECT min(number) FROM said
    WHERE conversation_id = c.id AND role != 'customer' AND number > asked.number
    AND state = 'complete' AND trim(text) != '')
"""
PERSON_RESPONSE = """
SELECT called.created_at, spoke.created_at FROM cohort c
JOIN said called ON called.number = (
    SELECT min(number) FROM said WHERE conversation_id = c.id AND status = 'handed_off')
JOIN said spoke ON spoke.number = (
    SELECT min(number) FROM said
    WHERE conversation_id = c.id AND role = 'agent' AND number > called.number)
"""
HANDLE_TIME = f"""
SELECT asked.created_at, ended.created_at FROM cohort c
JOIN said asked ON asked.number = {CUSTOMERS_FIRST}
JOIN said ended ON ended.number = (SELECT max(number) FROM said WHERE conversation_id = c.id)
"""


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("first_response", FIRST_RESPONSE),
        ("person_response", PERSON_RESPONSE),
        ("handle_time", HANDLE_TIME),
    ],
    ids=["first response", "a person's response", "handle time"],
)
def test_times(cohort: Cohort, name: str, query: str) -> None:
    found: Duration = getattr(cohort.figures, name)
    spans = [(stored(start), stored(end)) for start, end in cohort.rows(query)]
    for spread, lengths in (
        (found.wall, [microseconds(end - start) for start, end in spans]),
        (found.business, [opened(start, end) for start, end in spans]),
    ):
        assert spread.n == len(lengths) > 30
        assert spread.median == in_seconds(quantile(lengths, Fraction(1, 2)))
        assert spread.p90 == in_seconds(quantile(lengths, Fraction(9, 10)))
        hours = [one / 3_600_000_000 for one in lengths]
        edges = [0, 1, 4, 8, 24, 1e9]
        assert [one.count for one in spread.buckets] == [
            sum(low <= one < high for one in hours) for low, high in pairwise(edges)
        ]


def stored(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def opened(start: datetime, end: datetime) -> int:
    """9 to 18 on weekdays in Amsterdam, where it is summer time in the whole of the demo."""
    day, total = start.date(), 0
    while day <= end.date():
        opens, closes = of_day(day, 7), of_day(day, 16)
        if day.weekday() < 5:
            total += max(0, microseconds(min(end, closes) - max(start, opens)))
        day += timedelta(days=1)
    return total


def of_day(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def quantile(values: Sequence[int | float], share: Fraction) -> Fraction:
    """Exactly, between the two that it falls between."""
    ordered = sorted(Fraction(value) for value in values)
    place = share * (len(ordered) - 1)
    low = place.numerator // place.denominator
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def in_seconds(exact: Fraction) -> Any:
    """But for the last digits of a float."""
    return pytest.approx(float(exact / 1_000_000), rel=1e-12, abs=1e-9)


def test_speed_and_tokens(cohort: Cohort) -> None:
    found = cohort.figures.speed
    timed = "FROM said WHERE matters AND total_ms IS NOT NULL"
    ((replies, prompt, reused, written),) = cohort.rows(
        f"SELECT count(*), sum(prompt_tokens), sum(reused_tokens), sum(reply_tokens) {timed}"
    )
    assert (found.replies, found.prompt_tokens) == (replies, prompt)
    assert (found.reused_tokens, found.reply_tokens) == (reused, written)
    for column, median, p95 in (
        ("first_token_ms", found.first_token_ms, found.first_token_ms_p95),
        ("total_ms", found.total_ms, found.total_ms_p95),
    ):
        times = [ms for (ms,) in cohort.rows(f"SELECT {column} {timed}")]
        assert median == pytest.approx(float(quantile(times, Fraction(1, 2))), rel=1e-12)
        assert p95 == pytest.approx(float(quantile(times, Fraction(19, 20))), rel=1e-12)


# --- by hand


def test_figures_of_nothing() -> None:
    nothing = figures([], ALWAYS_OPEN)
    assert (nothing.conversations, nothing.customers, nothing.messages) == (0, 0, 0)
    assert nothing.engaged == nothing.resolution == nothing.abandonment == rate(0, 0)
    assert (nothing.mood, nothing.satisfaction.mean, nothing.speed.total_ms) == (None, None, None)
    assert (nothing.reasons, nothing.channels) == ({}, {})


def test_who_came_back_was_not_helped() -> None:
    settled = talk(customer("Is it late?"), bot(page="Returns"), customer("Thanks!"))
    found = figures([entry(settled), entry(settled, comes_back=True)], ALWAYS_OPEN)
    assert found.deflection == rate(2, 2)
    assert found.containment == found.resolution == found.confirmed == rate(1, 2)
    assert found.outcomes["resolved"] == 2


def test_manners_are_no_engagement_and_a_rating_of_them_no_response() -> None:
    five = Rating(5, "", MONDAY)
    greeted = talk(customer("Hello"), bot("Hello!", rule="small talk"), rating=five)
    helped = talk(customer("Is it late?"), bot(page="Returns"), rating=Rating(2, "", MONDAY))
    found = figures([entry(greeted), entry(helped)], ALWAYS_OPEN)
    assert found.engaged == rate(1, 2)
    assert found.satisfaction.ratings == rate(1, 1)
    assert found.satisfaction.counts == (0, 1, 0, 0, 1)
    assert found.satisfaction.mean == 3.5
    assert found.outcomes["not enough content"] == 1


def test_a_person_who_never_came() -> None:
    waits = talk(customer("A person, please"), called())
    helped = talk(customer("A person, please"), called(), agent())
    found = figures([entry(waits), entry(helped)], ALWAYS_OPEN)
    assert found.escalation == rate(2, 2)
    assert found.deflection == rate(1, 2), "no agent wrote in the one"
    assert found.abandonment == rate(1, 2)
    assert (found.person_response.wall.n, found.person_response.wall.median) == (1, 60.0)


def test_a_customer_is_known_by_channel_and_name() -> None:
    where = [("slack", "ada"), ("slack", "ada"), ("matrix", "ada"), ("slack", ""), ("slack", "")]
    talks = [entry(talk(customer("?"), channel=channel, who=who)) for channel, who in where]
    found = figures(talks, ALWAYS_OPEN)
    assert (found.conversations, found.customers) == (5, 2)
    assert found.channels == {"slack": 4, "matrix": 1}


def test_a_reply_that_failed_is_no_response() -> None:
    failed = bot("", ReplyStatus.UNKNOWN, state=MessageState.FAILED)
    whole = talk(customer("Is it late?"), failed, failed, agent())
    found = figures([entry(whole)], ALWAYS_OPEN)
    assert (found.first_response.wall.n, found.first_response.wall.median) == (1, 180.0)
    assert found.engaged == rate(0, 1)
