"""What goes to platforms: each message once, in order, and none of the bot's after a takeover."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from bot.conversation import ConversationState, Message, Reply, Role
from bot.delivery import Outgoing, Place, Post, Posting
from bot.store.database import Database
from bot.store.inbox import outbox_row
from bot.store.line import CHANNEL, MOST, NUMBERS, at, has_come, has_run_out
from bot.store.log import append, conversation_row_of
from bot.store.rows import message_of, reply_row, utc_now
from bot.store.schema import ConversationRow, MessageRow, OutboxRow, PlaceRow
from bot.store.silence import check_holder, is_bots, is_drafted, withdraw, withdraw_all

_UNSENT = (Posting.PENDING, Posting.SENDING)


class Outbox:
    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def lease(self, channel: str, *, limit: int, seconds: float) -> list[Outgoing]:
        """The next to be posted, the first of each place, for so long."""
        async with self._database.reading() as session:
            given = {"channel": channel, "most": limit, **at(self._clock())}
            numbers = (await session.scalars(_ready_numbers(), given)).all()
        if not numbers:
            return []
        async with self._database.writing() as session:
            now = self._clock()  # not before the wait for the database
            given = {"channel": channel, "numbers": numbers, **at(now)}
            leased = []
            for row, place, message in await session.execute(_ready_rows(), given):
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
                        kind=row.kind,
                        draft=row.reference or "",
                    )
                )
            return leased

    async def sent(self, *posted: tuple[Outgoing, str]) -> None:
        """Each with what the platform calls it. Nothing, where another took it up."""
        async with self._database.writing() as session:
            for outgoing, reference in posted:
                values = {"state": Posting.SENT, "reference": reference, "leased_until": None}
                await session.execute(update(OutboxRow).where(*_mine(outgoing)).values(**values))

    async def gave_up(self, outgoing: Outgoing, reason: str) -> None:
        """Where it was for the customer, a person is called."""
        lost = update(ConversationRow).where(
            ConversationRow.id == outgoing.message.conversation,
            ConversationRow.state == ConversationState.OPEN,
        )
        async with self._database.writing() as session:
            values = {"state": Posting.GAVE_UP, "reason": reason, "leased_until": None}
            closed = update(OutboxRow).where(*_mine(outgoing)).values(**values)
            row = (await session.scalars(closed.returning(OutboxRow))).first()
            if row is None or row.kind is not Post.REPLY:
                return
            handed = lost.values(state=ConversationState.HANDED_OFF).returning(ConversationRow.id)
            if (await session.scalars(handed)).first() is not None:
                session.add(outbox_row(row.channel, row.place_number, row.message_id, Post.ALERT))

    async def postpone(
        self,
        outgoing: Outgoing,
        *,
        seconds: float,
        reason: str,
        landed: bool = False,
        counts: bool = True,
    ) -> None:
        """`landed`: it may be there all the same; `counts`: as an attempt. Withdrawn, where an
        agent took over meanwhile."""
        query = select(OutboxRow, ConversationRow.agent).where(*_mine(outgoing))
        query = query.join(PlaceRow, PlaceRow.number == OutboxRow.place_number)
        query = query.join(ConversationRow, ConversationRow.id == PlaceRow.conversation_id)
        async with self._database.writing() as session:
            for row, agent in await session.execute(query):
                row.state, row.leased_until, row.reason = Posting.PENDING, None, reason
                row.not_before = self._clock() + timedelta(seconds=seconds)
                row.may_have_landed |= landed
                row.attempts -= not counts
                is_bots = outgoing.message.role is Role.ASSISTANT and row.kind is Post.REPLY
                if agent and is_bots:
                    await withdraw(session, row)

    async def post(
        self, conversation_id: str, reply: Reply, *, role: Role, agent: str = ""
    ) -> Message:
        """Into the log and, where the conversation has a place, on its way there. Raise
        HeldByAnother where it is not this agent's."""
        async with self._database.writing() as session:
            conversation = await conversation_row_of(session, conversation_id)
            check_holder(conversation, agent)
            said = reply_row(conversation_id, role, reply, self._clock())
            message = await append(session, conversation, said)
            place = await session.scalar(
                select(PlaceRow).where(PlaceRow.conversation_id == conversation_id)
            )
            if place is not None:
                session.add(outbox_row(place.channel, place.number, message.id))
            return message

    async def take_over(self, conversation_id: str, agent: str) -> int:
        """From now on nothing of the bot's is recorded or begun to be sent; what waited is
        withdrawn. How many are being sent at this moment: the takeover is confirmed when that,
        asked again, is 0. Raise HeldByAnother."""
        async with self._database.writing() as session:
            now = self._clock()
            conversation = await conversation_row_of(session, conversation_id)
            check_holder(conversation, agent)
            conversation.state, conversation.agent = ConversationState.HANDED_OFF, agent
            conversation.updated_at = now
            await withdraw_all(session, conversation_id, now)
            in_flight = OutboxRow.state == Posting.SENDING
            query = select(func.count()).where(is_bots(conversation_id), in_flight)
            drafts = select(func.count()).where(is_drafted(conversation_id, now))
            return (await session.scalar(query) or 0) + (await session.scalar(drafts) or 0)

    async def message_at(self, channel: str, reference: str) -> Message | None:
        """The reply that the platform calls so."""
        query = select(MessageRow).join(OutboxRow, OutboxRow.message_id == MessageRow.id)
        query = query.where(OutboxRow.channel == channel, OutboxRow.reference == reference)
        async with self._database.reading() as session:
            row = await session.scalar(query.where(OutboxRow.kind == Post.REPLY).limit(1))
            return None if row is None else message_of(row)

    async def place_of(self, message_id: str) -> Place | None:
        """Where a reply went."""
        query = select(PlaceRow).join(OutboxRow, OutboxRow.place_number == PlaceRow.number)
        query = query.where(OutboxRow.message_id == message_id).limit(1)
        async with self._database.reading() as session:
            row = await session.scalar(query)
            return None if row is None else Place(row.channel, row.key)

    async def count(self, channel: str, kind: Post = Post.REPLY) -> dict[Posting, int]:
        of_it = OutboxRow.channel == channel, OutboxRow.kind == kind
        query = select(OutboxRow.state, func.count()).where(*of_it)
        async with self._database.reading() as session:
            return dict(list(await session.execute(query.group_by(OutboxRow.state))))


