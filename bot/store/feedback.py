"""What customers think of replies: the last word of each customer on each reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Role
from bot.errors import UnknownMessage
from bot.store.database import Database
from bot.store.log import forget_digest, message_row_of
from bot.store.rows import utc_now
from bot.store.schema import FeedbackRow, MessageRow

LONGEST_REMARK = 2_000


@dataclass(frozen=True, slots=True)
class Feedback:
    message: str
    """The id of the reply."""
    customer: str
    helpful: bool
    remark: str
    given_at: datetime
    """UTC."""


class FeedbackStore:
    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def give(
        self,
        message_id: str,
        customer: str,
        *,
        helpful: bool,
        remark: str = "",
        reference: str = "",
    ) -> None:
        """In place of what this customer gave before. `reference` is what the platform calls it.
        Raise UnknownMessage where there is no such reply."""
        async with self._database.writing() as session:
            message = await message_row_of(session, message_id)
            if message.role is Role.CUSTOMER:
                raise UnknownMessage(f"message {message_id!r} is a customer's, not a reply")
            await forget_digest(session, message.conversation_id)
            await session.execute(delete(FeedbackRow).where(*_by(message_id, customer)))
            session.add(
                FeedbackRow(
                    message_id=message_id,
                    customer=customer,
                    helpful=helpful,
                    remark=remark[:LONGEST_REMARK],
                    reference=reference,
                    given_at=self._clock(),
                )
            )

    async def take_back(self, message_id: str, customer: str) -> None:
        async with self._database.writing() as session:
            await _take_back(session, *_by(message_id, customer))

    async def take_back_at(self, reference: str) -> None:
        """Nothing, where the customer has given another since."""
        async with self._database.writing() as session:
            await _take_back(session, FeedbackRow.reference == reference)

    async def of(self, message_ids: Sequence[str]) -> list[Feedback]:
        """Oldest first."""
        query = select(FeedbackRow).where(FeedbackRow.message_id.in_(message_ids))
        async with self._database.reading() as session:
            return [_feedback(row) for row in await session.scalars(_oldest_first(query))]

    async def in_conversation(self, conversation_id: str) -> list[Feedback]:
        """On any of its replies, oldest first."""
        query = select(FeedbackRow).join(MessageRow, MessageRow.id == FeedbackRow.message_id)
        query = query.where(MessageRow.conversation_id == conversation_id)
        async with self._database.reading() as session:
            return [_feedback(row) for row in await session.scalars(_oldest_first(query))]


async def _take_back(session: AsyncSession, *which: ColumnElement[bool]) -> None:
    gone = delete(FeedbackRow).where(*which).returning(FeedbackRow.message_id)
    for message_id in (await session.scalars(gone)).all():
        message = await message_row_of(session, message_id)
        await forget_digest(session, message.conversation_id)


def _by(message_id: str, customer: str) -> tuple[ColumnElement[bool], ...]:
    return FeedbackRow.message_id == message_id, FeedbackRow.customer == customer


def _oldest_first(query: Select[FeedbackRow]) -> Select[FeedbackRow]:
    return query.order_by(FeedbackRow.number)


def _feedback(row: FeedbackRow) -> Feedback:
    return Feedback(row.message_id, row.customer, row.helpful, row.remark, row.given_at)
