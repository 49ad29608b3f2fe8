"""How things stand, counted in the database: what is going on now, and what was since a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, distinct, func, select

from bot.conversation import SMALL_TALK, ConversationState, ReplyStatus, Role, SentimentLabel
from bot.delivery import OPEN_FATES
from bot.store.database import Database
from bot.store.schema import ConversationRow, FeedbackRow, InboxRow, MessageRow, PlaceRow


@dataclass(frozen=True, slots=True)
class Now:
    unanswered: int
    """Messages that are waited for or worked on."""
    waiting: int
    """Conversations that wait for a person."""
    held: int
    """Those that an agent has."""


@dataclass(frozen=True, slots=True)
class Since:
    conversations: int
    """In which a customer wrote."""
    messages: int
    """Of customers."""
    moods: Mapping[SentimentLabel, int]
    replies: Mapping[ReplyStatus, int]
    """Of the bot, small talk left out."""
    helpful: int
    unhelpful: int


class Figures:
    """Of one channel and, where `customers` is given, of those alone whose name begins so."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self, channel: str, customers: str = "") -> Now:
        ours = _ours(channel, customers)
        query = (
            select(func.count())
            .select_from(InboxRow)
            .join(PlaceRow, PlaceRow.number == InboxRow.place_number)
            .join(ConversationRow, ConversationRow.id == PlaceRow.conversation_id)
            .where(ours, InboxRow.state.in_(OPEN_FATES))
        )
        is_called = and_(ours, ConversationRow.state == ConversationState.HANDED_OFF)
        held = func.count().filter(ConversationRow.agent != "")
        calls = select(func.count(), held).select_from(ConversationRow).where(is_called)
        async with self._database.reading() as session:
            unanswered = await session.scalar(query) or 0
            called, has_agent = (await session.execute(calls)).one()
            return Now(unanswered, called - has_agent, has_agent)

    async def since(self, at: datetime, channel: str, customers: str = "") -> Since:
        here = and_(_ours(channel, customers), MessageRow.created_at >= at)
        said = and_(here, MessageRow.role == Role.CUSTOMER)
        replied = and_(here, MessageRow.role == Role.ASSISTANT)
        is_talk = func.coalesce(MessageRow.rule, "") == SMALL_TALK
        counts = _of_messages(func.count(distinct(MessageRow.conversation_id)), func.count())
        moods = _of_messages(MessageRow.sentiment_label, func.count())
        statuses = _of_messages(MessageRow.status, func.count())
        given = _of_messages(FeedbackRow.helpful, func.count()).join(
            FeedbackRow, FeedbackRow.message_id == MessageRow.id
        )
        async with self._database.reading() as session:
            talks, messages = (await session.execute(counts.where(said))).one()
            by_mood = moods.where(said, MessageRow.sentiment_label.is_not(None))
            by_status = statuses.where(replied, ~is_talk, MessageRow.status.is_not(None))
            by_help = given.where(here)
            helpful = dict(list(await session.execute(by_help.group_by(FeedbackRow.helpful))))
            return Since(
                conversations=talks,
                messages=messages,
                moods=dict(
                    list(await session.execute(by_mood.group_by(MessageRow.sentiment_label)))
                ),
                replies=dict(list(await session.execute(by_status.group_by(MessageRow.status)))),
                helpful=helpful.get(True, 0),
                unhelpful=helpful.get(False, 0),
            )


def _of_messages(*columns: Any) -> Select[Any]:
    query = select(*columns).select_from(MessageRow)
    return query.join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)


def _ours(channel: str, customers: str) -> ColumnElement[bool]:
    is_theirs = ConversationRow.customer.startswith(customers, autoescape=True)
    return and_(ConversationRow.channel == channel, is_theirs)
