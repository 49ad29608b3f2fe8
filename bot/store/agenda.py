"""What agents have before them: the conversations that are not closed, by need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from bot.conversation import Conversation, ConversationState, SentimentLabel
from bot.store.database import Database
from bot.store.rows import conversation_of
from bot.store.schema import ConversationRow

_TRIALS = "ask"
"""The channel of `kefu ask`: nobody waits there."""


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


class Agenda:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def items(self, *, limit: int = 200, offset: int = 0) -> list[AgendaItem]:
        """Who has waited longest for a person comes first, else what was last spoken in."""
        need = _need()
        longest_wait = case((need == Need.WAITS, ConversationRow.updated_at))
        query = (
            select(ConversationRow, need)
            .where(_is_live())
            .order_by(need, longest_wait, ConversationRow.updated_at.desc(), ConversationRow.id)
            .limit(limit)
            .offset(offset)
        )
        async with self._database.reading() as session:
            return [
                AgendaItem(conversation_of(row), Need(found), row.mood)
                for row, found in await session.execute(query)
            ]

    async def counts(self) -> dict[Need, int]:
        """Of all needs, those that no conversation has left out."""
        need = _need()
        query = select(need, func.count()).where(_is_live()).group_by(need)
        async with self._database.reading() as session:
            return {Need(found): count for found, count in await session.execute(query)}


def _need() -> ColumnElement[int]:
    is_called = ConversationRow.state == ConversationState.HANDED_OFF
    return case(
        (and_(is_called, ConversationRow.agent == ""), int(Need.WAITS)),
        (is_called, int(Need.HELD)),
        (ConversationRow.mood == SentimentLabel.NEGATIVE, int(Need.UNHAPPY)),
        else_=int(Need.OPEN),
    )


def _is_live() -> ColumnElement[bool]:
    is_called = ConversationRow.state == ConversationState.HANDED_OFF
    return and_(
        ConversationRow.state != ConversationState.CLOSED,
        or_(is_called, ConversationRow.channel != _TRIALS),
    )
