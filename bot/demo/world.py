"""Ninety days of the sample shop: when customers come, what about, and what comes of it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bot.conversation import Message
from bot.demo.content import Content, Subject, Trend, content
from bot.demo.plots import BAD_WEEK, PLOTS, Plot, Stage, Truth
from bot.demo.scene import Scene, id_at
from bot.hours import BusinessHours
from bot.store.feedback import Feedback
from bot.store.ratings import Rating

DAYS = 90
CUSTOMERS = "demo/"
"""What the names of all customers begin with: the demo is known by it."""
HOURS = BusinessHours.parse(
    "Europe/Amsterdam", dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-18:00")
)
CHANNELS = {"slack": 45, "terminal": 35, "matrix": 20}
LANGUAGES = {"en": 72, "zh": 18, "de": 10}
BAD_DAYS = range(66, 73)
"""Of the ninety: parcels go astray, the program fails, the agents have too much to do."""
_BY_HOUR = (1, 1, 1, 1, 1, 2, 4, 7, 10, 14, 15, 14, 12, 13, 14, 14, 13, 12, 11, 12, 13, 11, 7, 3)
_BY_WEEKDAY = (1.2, 1.1, 1.0, 1.0, 1.05, 0.75, 0.65)
_RETURNS = 0.09
"""The share of customers who come back, two in three of them within three days."""
_SOON = timedelta(hours=72)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    """A conversation, and what is known of it besides its log."""

    id: str
    channel: str
    customer: str
    messages: Sequence[Message]
    feedback: Sequence[Feedback]
    rating: Rating | None
    agent: str
    truth: Truth
    comes_back: bool
    """The same customer, within 72 hours of the last message."""

    @property
    def at(self) -> datetime:
        return self.messages[0].created_at


@dataclass(frozen=True, slots=True)
class _Visit:
    at: datetime
    customer: str
    name: str
    channel: str
    language: str
    day: int


class World:
    def __init__(self, seed: int, conversations: int, until: datetime) -> None:
        """`until`: the end of the last of the ninety days."""
        self._dice = random.Random(seed)  # noqa: S311, nothing is guarded by it
        self._count = conversations
        self._content: Content = content()
        self._begins = until.astimezone(UTC) - timedelta(days=DAYS)
        self._until = until.astimezone(UTC)

    def conversations(self) -> list[Told]:
        """By when they were started. About as many as were asked for: those that are not over by
        the end are left out."""
        told: list[Told] = []
        for visit in self._visits():
            one = self._played(visit)
            told.append(one)
            while self._dice.random() < _RETURNS:
                again = self._comes_again(visit, one)
                if again is None:
                    break
                visit = again
                one = self._played(visit)
                told.append(one)
        over = [one for one in told if one.messages[-1].created_at < self._until]
        return _with_returns(sorted(over, key=lambda one: one.at))

    def _visits(self) -> Iterator[_Visit]:
        days = [self._busy(day) for day in range(DAYS)]
        for number in range(math.ceil(self._count * (1 - _RETURNS))):
            (day,) = self._dice.choices(range(DAYS), days)
            name = self._dice.choice(self._content.names)
            yield _Visit(
                at=self._moment(day),
                customer=f"{CUSTOMERS}{name.lower()}-{number:05d}",
                name=name,
                channel=self._one_of(CHANNELS),
                language=self._one_of(LANGUAGES),
                day=day,
            )

    def _busy(self, day: int) -> float:
        weekday = (self._begins + timedelta(days=day)).weekday()
        growth = 1 + 0.5 * day / DAYS
        return _BY_WEEKDAY[weekday] * growth * (1.5 if day in BAD_DAYS else 1)

    def _moment(self, day: int) -> datetime:
        (hour,) = self._dice.choices(range(24), _BY_HOUR)
        seconds = self._dice.uniform(0, 3600)
        return self._begins + timedelta(days=day, hours=hour, seconds=seconds)

    def _comes_again(self, visit: _Visit, one: Told) -> _Visit | None:
        soon = self._dice.random() < 2 / 3
        hours = self._dice.uniform(1, 70) if soon else self._dice.uniform(100, 600)
        at = one.messages[-1].created_at + timedelta(hours=hours)
        if at >= self._until - timedelta(hours=1):
            return None
        day = (at - self._begins).days
        return _Visit(at, visit.customer, visit.name, visit.channel, visit.language, day)

    def _played(self, visit: _Visit) -> Told:
        bad = visit.day in BAD_DAYS
        scene = Scene(
            self._content,
            self._dice,
            id_at(visit.at, self._dice),
            visit.customer,
            visit.name,
            visit.language,
            visit.at,
            HOURS,
            gloom=0.15 if bad else 0.0,
        )
        stage = Stage(
            scene,
            self._dice,
            self._content,
            self._subject(self._content.issues, visit.day),
            self._subject(self._content.gaps, visit.day),
            self._subject(self._content.policies, visit.day),
            bad,
        )
        truth = self._plot(bad)(stage)
        return Told(
            id=scene.conversation,
            channel=visit.channel,
            customer=visit.customer,
            messages=scene.messages,
            feedback=scene.feedback,
            rating=scene.rating,
            agent=scene.agent,
            truth=truth,
            comes_back=False,
        )

    def _plot(self, bad: bool) -> Plot:  # noqa: FBT001
        shares = {p: share * (BAD_WEEK.get(p, 1) if bad else 1) for p, share in PLOTS.items()}
        return self._one_of(shares)

    def _subject(self, subjects: Sequence[Subject], day: int) -> Subject:
        number = self._one_of({n: _weight(one, day) for n, one in enumerate(subjects)})
        return subjects[number]

    def _one_of(self, shares: Mapping[T, float]) -> T:
        (one,) = self._dice.choices(list(shares), list(shares.values()))
        return one


def _weight(subject: Subject, day: int) -> float:
    gone = day / DAYS
    match subject.trend:
        case Trend.RISING:
            return subject.weight * (0.4 + 1.4 * gone)
        case Trend.FALLING:
            return subject.weight * (1.8 - 1.4 * gone)
        case Trend.BAD_WEEK:
            return subject.weight * (6 if day in BAD_DAYS else 1)
        case Trend.STEADY:
            return subject.weight


def _with_returns(told: Sequence[Told]) -> list[Told]:
    starts: dict[tuple[str, str], list[datetime]] = {}
    for one in told:
        starts.setdefault((one.channel, one.customer), []).append(one.at)
    return [
        replace(
            one,
            comes_back=any(
                one.at < at <= one.messages[-1].created_at + _SOON
                for at in starts[one.channel, one.customer]
            ),
        )
        for one in told
    ]
