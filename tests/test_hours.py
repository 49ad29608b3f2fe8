from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from bot.hours import ALWAYS_OPEN, BusinessHours, spans_of

BERLIN = "Europe/Berlin"
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-12:30, 13:30-17:00")


def at(text: str) -> datetime:
    """UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def opens(hours: BusinessHours, now: str) -> str | None:
    found = hours.next_opening(at(now))
    return None if found is None else f"{found:%a %d.%m. %H:%M %Z}"


def test_without_hours_somebody_is_always_there() -> None:
    always = BusinessHours.parse("UTC", {})
    assert always.is_open(at("2026-12-25 03:00"))
    assert always.next_opening(at("2026-12-25 03:00")) is None


def test_the_next_opening_is_told_in_the_zone_of_the_business() -> None:
    hours = BusinessHours.parse(BERLIN, WEEK, [date(2026, 11, 30)])
    assert hours.is_open(at("2026-11-27 15:59"))
    assert not hours.is_open(at("2026-11-27 16:00")), "it closes at 17:00 in Berlin"
    assert opens(hours, "2026-11-27 11:45") == "Fri 27.11. 13:30 CET"
    assert opens(hours, "2026-11-27 16:00") == "Tue 01.12. 09:00 CET", "after the holiday"
    assert opens(hours, "2026-11-27 09:00") is None


def test_the_next_opening_is_told_in_the_customers_zone() -> None:
    hours = BusinessHours.parse(BERLIN, WEEK, customers="Asia/Shanghai")
    assert opens(hours, "2026-05-04 02:00") == "Mon 04.05. 15:00 CST"


def test_clocks_that_are_put_forward_and_back() -> None:
    hours = BusinessHours.parse(BERLIN, {"sun": "01:00-04:00", "mon": "09:00-17:00"})
    assert hours.is_open(at("2026-03-29 01:30")), "03:30 on the day without 02:30"
    assert not hours.is_open(at("2026-03-29 02:30"))
    assert opens(hours, "2026-03-29 02:30") == "Mon 30.03. 09:00 CEST"
    assert opens(hours, "2026-10-25 03:30") == "Mon 26.10. 09:00 CET"


def test_open_time_between_two_moments() -> None:
    hours = BusinessHours.parse("Europe/Berlin", {"fri": "09:00-17:00", "mon": "09:00-17:00"})
    friday, monday = datetime(2026, 3, 27, 15, tzinfo=UTC), datetime(2026, 3, 30, 8, tzinfo=UTC)
    # until 17:00 CET on Friday, and from 09:00 CEST on Monday: the clocks were put forward between
    assert hours.seconds_between(friday, monday) == 2 * 3600
    assert hours.seconds_between(monday, friday) == 0
    assert ALWAYS_OPEN.seconds_between(friday, monday) == 65 * 3600


def test_a_day_that_ends_at_midnight_and_never() -> None:
    hours = BusinessHours.parse("UTC", {"mon": "22:00-24:00", "tue": "00:00-06:00"})
    assert hours.is_open(at("2026-11-23 23:59"))
    assert hours.is_open(at("2026-11-24 00:00"))
    assert not hours.is_open(at("2026-11-24 06:00"))
    never = BusinessHours.parse("UTC", {"mon": ""})
    assert not never.is_open(at("2026-11-23 12:00"))
    assert never.next_opening(at("2026-11-23 12:00")) is None


@pytest.mark.parametrize(
    "text",
    ["9-17", "09:00-25:00", "17:00-09:00", "09:00-12:00, 11:00-13:00", "morning", "10:00-24:30"],
)
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        spans_of(text)
