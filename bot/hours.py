"""When there is somebody at the desk. Times of day are those of one time zone, whatever its clocks
do in spring and autumn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Span: TypeAlias = tuple[time, time]
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]\d|2[0-4]):([0-5]\d)")
_AHEAD = 366
"""Days that are looked through for the next opening."""


@dataclass(frozen=True, slots=True)
class BusinessHours:
    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...] = ()
    """Of Monday to Sunday, when it is open; empty where it always is."""
    holidays: frozenset[date] = frozenset()
    customers: ZoneInfo | None = None
    """The customers' zone, in which they are told when somebody will be there; None: `zone`."""

    @classmethod
    def parse(
        cls,
        zone: str,
        week: Mapping[str, str],
        holidays: Iterable[date] = (),
        customers: str = "",
    ) -> BusinessHours:
        """`week`: by DAYS, such as "09:00-12:30, 13:30-17:00"; a day that is left out is closed.
        Raise ValueError or, of an unknown zone, KeyError."""
        spans = tuple(spans_of(week.get(day, "")) for day in DAYS) if week else ()
        theirs = ZoneInfo(customers) if customers else None
        return cls(ZoneInfo(zone), spans, frozenset(holidays), theirs)

    def is_open(self, at: datetime) -> bool:
        return not self.week or any(
            opens <= at < closes for opens, closes in self._spans(at.astimezone(self.zone).date())
        )

    def next_opening(self, at: datetime) -> datetime | None:
        """In the customers' zone; None where it is open, or will not be within a year."""
        if self.is_open(at):
            return None
        today = at.astimezone(self.zone).date()
        for ahead in range(_AHEAD):
            for opens, _ in self._spans(today + timedelta(days=ahead)):
                if opens > at:
                    return opens.astimezone(self.customers or self.zone)
        return None

    def seconds_between(self, start: datetime, end: datetime) -> float:
        """Of open time; of all time where it is always open. Never below 0."""
        if end <= start:
            return 0.0
        if not self.week:
            return (end - start).total_seconds()
        first, last = (at.astimezone(self.zone).date() for at in (start, end))
        total = 0.0
        for ahead in range((last - first).days + 1):
            for opens, closes in self._spans(first + timedelta(days=ahead)):
                opens, closes = opens.astimezone(UTC), closes.astimezone(UTC)
                total += max(0.0, (min(end, closes) - max(start, opens)).total_seconds())
        return total

    def midnight(self, at: datetime) -> datetime:
        """At which the day of `at` began, in `zone`."""
        return datetime.combine(at.astimezone(self.zone).date(), time.min, self.zone)

    def _spans(self, day: date) -> list[tuple[datetime, datetime]]:
        if day in self.holidays:
            return []
        return [
            (self._at(day, opens), self._at(day, closes))
            for opens, closes in self.week[day.weekday()]
        ]

    def _at(self, day: date, when: time) -> datetime:
        if when == time.max:  # midnight at the day's end
            day, when = day + timedelta(days=1), time.min
        return datetime.combine(day, when, self.zone)


ALWAYS_OPEN = BusinessHours(ZoneInfo("UTC"))


def spans_of(text: str) -> tuple[Span, ...]:
    """Of "09:00-12:30, 13:30-17:00". Raise ValueError."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    spans = tuple(_span(part) for part in parts)
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        raise ValueError(f"{text!r}: one time begins before the one in front of it ends")
    return spans


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no time of day; write "09:00-17:00"')
    opens = time(int(found[1]), int(found[2]))
    if found[3] == "24":
        if found[4] != "00":
            raise ValueError(f"{text!r}: a day ends at 24:00")
        closes = time.max
    else:
        closes = time(int(found[3]), int(found[4]))
    if closes <= opens:
        raise ValueError(f"{text!r}: it ends before it begins; a night belongs to two days")
    return opens, closes
