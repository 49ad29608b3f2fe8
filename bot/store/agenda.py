"""What agents have before them: the conversations that are not closed, by need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from bot.conversation import Conversation, ConversationState, ReplyStatus, SentimentLabel
from bot.store.database import Database
from bot.store.rows import conversation_of
from bot.store.schema import ConversationRow, MessageRow

TRIALS = "ask"
"""The channel of `kefu ask`: nobody waits there. Reports tell of it only when asked to."""


class Need(IntEnum):
    """The smaller the more urgent."""

    WAITS = 0
    """For a person."""
    HELD = 1
    """An agent has it."""
    UNHAPPY = 2
    OPEN = 3


@dataclass(frozen=True, slots=True)
class AgendaItem:
    conversation: Conversation
    need: Need
    mood: SentimentLabel | None
    since: datetime
    """When the person was called for whom it waits; else when it was last spoken in."""


class Agenda:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def items(self, *, limit: int = 200, offset: int = 0) -> list[AgendaItem]:
        """Who has waited longest for a person comes first, else what was last spoken in."""
        need, since = _need(), _since()
        longest_wait = case((need == Need.WAITS, since))
        query = (
            select(ConversationRow, need, since)
            .where(_is_live())
            .order_by(need, longest_wait, ConversationRow.updated_at.desc(), ConversationRow.id)
            .limit(limit)
            .offset(offset)
        )
        async with self._database.reading() as session:
            return [
                AgendaItem(conversation_of(row), Need(found), row.mood, called)
                for row, found, called in await session.execute(query)
            ]

    async def waiting(self) -> set[str]:
        """The ids of all conversations that wait for a person."""
        query = select(ConversationRow.id).where(_waits())
        async with self._database.reading() as session:
            return set(await session.scalars(query))

    async def counts(self) -> dict[Need, int]:
        """Of all needs, those that no conversation has left out."""
        need = _need()
        query = select(need, func.count()).where(_is_live()).group_by(need)
        async with self._database.reading() as session:
            return {Need(found): count for found, count in await session.execute(query)}


def _need() -> ColumnElement[int]:
    is_called = ConversationRow.state == ConversationState.HANDED_OFF
    return case(
        (_waits(), int(Need.WAITS)),
        (is_called, int(Need.HELD)),
        (ConversationRow.mood == SentimentLabel.NEGATIVE, int(Need.UNHAPPY)),
        else_=int(Need.OPEN),
    )


def _waits() -> ColumnElement[bool]:
    is_called = ConversationRow.state == ConversationState.HANDED_OFF
    return and_(is_called, ConversationRow.agent == "")


def _since() -> ColumnElement[datetime]:
    """Whoever writes again while they wait does not lose their place by it."""
    called = (
        select(func.max(MessageRow.created_at))
        .where(MessageRow.conversation_id == ConversationRow.id)
        .where(MessageRow.status == ReplyStatus.HANDED_OFF)
        .scalar_subquery()
    )
    return case(
        (_waits(), func.coalesce(called, ConversationRow.updated_at)),
        else_=ConversationRow.updated_at,
    )


def _is_live() -> ColumnElement[bool]:
    is_called = ConversationRow.state == ConversationState.HANDED_OFF
    return and_(
        ConversationRow.state != ConversationState.CLOSED,
        or_(is_called, ConversationRow.channel != TRIALS),
    )
