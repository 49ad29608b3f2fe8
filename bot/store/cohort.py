"""The conversations that were started in a period, as reports read them: a few queries for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.dialects.sqlite import insert

from bot.conversation import Message
from bot.store.agenda import TRIALS
from bot.store.database import Database
from bot.store.rows import message_of
from bot.store.schema import (
    ConversationRow,
    DigestEditRow,
    DigestRow,
    FeedbackRow,
    MessageRow,
    MessageVectorRow,
    RatingRow,
)

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Period:
    since: datetime
    until: datetime
    """The first moment that is no longer in it."""
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A conversation of the period."""

    id: str
    channel: str
    customer: str
    title: str
    at: datetime
    last: int
    """The number of its last message."""
    messages: int
    tagged: int
    """Messages with a sentiment."""
    revision: int
    """Greater whenever something that was said is another now."""
    fingerprint: str | None
    """Of what its digest was made from; None where it has none."""


@dataclass(frozen=True, slots=True)
class Opinion:
    conversation: str
    helpful: bool
    remark: str


@dataclass(frozen=True, slots=True)
class Rated:
    conversation: str
    score: int
    remark: str


@dataclass(frozen=True, slots=True)
class Encoded:
    message: str
    revision: int
    """Of its conversation when it was read."""
    vector: bytes
    """Little-endian float32, unit length."""


class CohortStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def started(self, period: Period) -> list[Started]:
        """Oldest first; those without a message are left out."""
        query = (
            select(
                ConversationRow.id,
                ConversationRow.channel,
                ConversationRow.customer,
                ConversationRow.title,
                ConversationRow.created_at,
                func.max(MessageRow.number),
                func.count(MessageRow.number),
                func.count(MessageRow.sentiment_label),
                ConversationRow.revision,
                DigestRow.fingerprint,
            )
            .join(MessageRow, MessageRow.conversation_id == ConversationRow.id)
            .outerjoin(DigestRow, DigestRow.conversation_id == ConversationRow.id)
            .where(_in(period))
            .group_by(ConversationRow.id)
            .order_by(ConversationRow.created_at, ConversationRow.id)
        )
        async with self._database.reading() as session:
            rows: list[tuple[Any, ...]] = [tuple(row) for row in await session.execute(query)]
            return [Started(*row) for row in rows]

    async def trials(self, period: Period) -> int:
        """Conversations of `kefu ask` that the period leaves out."""
        if period.channel is not None:
            return 0
        whose = Period(period.since, period.until, TRIALS)
        query = select(func.count(ConversationRow.id)).where(_in(whose))
        async with self._database.reading() as session:
            return await session.scalar(query) or 0

    async def channels(self) -> list[str]:
        async with self._database.reading() as session:
            return sorted(await session.scalars(select(ConversationRow.channel).distinct()))

    async def bounds(self) -> tuple[datetime, datetime] | None:
        """When the first and the last conversation of all were started."""
        query = select(func.min(ConversationRow.created_at), func.max(ConversationRow.created_at))
        query = query.where(ConversationRow.channel != TRIALS)
        async with self._database.reading() as session:
            first, last = (await session.execute(query)).one()
            return None if first is None else (first, last)

    async def messages(self, ids: Sequence[str]) -> dict[str, list[Message]]:
        """Of some conversations, oldest first."""
        found: dict[str, list[Message]] = defaultdict(list)
        query = select(MessageRow).order_by(MessageRow.number)
        async with self._database.reading() as session:
            for some in _parts(ids):
                rows = await session.scalars(query.where(MessageRow.conversation_id.in_(some)))
                for row in rows:
                    found[row.conversation_id].append(message_of(row))
                session.expunge_all()
        return found

    async def digests(self, period: Period) -> dict[str, str]:
        """The JSON of each, by conversation."""
        query = _of(period, select(DigestRow.conversation_id, DigestRow.body), DigestRow)
        async with self._database.reading() as session:
            return dict(list(await session.execute(query)))

    async def edits(self, period: Period) -> dict[str, dict[str, str]]:
        """What people have written in digests: texts by field, by conversation."""
        columns = DigestEditRow.conversation_id, DigestEditRow.field, DigestEditRow.text
        found: dict[str, dict[str, str]] = defaultdict(dict)
        async with self._database.reading() as session:
            for talk, field, text in await session.execute(
                _of(period, select(*columns), DigestEditRow)
            ):
                found[talk][field] = text
        return found

    async def ratings(self, period: Period) -> list[Rated]:
        query = (
            select(RatingRow.conversation_id, RatingRow.score, RatingRow.remark)
            .join(ConversationRow, ConversationRow.id == RatingRow.conversation_id)
            .where(_in(period))
            .order_by(RatingRow.given_at)
        )
        async with self._database.reading() as session:
            return [Rated(*row) for row in await session.execute(query)]

    async def opinions(self, period: Period) -> list[Opinion]:
        query = (
            select(MessageRow.conversation_id, FeedbackRow.helpful, FeedbackRow.remark)
            .join(MessageRow, MessageRow.id == FeedbackRow.message_id)
            .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
            .where(_in(period))
            .order_by(FeedbackRow.number)
        )
        async with self._database.reading() as session:
            return [Opinion(*row) for row in await session.execute(query)]

    async def unhelpful(self, ids: Sequence[str]) -> dict[str, set[str]]:
        """The replies that customers marked so, by conversation."""
        found: dict[str, set[str]] = defaultdict(set)
        query = (
            select(MessageRow.conversation_id, MessageRow.id)
            .join(FeedbackRow, FeedbackRow.message_id == MessageRow.id)
            .where(FeedbackRow.helpful.is_(False))
        )
        async with self._database.reading() as session:
            for some in _parts(ids):
                for talk, message in await session.execute(
                    query.where(MessageRow.conversation_id.in_(some))
                ):
                    found[talk].add(message)
        return found

    async def vectors(self, period: Period, encoder: str) -> dict[str, bytes]:
        """Little-endian float32, unit length, by the id of the message."""
        query = (
            select(MessageRow.id, MessageVectorRow.vector)
            .join(MessageVectorRow, MessageVectorRow.message_number == MessageRow.number)
            .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
            .where(_in(period), MessageVectorRow.encoder == encoder)
        )
        async with self._database.reading() as session:
            return dict(list(await session.execute(query)))

    async def keep_vectors(self, encoder: str, some: Sequence[Encoded]) -> None:
        """Of messages that were deleted or whose conversation is another meanwhile, none is
        kept."""
        by_id = {one.message: one for one in some}
        query = select(MessageRow.id, MessageRow.number, ConversationRow.revision).join(
            ConversationRow, ConversationRow.id == MessageRow.conversation_id
        )
        given = insert(MessageVectorRow)
        change = {"encoder": given.excluded.encoder, "vector": given.excluded.vector}
        upsert = given.on_conflict_do_update(index_elements=["message_number"], set_=change)
        async with self._database.writing() as session:
            for ids in _parts(list(by_id)):
                rows = [
                    {"message_number": number, "encoder": encoder, "vector": by_id[message].vector}
                    for message, number, revision in await session.execute(
                        query.where(MessageRow.id.in_(ids))
                    )
                    if by_id[message].revision == revision
                ]
                if rows:
                    await session.execute(upsert, rows)

    async def visits(self, period: Period) -> dict[tuple[str, str], list[datetime]]:
        """When each known customer of a channel started a conversation, oldest first."""
        columns = ConversationRow.channel, ConversationRow.customer, ConversationRow.created_at
        found: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        query = select(*columns).where(_in(period), ConversationRow.customer != "")
        async with self._database.reading() as session:
            for channel, customer, at in await session.execute(
                query.order_by(ConversationRow.created_at)
            ):
                found[channel, customer].append(at)
        return found


def _in(period: Period) -> ColumnElement[bool]:
    channel = (
        ConversationRow.channel != TRIALS
        if period.channel is None
        else ConversationRow.channel == period.channel
    )
    return and_(
        ConversationRow.created_at >= period.since,
        ConversationRow.created_at < period.until,
        channel,
    )


def _of(
    period: Period,
    query: Select[*tuple[str, ...]],
    table: type[DigestRow | DigestEditRow],
) -> Select[*tuple[str, ...]]:
    return query.join(ConversationRow, ConversationRow.id == table.conversation_id).where(
        _in(period)
    )


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
