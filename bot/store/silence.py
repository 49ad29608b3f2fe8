"""Who has a conversation, and what becomes of what the bot said there and nobody has posted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import MessageState, Role
from bot.delivery import Fate, Post, Posting
from bot.errors import HeldByAnother
from bot.store.schema import ConversationRow, InboxRow, MessageRow, OutboxRow, PlaceRow


def check_holder(conversation: ConversationRow, agent: str) -> None:
    """Raise HeldByAnother where it is another agent's."""
    if conversation.agent not in ("", agent):
        raise HeldByAnother(
            f"{conversation.agent} has this conversation; ask them to hand it back, or do it for "
            f"them: kefu conversations hand-back {conversation.id[-8:]}"
        )


def is_bots(conversation_id: str) -> ColumnElement[bool]:
    """Of rows of the outbox: what it says to the customer."""
    said = select(MessageRow.id).where(
        MessageRow.conversation_id == conversation_id, MessageRow.role == Role.ASSISTANT
    )
    return and_(OutboxRow.message_id.in_(said), OutboxRow.kind == Post.REPLY)


def is_drafted(conversation_id: str, now: datetime) -> ColumnElement[bool]:
    """Of rows of the inbox: a part of a reply is on its way at this moment."""
    place = select(PlaceRow.number).where(PlaceRow.conversation_id == conversation_id)
    is_worked_on = and_(InboxRow.state == Fate.LEASED, InboxRow.leased_until >= now)
    is_here = InboxRow.place_number.in_(place)
    return and_(is_here, is_worked_on, InboxRow.is_drafting)


async def withdraw(session: AsyncSession, row: OutboxRow) -> None:
    row.state, row.leased_until, row.fence = Posting.WITHDRAWN, None, row.fence + 1
    message = MessageRow.id == row.message_id
    await session.execute(update(MessageRow).where(message).values(state=MessageState.STOPPED))


async def withdraw_all(session: AsyncSession, conversation_id: str, now: datetime) -> None:
    """But what is being posted at this moment."""
    is_idle = or_(
        OutboxRow.state == Posting.PENDING,
        and_(OutboxRow.state == Posting.SENDING, OutboxRow.leased_until < now),
    )
    rows = await session.scalars(select(OutboxRow).where(is_bots(conversation_id), is_idle))
    for row in rows.all():
        await withdraw(session, row)
    await session.flush()
