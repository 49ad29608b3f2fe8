from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.text import printable
from tui.text import age, duration, one_line, waited

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tab\tand\nnewline stay", "tab\tand\nnewline stay"),
        ("\x1b[2Jcleared\x07", "[2Jcleared"),
        ("C1: \x9b31m\x90", "C1: 31m"),
        ("nul\x00 \x7fdelete", "nul delete"),
        ("dos\r\nline, bare\rreturn", "dos\nline, barereturn"),
        ("turned \u202eround\u2066", "turned round"),
        ("line\u2028separator", "line\nseparator"),
        ("half \ud83d a pair", "half  a pair"),
        ("👩\u200d👩\u200d👧 مرحبا 你好 [b]", "👩\u200d👩\u200d👧 مرحبا 你好 [b]"),
    ],
)
def test_only_what_a_terminal_shows_is_left(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_one_line_is_cut_with_a_mark() -> None:
    assert one_line("  two\n lines ") == "two lines"
    assert one_line("abcdef", 4) == "abc…"


@pytest.mark.parametrize(
    ("ago", "says"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=59), "59m"),
        (timedelta(hours=23), "23h"),
        (timedelta(days=6), "6d"),
        (timedelta(days=30), "31 Jan"),
        (timedelta(days=200), "Aug 2025"),
    ],
)
def test_age(ago: timedelta, says: str) -> None:
    assert age(NOW - ago, NOW) == says


def test_duration() -> None:
    assert duration(412.4) == "412 ms"
    assert duration(1840) == "1.8 s"


@pytest.mark.parametrize(
    ("since", "says"),
    [
        (timedelta(seconds=-5), "<1m"),
        (timedelta(seconds=59), "<1m"),
        (timedelta(minutes=5), "5m"),
        (timedelta(hours=3), "3h"),
        (timedelta(hours=3, minutes=20), "3h 20m"),
        (timedelta(days=2, hours=3), "2d"),
        (timedelta(days=400), "400d"),
    ],
)
def test_waited(since: timedelta, says: str) -> None:
    assert waited(NOW - since, NOW) == says
