"""Column types: what may be stored, and what comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum, StrEnum

from sqlalchemy import DateTime, Dialect, Text, TypeDecorator
from sqlalchemy import Enum as EnumColumn


def storable(text: str) -> str:
    """Without NUL bytes, which end a text in SQLite, and U+FFFD for what UTF-8 cannot hold."""
    text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates; pairs of them become the character they stand for
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class StoredText(TypeDecorator[str]):
    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else storable(value)


class UtcDateTime(TypeDecorator[datetime]):
    """Takes aware times only; gives UTC. SQLite keeps no time zone, so it is put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time needs its time zone: {value}")
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _values(members: type[Enum]) -> list[str]:
    return [str(member.value) for member in members]


def enum_column(members: type[StrEnum]) -> EnumColumn:
    """Kept as its value, in plain text, so that a new member needs no migration."""
    return EnumColumn(members, native_enum=False, length=20, values_callable=_values)
