from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from bot.conversation import ReplyStatus, Role
from bot.demo.content import content
from bot.demo.scene import sentiment_of
from bot.demo.world import (
    BAD_DAYS,
    CHANNELS,
    CUSTOMERS,
    DAYS,
    LANGUAGES,
    Told,
    World,
    _with_returns,
)
from bot.digest.outcome import Outcome, Reason

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def world(seed: int, conversations: int = 600) -> list[Told]:
    return World(seed, conversations, UNTIL).conversations()


@pytest.fixture(scope="module")
def told() -> list[Told]:
    return world(7)


@pytest.fixture(scope="module")
def large() -> list[Told]:
    return world(3, 2_000)


def test_the_same_seed_gives_the_same_world_and_another_seed_another(told: list[Told]) -> None:
    assert world(7) == told
    other = world(8)
    assert {one.id for one in told}.isdisjoint(one.id for one in other)
    assert [one.truth for one in told] != [one.truth for one in other]


def test_the_zone_of_its_end_changes_nothing(told: list[Told]) -> None:
    in_shanghai = UNTIL.astimezone(timezone(timedelta(hours=8)))
    assert World(7, 600, in_shanghai).conversations() == told


@pytest.mark.parametrize("conversations", [1, 50, 500])
def test_there_are_about_as_many_as_were_asked_for(conversations: int) -> None:
    assert len(world(1, conversations)) == pytest.approx(conversations, rel=0.1, abs=2)


def test_they_are_started_within_ninety_days(told: list[Told]) -> None:
    starts = [one.at for one in told]
    assert starts == sorted(starts)
    assert UNTIL - timedelta(days=DAYS) <= starts[0]
    assert starts[-1] < UNTIL
    assert len({start.date() for start in starts}) == DAYS


def test_ids_are_unique_and_sort_by_time(told: list[Told]) -> None:
    messages = [message for one in told for message in one.messages]
    ids = [message.id for message in messages] + [one.id for one in told]
    assert len(set(ids)) == len(ids)
    assert {len(name) for name in ids} == {32}
    for before, after in pairwise(sorted(messages, key=lambda message: message.id)):
        assert before.created_at < after.created_at + MILLISECOND
    for one in told:
        begins = datetime.fromtimestamp(int(one.id[:12], 16) / 1000, UTC)
        assert timedelta() < one.at - begins < timedelta(minutes=2)


def test_times_go_forward(told: list[Told]) -> None:
    for one in told:
        for before, after in pairwise(one.messages):
            assert before.created_at < after.created_at
        last = one.messages[-1].created_at
        assert all(one.at < given.given_at <= last + timedelta(minutes=1) for given in one.feedback)
        assert one.rating is None or one.rating.given_at > one.at


def test_every_conversation_holds_together(told: list[Told]) -> None:
    for one in told:
        assert one.messages[0].role is Role.CUSTOMER
        assert {message.conversation for message in one.messages} == {one.id}
        assert one.customer.startswith(CUSTOMERS)
        assert one.channel in CHANNELS
        assert {message.language for message in one.messages} - {None} <= set(LANGUAGES)
        replies = {m.id for m in one.messages if m.role is Role.ASSISTANT}
        assert all(given.message in replies for given in one.feedback)
        assert one.rating is None or 1 <= one.rating.score <= 5
        has_agent = any(message.role is Role.AGENT for message in one.messages)
        assert bool(one.agent) is has_agent
        for message in one.messages:
            assert (message.sentiment is not None) is (message.role is Role.CUSTOMER)
            assert "{" not in message.text


def test_who_comes_back_within_three_days_of_the_last_message(told: list[Told]) -> None:
    coming = 0
    for one in told:
        last = one.messages[-1].created_at
        again = [
            other
            for other in told
            if (other.customer, other.channel) == (one.customer, one.channel)
            and timedelta() < other.at - one.at
            and other.at - last <= timedelta(hours=72)
        ]
        assert one.comes_back is bool(again)
        coming += one.comes_back
    assert 0.02 < coming / len(told) < 0.12


@pytest.mark.parametrize(
    ("hours", "channel", "comes_back"),
    [(72, "slack", True), (72.1, "slack", False), (1, "matrix", False), (-1, "slack", True)],
)
def test_three_days_count_from_the_last_message(
    told: list[Told], hours: float, channel: str, comes_back: bool
) -> None:
    long = next(one for one in told if len(one.messages) > 1)
    question, *_, last = long.messages
    last = replace(last, created_at=question.created_at + timedelta(hours=20))
    first = replace(long, channel="slack", messages=(question, last), comes_back=False)
    begins = replace(question, created_at=last.created_at + timedelta(hours=hours))
    again = replace(first, channel=channel, messages=(begins,))
    found = [one.comes_back for one in _with_returns([first, again])]
    assert found == [comes_back, False]


def test_everything_happens(large: list[Told]) -> None:
    assert {one.truth.outcome for one in large} == set(Outcome)
    assert {one.truth.reason for one in large} == {None, *Reason}
    subjects = {one.truth.subject for one in large} - {None}
    everything = content()
    named = {subject.name for subject in (*everything.issues, *everything.gaps)}
    assert named <= subjects
    assert subjects <= named | {subject.name for subject in everything.policies}
    assert {one.channel for one in large} == set(CHANNELS)


def test_the_bad_week_is_worse(large: list[Told]) -> None:
    begins = UNTIL - timedelta(days=DAYS)
    bad = [one for one in large if (one.at - begins).days in BAD_DAYS]
    good = [one for one in large if (one.at - begins).days not in BAD_DAYS]

    def share(some: list[Told]) -> float:
        return sum(one.truth.reason is Reason.ERROR for one in some) / len(some)

    assert len(bad) / len(BAD_DAYS) > 1.2 * len(good) / (DAYS - len(BAD_DAYS))
    assert share(bad) > 2 * share(good)


def test_a_person_was_called_where_it_is_said_so(told: list[Told]) -> None:
    for one in told:
        called = any(m.status is ReplyStatus.HANDED_OFF for m in one.messages)
        has_agent = any(m.role is Role.AGENT for m in one.messages)
        assert (called or has_agent) is (one.truth.outcome is Outcome.ESCALATED)
        assert (one.truth.reason is None) is (one.truth.outcome is not Outcome.ESCALATED)
        assert has_agent or not called or one.truth.abandoned


@pytest.mark.parametrize(
    ("score", "label"),
    [(-0.33, "negative"), (-0.32, "neutral"), (0.32, "neutral"), (1, "positive")],
)
def test_the_label_of_a_score(score: float, label: str) -> None:
    mood = sentiment_of(score)
    assert (mood.label, mood.score) == (label, score)
    assert 0.5 <= mood.confidence <= 1


def test_times_are_utc_and_nothing_is_in_the_future() -> None:
    until = datetime(2026, 11, 1, tzinfo=UTC)
    told = World(1, 4_000, until).conversations()
    assert {m.created_at.utcoffset() for one in told for m in one.messages} == {timedelta()}
    assert all(one.messages[-1].created_at < until for one in told)
