from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import sqlite

from bot.store.columns import StoredText, UtcDateTime, storable

DIALECT = sqlite.dialect()


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("plain", "plain"),
        ("a\0b\0", "ab"),
        ("lone \ud83d here", "lone \ufffd here"),
        ("a pair \ud83d\ude00", "a pair 😀"),
        ("\x1b[31m [bold] 😡 مرحبا", "\x1b[31m [bold] 😡 مرحبا"),
    ],
)
def test_text_is_kept_but_for_what_cannot_be_stored(given: str, stored: str) -> None:
    assert storable(given) == stored
    assert StoredText().process_bind_param(given, DIALECT) == stored


def test_times_go_in_with_their_zone_and_come_out_as_utc() -> None:
    noon_in_shanghai = datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=8)))
    column = UtcDateTime()

    stored = column.process_bind_param(noon_in_shanghai, DIALECT)
    assert stored == datetime(2026, 5, 1, 4, tzinfo=UTC)
    assert stored is not None
    assert stored.tzinfo is UTC

    naive = stored.replace(tzinfo=None)
    assert column.process_result_value(naive, DIALECT) == noon_in_shanghai


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs its time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 5, 1), DIALECT)  # noqa: DTZ001


def test_null_stays_null() -> None:
    assert StoredText().process_bind_param(None, DIALECT) is None
    assert UtcDateTime().process_bind_param(None, DIALECT) is None
    assert UtcDateTime().process_result_value(None, DIALECT) is None
