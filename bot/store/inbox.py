"""What platforms brought: on disk before they are told so, worked on by one at a time, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import ConversationState, Message, MessageState, Reply, Role, Tag
from bot.delivery import (
    OPEN_FATES,
    Attachment,
    Fate,
    Incoming,
    Lease,
    Place,
    Post,
    Posting,
    Postponed,
    with_attached,
)
from bot.errors import LeaseLost
from bot.store.arrivals import EVER, store_arrivals
from bot.store.database import Database
from bot.store.line import at, in_line, is_at, ready_numbers, ready_rows
from bot.store.log import append, edit, set_tag, title_from
from bot.store.rows import (
    conversation_of,
    message_of,
    message_row,
    reply_row,
    utc_now,
)
from bot.store.schema import ConversationRow, InboxRow, MessageRow, OutboxRow, PlaceRow

DELETED = "deleted by the customer"
_NEVER_AGAIN = "~"
"""A revision that none comes after."""


class Inbox:
    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def take_in(self, *messages: Incoming) -> None:
        """On disk when this returns, all of them in one transaction; those that came before are
        left out."""
        async with self._database.writing(is_urgent=True) as session:
            await store_arrivals(session, messages, self._clock())

    async def edit(self, incoming: Incoming, *, is_addressed: bool) -> None:
        """Its text is another now. One that did not come yet is taken in as it will be, where it
        is addressed to us or comes later than what the place began with."""
        async with self._database.writing() as session:
            row = await _row(session, incoming.place.channel, incoming.event)
            if row is None:
                if is_addressed or await _began_before(session, incoming):
                    await store_arrivals(session, [incoming], self._clock())
                return
            if incoming.revision <= row.revision:
                return  # a later one came first
            row.revision = incoming.revision
            if (noted := await _noted(session, row)) is not None:
                await edit(session, noted.id, incoming.text)
            elif row.state in OPEN_FATES:
                row.text = incoming.text

    async def delete(self, incoming: Incoming) -> None:
        """The customer took it back: its text is kept nowhere, whether it was answered or not."""
        async with self._database.writing() as session:
            await store_arrivals(session, [incoming], self._clock())
            row = await _row(session, incoming.place.channel, incoming.event)
            assert row is not None
            if (noted := await _noted(session, row)) is not None:
                await edit(session, noted.id, "")
            row.text, row.attachments, row.revision = "", [], _NEVER_AGAIN
            if row.state in OPEN_FATES:
                self._end(row, Fate.REFUSED, DELETED)

    async def knows(self, place: Place) -> bool:
        """Whether a conversation takes place there."""
        return await self.conversation_at(place) is not None

    async def conversation_at(self, place: Place) -> str | None:
        """Its id."""
        query = select(PlaceRow.conversation_id).where(is_at(place))
        async with self._database.reading() as session:
            found: str | None = await session.scalar(query)
            return found

    async def place_of(self, channel: str, event: str) -> Place | None:
        """Where a message was taken in; None where none was."""
        query = select(PlaceRow).join(InboxRow, InboxRow.place_number == PlaceRow.number)
        query = query.where(InboxRow.channel == channel, InboxRow.event == event)
        async with self._database.reading() as session:
            row = await session.scalar(query)
            return None if row is None else Place(row.channel, row.key)

    async def lease(self, channel: str, *, limit: int, seconds: float) -> list[Lease]:
        """The next messages to work on, each the first of its conversation, for so long."""
        async with self._database.reading() as session:
            given = {"channel": channel, "most": limit, **at(self._clock())}
            numbers = (await session.scalars(ready_numbers(), given)).all()
        if not numbers:
            return []
        async with self._database.writing() as session:
            now = self._clock()  # not before the wait for the database
            given = {"channel": channel, "numbers": numbers, **at(now)}
            leases = []
            for row, place, conversation in await session.execute(ready_rows(), given):
                row.state, row.leased_until = Fate.LEASED, now + timedelta(seconds=seconds)
                row.fence, row.attempts = row.fence + 1, row.attempts + 1
                row.is_drafting = False
                leases.append(
                    Lease(
                        number=row.number,
                        fence=row.fence,
                        attempt=row.attempts,
                        failures=row.failures,
                        conversation=conversation_of(conversation),
                        place=Place(place.channel, place.key),
                        position=row.position,
                        customer=conversation.customer,
                        text=row.text,
                        message_id=row.message_id,
                        draft=row.draft,
                        attachments=tuple(Attachment(*one) for one in row.attachments),
                    )
                )
            return leases

    async def renew(self, leases: Iterable[Lease], *, seconds: float) -> None:
        async with self._database.writing() as session:
            until = self._clock() + timedelta(seconds=seconds)
            for lease in leases:
                await session.execute(
                    update(InboxRow).where(_holds(lease)).values(leased_until=until)
                )

    async def note(self, lease: Lease, attached: str = "", tag: Tag | None = None) -> Message:
        """Into the log, once, whatever was cut off; `attached` is what its attachments hold, `tag`
        what the whole is tagged with: left out where the customer edited it since. Raise
        LeaseLost."""
        async with self._database.writing() as session:
            row = await _held(session, lease)
            noted = await _noted(session, row)
            if noted is not None:
                return message_of(noted)
            if row.message_id is not None:  # the log was cleared meanwhile
                row.message_id = None
                self._end(row, Fate.REFUSED, DELETED)
                await session.commit()
                raise LeaseLost(f"message {lease.number} of the inbox was deleted")
            conversation = await _conversation(session, row)
            if conversation.state is ConversationState.CLOSED:
                conversation.state = ConversationState.OPEN
            text = with_attached(row.text, attached)
            said = message_row(conversation.id, Role.CUSTOMER, text, self._clock())
            said.state = MessageState.COMPLETE
            if tag is not None and row.text == lease.text:
                set_tag(said, conversation, tag)
            conversation.title = conversation.title or title_from(text)
            message = await append(session, conversation, said)
            row.message_id, row.text, row.attachments = message.id, "", []
            return message

    async def draft(self, lease: Lease, reference: str) -> bool:
        """A part of the reply may be shown now, until `drafted`; False where a person has the
        conversation. Raise LeaseLost, and Postponed where an earlier reply is not there yet: a
        draft that is looked for is the only one."""
        async with self._database.writing() as session:
            row = await _held(session, lease)
            conversation = await _conversation(session, row)
            if conversation.state is ConversationState.HANDED_OFF:
                return False
            if await session.scalar(_is_unsent(row.place_number)):
                raise Postponed("an earlier reply is on its way")
            row.draft, row.is_drafting = reference, True
            return True

    async def drafted(self, lease: Lease, reference: str) -> None:
        """It is shown; what the platform calls it. Raise LeaseLost."""
        async with self._database.writing() as session:
            row = await _held(session, lease)
            row.draft, row.is_drafting = reference, False

    async def line(self, channel: str, *, limit: int) -> list[tuple[Place, int]]:
        """The places whose turn has not come, the first first, each with how many messages come
        before its next."""
        query = in_line(channel).limit(limit)
        async with self._database.reading() as session:
            found = await session.execute(query)
            return [(Place(row.channel, row.key), place - 1) for row, place in found]

    async def record(
        self, lease: Lease, reply: Reply, then: ConversationState | None = None
    ) -> Message:
        """The reply, its way to the platform and the message's fate, all or nothing.

        Where a person has the conversation by now, the reply is kept as one that was stopped, and
        is not sent; one that failed or was cut off decides nothing. Raise LeaseLost.
        """
        async with self._database.writing() as session:
            row = await _held(session, lease)
            conversation = await _conversation(session, row)
            said = reply_row(conversation.id, Role.ASSISTANT, reply, self._clock())
            if reply.state is not MessageState.COMPLETE:
                return await append(session, conversation, said)
            if conversation.state is ConversationState.HANDED_OFF:
                said.state = MessageState.STOPPED
                self._end(row, Fate.HANDED_OFF, "a person took over while the reply was written")
                return await append(session, conversation, said)
            conversation.state = then or conversation.state
            message = await append(session, conversation, said)
            session.add(_reply_of(row, message.id))
            is_handed_off = conversation.state is ConversationState.HANDED_OFF
            if is_handed_off:
                session.add(outbox_row(row.channel, row.place_number, message.id, Post.ALERT))
            self._end(row, Fate.HANDED_OFF if is_handed_off else Fate.ANSWERED, reply.rule)
            return message

    async def end(self, lease: Lease, fate: Fate, reason: str) -> None:
        """Without a reply. Raise LeaseLost."""
        async with self._database.writing() as session:
            self._end(await _held(session, lease), fate, reason)

    async def give_up(self, lease: Lease, notice: Reply, reason: str) -> Message:
        """It failed as often as it may: the customer is told, and a person is called, but not
        where one has the conversation already. Raise LeaseLost."""
        async with self._database.writing() as session:
            row = await _held(session, lease)
            conversation = await _conversation(session, row)
            told = reply_row(conversation.id, Role.ASSISTANT, notice, self._clock())
            message = await append(session, conversation, told)
            if conversation.state is not ConversationState.HANDED_OFF:
                session.add(_reply_of(row, message.id))
                session.add(outbox_row(row.channel, row.place_number, message.id, Post.ALERT))
            conversation.state = ConversationState.HANDED_OFF
            self._end(row, Fate.FAILED, reason)
            return message

    async def postpone(
        self, lease: Lease, *, seconds: float, reason: str, counts: bool = True
    ) -> None:
        """It is tried again after so long. `counts`: as a failure of its own. Raise LeaseLost."""
        async with self._database.writing() as session:
            row = await _held(session, lease)
            row.failures += counts
            row.attempts -= not counts
            row.state, row.leased_until, row.reason = Fate.WAITING, None, reason
            row.not_before = self._clock() + timedelta(seconds=seconds)

    async def release(self, leases: Iterable[Lease]) -> None:
        """Unfinished, through no fault of theirs: somebody else may work on them at once."""
        async with self._database.writing() as session:
            for lease in leases:
                free = {"state": Fate.WAITING, "leased_until": None}
                await session.execute(
                    update(InboxRow)
                    .where(_holds(lease))
                    .values(**free, attempts=InboxRow.attempts - 1)
                )

    async def count(self, channel: str) -> dict[Fate, int]:
        """Of all fates, those that no message has left out."""
        query = select(InboxRow.state, func.count()).where(InboxRow.channel == channel)
        async with self._database.reading() as session:
            return dict(list(await session.execute(query.group_by(InboxRow.state))))

    def _end(self, row: InboxRow, fate: Fate, reason: str | None) -> None:
        row.state, row.reason, row.ended_at = fate, reason, self._clock()
        row.leased_until, row.text, row.attachments = None, "", []


def _is_unsent(place: int) -> Select[bool]:
    """Whether a reply to the place is on its way."""
    unsent = OutboxRow.state.in_((Posting.PENDING, Posting.SENDING))
    return select(
        exists().where(OutboxRow.place_number == place, unsent, OutboxRow.kind == Post.REPLY)
    )


def _reply_of(row: InboxRow, message_id: str) -> OutboxRow:
    reply = outbox_row(row.channel, row.place_number, message_id)
    reply.reference = row.draft or None
    return reply


def outbox_row(channel: str, place: int, message_id: str, kind: Post = Post.REPLY) -> OutboxRow:
    return OutboxRow(
        channel=channel,
        place_number=place,
        message_id=message_id,
        kind=kind,
        state=Posting.PENDING,
        not_before=EVER,
    )


async def _row(session: AsyncSession, channel: str, event: str) -> InboxRow | None:
    named = InboxRow.channel == channel, InboxRow.event == event
    found: InboxRow | None = await session.scalar(select(InboxRow).where(*named))
    return found


async def _noted(session: AsyncSession, row: InboxRow) -> MessageRow | None:
    """In the log."""
    if row.message_id is None:
        return None
    found: MessageRow | None = await session.scalar(
        select(MessageRow).where(MessageRow.id == row.message_id)
    )
    return found


async def _began_before(session: AsyncSession, incoming: Incoming) -> bool:
    query = select(func.min(InboxRow.position)).join(
        PlaceRow, PlaceRow.number == InboxRow.place_number
    )
    first = await session.scalar(query.where(is_at(incoming.place)))
    return first is not None and first < incoming.position


def _holds(lease: Lease) -> ColumnElement[bool]:
    return and_(
        InboxRow.number == lease.number,
        InboxRow.fence == lease.fence,
        InboxRow.state == Fate.LEASED,
    )


async def _held(session: AsyncSession, lease: Lease) -> InboxRow:
    row: InboxRow | None = await session.scalar(select(InboxRow).where(_holds(lease)))
    if row is None:
        raise LeaseLost(
            f"message {lease.number} of the inbox is no longer this worker's: another took it up, "
            "or it was deleted"
        )
    return row


async def _conversation(session: AsyncSession, row: InboxRow) -> ConversationRow:
    query = select(ConversationRow).join(PlaceRow, PlaceRow.conversation_id == ConversationRow.id)
    return (await session.scalars(query.where(PlaceRow.number == row.place_number))).one()
