"""Whose turn it is, as queries: one of a place at a time, in the platform's order, fair among
places."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from bot.delivery import OPEN_FATES, Fate, Place
from bot.store.columns import StoredText, UtcDateTime
from bot.store.schema import ConversationRow, InboxRow, PlaceRow

_ORDER = InboxRow.turn, InboxRow.number
_FAR = timedelta(minutes=35)
"""Longer than any pause or lease: what is further ahead was written by a clock that was wrong."""


_NOW, _THEN = bindparam("now", type_=UtcDateTime()), bindparam("far", type_=UtcDateTime())
CHANNEL = bindparam("channel", type_=StoredText())
MOST = bindparam("most", type_=Integer())
NUMBERS: BindParameter[int] = bindparam("numbers", expanding=True)
"""Of rows."""


def at(now: datetime) -> dict[str, datetime]:
    """What `has_come` and `has_run_out` are told."""
    return {"now": now, "far": now + _FAR}


def has_come(time: Any) -> ColumnElement[bool]:
    return or_(time <= _NOW, time > _THEN)


def has_run_out(until: Any) -> ColumnElement[bool]:
    """Of a lease."""
    return or_(until < _NOW, until > _THEN)


@cache
def ready_numbers() -> Select[int]:
    """Of `ready`, MOST at most. To make such a query costs as much as to run it."""
    return ready().with_only_columns(InboxRow.number).limit(MOST)


@cache
def ready_rows() -> Select[InboxRow, PlaceRow, ConversationRow]:
    """Those of NUMBERS that are still ready."""
    return ready().where(InboxRow.number.in_(NUMBERS))


def ready() -> Select[InboxRow, PlaceRow, ConversationRow]:
    """The first open message of each place of CHANNEL that nobody works on, by whose turn it is."""
    other = aliased(InboxRow)
    here = other.place_number == InboxRow.place_number
    is_leased = and_(other.state == Fate.LEASED, ~has_run_out(other.leased_until))
    is_worked_on = exists().where(here, is_leased)
    comes_before = or_(
        other.position < InboxRow.position,
        and_(other.position == InboxRow.position, other.number < InboxRow.number),
    )
    is_later = exists().where(here, other.state.in_(OPEN_FATES), comes_before)
    return (
        select(InboxRow, PlaceRow, ConversationRow)
        .join(PlaceRow, PlaceRow.number == InboxRow.place_number)
        .join(ConversationRow, ConversationRow.id == PlaceRow.conversation_id)
        .where(InboxRow.channel == CHANNEL, InboxRow.state.in_(OPEN_FATES))
        .where(has_come(InboxRow.not_before), ~is_worked_on, ~is_later)
        .order_by(*_ORDER)
    )


def in_line(channel: str) -> Select[PlaceRow, int]:
    """Places whose turn has not come, the first first, each with its number in line from 1 on."""
    waiting = (
        select(InboxRow.place_number, func.row_number().over(order_by=_ORDER).label("at"))
        .where(InboxRow.channel == channel, InboxRow.state == Fate.WAITING)
        .where(InboxRow.attempts == 0)
        .subquery()
    )
    first = func.min(waiting.c.at)
    return (
        select(PlaceRow, first)
        .join(waiting, waiting.c.place_number == PlaceRow.number)
        .group_by(PlaceRow.number)
        .order_by(first)
    )


def is_at(place: Place) -> ColumnElement[bool]:
    return and_(PlaceRow.channel == place.channel, PlaceRow.key == place.key)
