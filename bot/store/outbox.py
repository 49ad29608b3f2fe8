"""What goes to platforms: each message once, in order, and none of the bot's after a takeover."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.conversation import ConversationState, Message, MessageState, Reply, Role
from bot.delivery import Outgoing, Place, Posting
from bot.errors import HeldByAnother
from bot.store.database import Database
from bot.store.inbox import outbox_row
from bot.store.log import append, conversation_row_of
from bot.store.rows import message_of, reply_row, utc_now
from bot.store.schema import ConversationRow, MessageRow, OutboxRow, PlaceRow

_UNSENT = (Posting.PENDING, Posting.SENDING)


class Outbox:
    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def lease(self, channel: str, *, limit: int, seconds: float) -> list[Outgoing]:
        """The next to be posted, the first of each place, for so long."""
        now = self._clock()
        query = _ready(channel, now).limit(limit)
        async with self._database.reading() as session:
            if not (await session.scalars(query)).first():
                return []
        async with self._database.writing() as session:
            leased = []
            for row, place, message in await session.execute(query):
                row.may_have_landed |= row.state is Posting.SENDING  # whoever sent it was cut off
                row.state, row.leased_until = Posting.SENDING, now + timedelta(seconds=seconds)
                row.fence, row.attempts = row.fence + 1, row.attempts + 1
                leased.append(
                    Outgoing(
                        number=row.number,
                        fence=row.fence,
                        attempt=row.attempts,
                        place=Place(place.channel, place.key),
                        message=message_of(message),
                        may_have_landed=row.may_have_landed,
                    )
                )
            return leased

    async def sent(self, outgoing: Outgoing, reference: str) -> None:
        """`reference` is what the platform calls it. Nothing, where another took it up."""
        await self._close(outgoing, state=Posting.SENT, reference=reference)

    async def gave_up(self, outgoing: Outgoing, reason: str) -> None:
        await self._close(outgoing, state=Posting.GAVE_UP, reason=reason)

    async def postpone(
        self, outgoing: Outgoing, *, seconds: float, reason: str, landed: bool = False
    ) -> None:
        """`landed`: it may be there all the same. Withdrawn, where an agent took over meanwhile."""
        query = select(OutboxRow, ConversationRow.agent).where(*_mine(outgoing))
        query = query.join(PlaceRow, PlaceRow.number == OutboxRow.place_number)
        query = query.join(ConversationRow, ConversationRow.id == PlaceRow.conversation_id)
        async with self._database.writing() as session:
            for row, agent in await session.execute(query):
                row.state, row.leased_until, row.reason = Posting.PENDING, None, reason
                row.not_before = self._clock() + timedelta(seconds=seconds)
                row.may_have_landed |= landed
                if agent and outgoing.message.role is Role.ASSISTANT:
                    await _withdraw(session, row)

    async def post(
        self, conversation_id: str, reply: Reply, *, role: Role, agent: str = ""
    ) -> Message:
        """Into the log and, where the conversation has a place, on its way there. Raise
        HeldByAnother where it is not this agent's."""
        async with self._database.writing() as session:
            conversation = await conversation_row_of(session, conversation_id)
            _check_holder(conversation, agent)
            said = reply_row(conversation_id, role, reply, self._clock())
            message = await append(session, conversation, said)
            place = await session.scalar(
                select(PlaceRow).where(PlaceRow.conversation_id == conversation_id)
            )
            if place is not None:
                session.add(outbox_row(place.channel, place.number, message.id, self._clock()))
            return message

    async def take_over(self, conversation_id: str, agent: str) -> int:
        """From now on nothing of the bot's is recorded or begun to be sent; what waited is
        withdrawn. How many are being sent at this moment: the takeover is confirmed when that,
        asked again, is 0. Raise HeldByAnother."""
        now = self._clock()
        async with self._database.writing() as session:
            conversation = await conversation_row_of(session, conversation_id)
            _check_holder(conversation, agent)
            conversation.state, conversation.agent = ConversationState.HANDED_OFF, agent
            conversation.updated_at = now
            is_over = or_(
                OutboxRow.state == Posting.PENDING,
                and_(OutboxRow.state == Posting.SENDING, OutboxRow.leased_until < now),
            )
            withdrawn = (
                await session.scalars(select(OutboxRow).where(_bots(conversation_id), is_over))
            ).all()
            for row in withdrawn:
                await _withdraw(session, row)
            await session.flush()
            in_flight = OutboxRow.state == Posting.SENDING
            query = select(func.count()).where(_bots(conversation_id), in_flight)
            return await session.scalar(query) or 0

    async def count(self, channel: str) -> dict[Posting, int]:
        query = select(OutboxRow.state, func.count()).where(OutboxRow.channel == channel)
        async with self._database.reading() as session:
            return dict(list(await session.execute(query.group_by(OutboxRow.state))))

    async def _close(self, outgoing: Outgoing, **values: object) -> None:
        closed = update(OutboxRow).where(*_mine(outgoing)).values(leased_until=None, **values)
        async with self._database.writing() as session:
            await session.execute(closed)


def _check_holder(conversation: ConversationRow, agent: str) -> None:
    if conversation.agent not in ("", agent):
        raise HeldByAnother(f"{conversation.agent} has this conversation; ask them, or wait")


async def _withdraw(session: AsyncSession, row: OutboxRow) -> None:
    row.state, row.leased_until, row.fence = Posting.WITHDRAWN, None, row.fence + 1
    message = MessageRow.id == row.message_id
    await session.execute(update(MessageRow).where(message).values(state=MessageState.STOPPED))


def _mine(outgoing: Outgoing) -> tuple[ColumnElement[bool], ...]:
    return (
        OutboxRow.number == outgoing.number,
        OutboxRow.fence == outgoing.fence,
        OutboxRow.state == Posting.SENDING,
    )


def _ready(channel: str, now: datetime) -> Select[OutboxRow, PlaceRow, MessageRow]:
    """The first unsent message of each place, unless it is being sent."""
    other = aliased(OutboxRow)
    here = other.place_number == OutboxRow.place_number
    is_later = exists().where(here, other.state.in_(_UNSENT), other.number < OutboxRow.number)
    is_free = or_(OutboxRow.state == Posting.PENDING, OutboxRow.leased_until < now)
    is_silenced = and_(ConversationRow.agent != "", MessageRow.role == Role.ASSISTANT)
    return (
        select(OutboxRow, PlaceRow, MessageRow)
        .join(PlaceRow, PlaceRow.number == OutboxRow.place_number)
        .join(MessageRow, MessageRow.id == OutboxRow.message_id)
        .join(ConversationRow, ConversationRow.id == PlaceRow.conversation_id)
        .where(OutboxRow.channel == channel, OutboxRow.state.in_(_UNSENT))
        .where(OutboxRow.not_before <= now, is_free, ~is_later, ~is_silenced)
        .order_by(OutboxRow.number)
    )


def _bots(conversation_id: str) -> ColumnElement[bool]:
    """Rows of what the bot says there."""
    said = select(MessageRow.id).where(
        MessageRow.conversation_id == conversation_id, MessageRow.role == Role.ASSISTANT
    )
    return OutboxRow.message_id.in_(said)