def _mine(outgoing: Outgoing) -> tuple[ColumnElement[bool], ...]:
    return (
        OutboxRow.number == outgoing.number,
        OutboxRow.fence == outgoing.fence,
        OutboxRow.state == Posting.SENDING,
    )


@cache
def _ready_numbers() -> Select[int]:
    return _ready().with_only_columns(OutboxRow.number).limit(MOST)


@cache
def _ready_rows() -> Select[OutboxRow, PlaceRow, MessageRow]:
    return _ready().where(OutboxRow.number.in_(NUMBERS))


def _ready() -> Select[OutboxRow, PlaceRow, MessageRow]:
    """The first unsent message of each place of CHANNEL, unless it is being sent."""
    other, others_message = aliased(OutboxRow), aliased(MessageRow)
    is_held = ConversationRow.agent != ""
    is_reply = OutboxRow.kind == Post.REPLY
    is_silenced = and_(is_held, MessageRow.role == Role.ASSISTANT, is_reply)
    is_over = and_(  # a takeover that was broken off has not withdrawn it
        is_held,
        others_message.role == Role.ASSISTANT,
        or_(other.state == Posting.PENDING, has_run_out(other.leased_until)),
    )
    is_later = (
        exists(other.number)
        .where(others_message.id == other.message_id)
        .where(other.place_number == OutboxRow.place_number, other.state.in_(_UNSENT))
        .where(other.number < OutboxRow.number, other.kind == OutboxRow.kind, ~is_over)
    )
    is_free = or_(OutboxRow.state == Posting.PENDING, has_run_out(OutboxRow.leased_until))
    return (
        select(OutboxRow, PlaceRow, MessageRow)
        .join(PlaceRow, PlaceRow.number == OutboxRow.place_number)
        .join(MessageRow, MessageRow.id == OutboxRow.message_id)
        .join(ConversationRow, ConversationRow.id == PlaceRow.conversation_id)
        .where(OutboxRow.channel == CHANNEL, OutboxRow.state.in_(_UNSENT))
        .where(has_come(OutboxRow.not_before), is_free, ~is_later, ~is_silenced)
        .order_by(OutboxRow.number)
    )
