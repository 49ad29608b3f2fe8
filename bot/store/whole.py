"""Whole conversations at once, with all that belongs to them: for what did not come in message by
message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Conversation, Message, Sentiment, Timing
from bot.store.database import Database
from bot.store.feedback import Feedback
from bot.store.fulltext import MESSAGE_TERMS
from bot.store.ratings import Rating
from bot.store.schema import CitationRow, ConversationRow, FeedbackRow, MessageRow, RatingRow
from bot.store.segmentation import index_terms


@dataclass(frozen=True, slots=True)
class Whole:
    conversation: Conversation
    messages: Sequence[Message]
    """Oldest first."""
    feedback: Sequence[Feedback] = ()
    rating: Rating | None = None


class WholeConversations:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, some: Sequence[Whole]) -> None:
        """All or nothing. Their messages stand in the log in the order of their times."""
        messages = sorted((m for one in some for m in one.messages), key=lambda m: m.created_at)
        async with self._database.writing() as session:
            first = await _first_number(session)
            numbered = list(enumerate(messages, first))
            rows: list[tuple[type[Any], list[dict[str, Any]]]] = [
                (ConversationRow, [_conversation(one) for one in some]),
                (MessageRow, [_message(number, message) for number, message in numbered]),
                (CitationRow, [row for n, message in numbered for row in _citations(n, message)]),
                (FeedbackRow, [_feedback(given) for one in some for given in one.feedback]),
                (RatingRow, [_rating(one, one.rating) for one in some if one.rating]),
            ]
            for table, values in rows:
                if values:
                    await session.execute(insert(table), values)
            terms = {number: index_terms(message.text) for number, message in numbered}
            await MESSAGE_TERMS.add(session, terms)

    async def remove(self, customers: str) -> int:
        """Those of all customers whose name begins so; how many they were."""
        theirs = _begins(customers)
        ids = select(ConversationRow.id).where(theirs)
        async with self._database.writing() as session:
            count = await session.scalar(select(func.count()).select_from(ids.subquery())) or 0
            numbers = select(MessageRow.number).where(MessageRow.conversation_id.in_(ids))
            await MESSAGE_TERMS.remove(session, numbers)
            await session.execute(delete(ConversationRow).where(theirs))
            return count

    async def count_others(self, customers: str) -> int:
        """Conversations of customers whose name begins otherwise."""
        theirs = _begins(customers)
        async with self._database.reading() as session:
            return await session.scalar(select(func.count()).where(~theirs)) or 0


def _begins(customers: str) -> ColumnElement[bool]:
    """Not by LIKE, to which capitals are the same."""
    return func.substr(ConversationRow.customer, 1, len(customers)) == customers


async def _first_number(session: AsyncSession) -> int:
    """One that no message ever had, deleted ones neither: SQLite knows which."""
    query = text("SELECT max(seq) FROM sqlite_sequence WHERE name = 'messages'")
    return 1 + ((await session.execute(query)).scalar() or 0)


def _conversation(one: Whole) -> dict[str, Any]:
    talk = one.conversation
    moods = [m.sentiment.label for m in one.messages if m.sentiment]
    return {
        "id": talk.id,
        "channel": talk.channel,
        "customer": talk.customer,
        "title": talk.title,
        "state": talk.state,
        "agent": talk.agent,
        "mood": moods[-1] if moods else None,
        "created_at": talk.created_at,
        "updated_at": talk.updated_at,
    }


def _message(number: int, message: Message) -> dict[str, Any]:
    feeling = message.sentiment
    timing = message.timing
    return {
        "number": number,
        "id": message.id,
        "conversation_id": message.conversation,
        "role": message.role,
        "text": message.text,
        "created_at": message.created_at,
        "state": message.state,
        "language": message.language,
        "status": message.status,
        "rule": message.rule,
        "model": message.model,
        "prompt_version": message.prompt_version,
        "knowledge_version": message.knowledge_version,
        **_sentiment(feeling),
        **_timing(timing),
    }


def _sentiment(feeling: Sentiment | None) -> dict[str, Any]:
    return {
        "sentiment_label": feeling and feeling.label,
        "sentiment_score": feeling and feeling.score,
        "sentiment_confidence": feeling and feeling.confidence,
    }


def _timing(timing: Timing | None) -> dict[str, Any]:
    return {
        "first_token_ms": timing and timing.first_token_ms,
        "total_ms": timing and timing.total_ms,
        "prompt_tokens": timing and timing.prompt_tokens,
        "reused_tokens": timing and timing.reused_tokens,
        "reply_tokens": timing and timing.reply_tokens,
        "tokens_per_second": timing and timing.tokens_per_second,
    }


def _citations(number: int, message: Message) -> list[dict[str, Any]]:
    return [
        {
            "message_number": number,
            "position": position,
            "source": citation.source,
            "title": citation.title,
            "heading": citation.heading,
            "quote": citation.quote,
            "cited": citation.cited,
        }
        for position, citation in enumerate(message.citations)
    ]


def _feedback(given: Feedback) -> dict[str, Any]:
    return {
        "message_id": given.message,
        "customer": given.customer,
        "helpful": given.helpful,
        "remark": given.remark,
        "reference": "",
        "given_at": given.given_at,
    }


def _rating(one: Whole, rating: Rating) -> dict[str, Any]:
    return {
        "conversation_id": one.conversation.id,
        "score": rating.score,
        "remark": rating.remark,
        "given_at": rating.given_at,
    }
