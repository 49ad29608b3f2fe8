"""The conversation log: nothing that a customer wrote is ever lost."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.conversation import (
    Conversation,
    ConversationState,
    Message,
    MessageState,
    Reply,
    Role,
    Sentiment,
    Tag,
)
from bot.errors import UnknownConversation, UnknownMessage
from bot.store.database import Database
from bot.store.fulltext import MESSAGE_TERMS, all_of
from bot.store.rows import (
    conversation_of,
    conversation_row,
    message_of,
    message_row,
    reply_row,
    sentiment_of,
    utc_now,
)
from bot.store.schema import (
    ConversationRow,
    DigestEditRow,
    DigestRow,
    MemoryRow,
    MessageRow,
    MessageVectorRow,
    RatingRow,
    TranslationRow,
)
from bot.store.segmentation import index_terms, query_phrases, snippet
from bot.store.silence import check_holder, withdraw_all

TITLE_LENGTH = 60
PREVIEW_LENGTH = 200
SHORTEST_PART = 6


@dataclass(frozen=True, slots=True)
class ConversationOverview:
    conversation: Conversation
    messages: int
    last_text: str
    """The beginning of the last message, up to 200 characters."""
    sentiment: Sentiment | None
    """Of the last customer's message that was tagged."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    conversation: Conversation
    message: Message
    snippet: str
    """One line of the message around what was found: data, no markup."""


class ConversationLog:
    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def start(self, *, channel: str, customer: str = "", title: str = "") -> Conversation:
        row = conversation_row(channel, customer, title, self._clock())
        async with self._database.writing() as session:
            session.add(row)
            return await _stored(session, row)

    async def conversation(self, conversation_id: str) -> Conversation:
        """By its id, or by 6 or more characters at either end of one that no other has.

        Raise UnknownConversation, too, where more than one fits.
        """
        async with self._database.reading() as session:
            row = await session.get(ConversationRow, conversation_id)
            return conversation_of(row or await _by_part(session, conversation_id))

    async def overview(
        self, *, limit: int = 50, offset: int = 0, channel: str | None = None
    ) -> list[ConversationOverview]:
        """The conversation that was last spoken in comes first."""
        last, tagged = aliased(MessageRow), aliased(MessageRow)
        is_tagged = MessageRow.sentiment_label.is_not(None)
        query = (
            select(ConversationRow, _count(), func.substr(last.text, 1, PREVIEW_LENGTH), tagged)
            .select_from(ConversationRow)
            .outerjoin(last, last.number == _latest())
            .outerjoin(
                tagged, tagged.number == _latest(MessageRow.role == Role.CUSTOMER, is_tagged)
            )
            .order_by(ConversationRow.updated_at.desc(), ConversationRow.id.desc())
            .limit(limit)
            .offset(offset)
        )
        if channel is not None:
            query = query.where(ConversationRow.channel == channel)
        async with self._database.reading() as session:
            return [
                ConversationOverview(conversation_of(row), count, text or "", sentiment_of(mood))
                for row, count, text, mood in await session.execute(query)
            ]

    async def note(self, conversation_id: str, text: str) -> Message:
        """Store what the customer wrote: on disk when this returns."""
        async with self._database.writing() as session:
            conversation = await conversation_row_of(session, conversation_id)
            row = message_row(conversation_id, Role.CUSTOMER, text, self._clock())
            row.state = MessageState.COMPLETE
            conversation.title = conversation.title or title_from(text)
            return await append(session, conversation, row)

    async def tag(self, message_id: str, tag: Tag) -> Message:
        async with self._database.writing() as session:
            row = await message_row_of(session, message_id)
            set_tag(row, await conversation_row_of(session, row.conversation_id), tag)
            await session.flush()
            return message_of(row)

    async def record(
        self,
        conversation_id: str,
        reply: Reply,
        *,
        role: Role = Role.ASSISTANT,
        conversation_state: ConversationState | None = None,
    ) -> Message:
        """Store a reply, all of it and the state it leaves the conversation in, or nothing."""
        async with self._database.writing() as session:
            conversation = await conversation_row_of(session, conversation_id)
            conversation.state = conversation_state or conversation.state
            row = reply_row(conversation_id, role, reply, self._clock())
            return await append(session, conversation, row)

    async def messages(
        self, conversation_id: str, *, limit: int | None = None, before: str | None = None
    ) -> list[Message]:
        """Oldest first; the newest `limit` of those before the message with the id `before`."""
        query = select(MessageRow).where(MessageRow.conversation_id == conversation_id)
        query = query.order_by(MessageRow.number.desc()).limit(limit)
        async with self._database.reading() as session:
            await conversation_row_of(session, conversation_id)
            if before is not None:
                end = await message_row_of(session, before)
                query = query.where(MessageRow.number < end.number)
            newest_first = (await session.scalars(query)).all()
            return [message_of(row) for row in reversed(newest_first)]

    async def look_back(
        self, conversation_id: str, *, at_least: int, stride: int
    ) -> tuple[Conversation, list[Message], int]:
        """The conversation, its newest messages, oldest first, and how many are before them. The
        first of them moves by `stride` at once."""
        mine = MessageRow.conversation_id == conversation_id
        async with self._database.reading() as session:
            conversation = await conversation_row_of(session, conversation_id)
            count = await session.scalar(select(func.count()).where(mine)) or 0
            first = max(0, count - at_least) // stride * stride
            query = select(MessageRow).where(mine).order_by(MessageRow.number.desc())
            newest_first = (await session.scalars(query.limit(count - first))).all()
            messages = [message_of(row) for row in reversed(newest_first)]
            return conversation_of(conversation), messages, first

    async def language_of(self, message_id: str) -> str | None:
        """Of a message. Raise UnknownMessage."""
        async with self._database.reading() as session:
            return (await message_row_of(session, message_id)).language

    async def count(self) -> int:
        """Of conversations."""
        async with self._database.reading() as session:
            return await session.scalar(select(func.count(ConversationRow.id))) or 0

    async def rename(self, conversation_id: str, title: str) -> Conversation:
        async with self._database.writing() as session:
            row = await conversation_row_of(session, conversation_id)
            row.title = title
            return await _stored(session, row)

    async def set_state(
        self, conversation_id: str, state: ConversationState, *, agent: str | None = None
    ) -> Conversation:
        """By an agent of this name: raise HeldByAnother where it is another's."""
        async with self._database.writing() as session:
            row = await conversation_row_of(session, conversation_id)
            if agent is not None:
                check_holder(row, agent)
            row.state = state
            if row.agent:
                await withdraw_all(session, conversation_id, self._clock())
            row.agent = row.agent if state is ConversationState.HANDED_OFF else ""
            row.updated_at = self._clock()
            return await _stored(session, row)

    async def delete(self, conversation_id: str) -> None:
        async with self._database.writing() as session:
            row = await conversation_row_of(session, conversation_id)
            await _clear(session, conversation_id)
            await session.delete(row)

    async def clear(self, conversation_id: str) -> None:
        """Delete its messages; the conversation itself stays."""
        async with self._database.writing() as session:
            (await conversation_row_of(session, conversation_id)).title = ""
            await _clear(session, conversation_id)

    async def search(self, text: str, *, limit: int = 20) -> list[SearchHit]:
        """Messages that hold every word of `text`, the last as a beginning; the best fit first."""
        expression = all_of(query_phrases(text))
        if not expression:
            return []
        found = MESSAGE_TERMS.best(expression, limit)
        query = (
            select(ConversationRow, MessageRow)
            .join(MessageRow, MessageRow.conversation_id == ConversationRow.id)
            .join(found, found.c.number == MessageRow.number)
            .order_by(found.c.score.desc(), MessageRow.number.desc())
        )
        async with self._database.reading() as session:
            return [
                SearchHit(conversation_of(row), message_of(message), snippet(message.text, text))
                for row, message in await session.execute(query)
            ]


def set_tag(row: MessageRow, conversation: ConversationRow, tag: Tag) -> None:
    row.language = tag.language
    row.sentiment_label = tag.sentiment.label
    row.sentiment_score = tag.sentiment.score
    row.sentiment_confidence = tag.sentiment.confidence
    conversation.mood = tag.sentiment.label


async def append(session: AsyncSession, conversation: ConversationRow, row: MessageRow) -> Message:
    conversation.updated_at = row.created_at
    session.add(row)
    await session.flush()
    await session.refresh(row)
    await MESSAGE_TERMS.add(session, {row.number: index_terms(row.text)})
    return message_of(row)


async def edit(session: AsyncSession, message_id: str, text: str) -> None:
    row = await message_row_of(session, message_id)
    conversation = await conversation_row_of(session, row.conversation_id)
    if conversation.title == title_from(row.text):
        conversation.title = title_from(text)
    row.text = text
    if not text:  # taken back: nothing that rests on it stays
        row.sentiment_label = row.sentiment_score = row.sentiment_confidence = None
        await session.execute(
            delete(DigestEditRow).where(DigestEditRow.conversation_id == conversation.id)
        )
    await session.execute(
        delete(MessageVectorRow).where(MessageVectorRow.message_number == row.number)
    )
    await session.execute(delete(TranslationRow).where(TranslationRow.message_id == row.id))
    await forget(session, row.conversation_id)
    await MESSAGE_TERMS.remove(session, select(MessageRow.number).where(MessageRow.id == row.id))
    await MESSAGE_TERMS.add(session, {row.number: index_terms(text)})


async def forget(session: AsyncSession, conversation_id: str) -> None:
    """What was made from messages that are others now, or gone."""
    await forget_digest(session, conversation_id)
    await session.execute(delete(MemoryRow).where(MemoryRow.conversation_id == conversation_id))


async def forget_digest(session: AsyncSession, conversation_id: str) -> None:
    """Something that it tells of is another now, and no message was added."""
    mine = ConversationRow.id == conversation_id
    await session.execute(
        update(ConversationRow).where(mine).values(revision=ConversationRow.revision + 1)
    )
    await session.execute(delete(DigestRow).where(DigestRow.conversation_id == conversation_id))


def title_from(text: str) -> str:
    """Its first words, on one line, without control characters."""
    beginning = text[: 10 * TITLE_LENGTH]
    printable = "".join(" " if unicodedata.category(c) == "Cc" else c for c in beginning)
    line = " ".join(printable.split())
    if len(line) <= TITLE_LENGTH:
        return line
    cut = line[:TITLE_LENGTH]
    at_a_word = cut.rpartition(" ")[0]
    return (at_a_word if len(at_a_word) > TITLE_LENGTH // 2 else cut) + "…"


async def _stored(session: AsyncSession, row: ConversationRow) -> Conversation:
    """As it will be read back: text may change on its way in."""
    await session.flush()
    await session.refresh(row)
    return conversation_of(row)


async def conversation_row_of(session: AsyncSession, conversation_id: str) -> ConversationRow:
    row = await session.get(ConversationRow, conversation_id)
    if row is None:
        raise _unknown(conversation_id)
    return row


async def _by_part(session: AsyncSession, given: str) -> ConversationRow:
    part = given.strip().lower().replace("-", "")
    if not SHORTEST_PART <= len(part) <= 32 or set(part) - set("0123456789abcdef"):
        raise _unknown(given)
    fits = or_(ConversationRow.id.startswith(part), ConversationRow.id.endswith(part))
    rows = (await session.scalars(select(ConversationRow).where(fits).limit(2))).all()
    if len(rows) > 1:
        raise UnknownConversation(
            f"conversation {given!r} could be more than one; give more of its id"
        )
    if not rows:
        raise _unknown(given)
    return rows[0]


async def message_row_of(session: AsyncSession, message_id: str) -> MessageRow:
    row = await session.scalar(select(MessageRow).where(MessageRow.id == message_id))
    if row is None:
        raise UnknownMessage(f"message {message_id[:80]!r} is not in the log; look at its id again")
    return row


async def _clear(session: AsyncSession, conversation_id: str) -> None:
    of_it = MessageRow.conversation_id == conversation_id
    await MESSAGE_TERMS.remove(session, select(MessageRow.number).where(of_it))
    await session.execute(delete(MessageRow).where(of_it))
    for said in (DigestEditRow, RatingRow):
        await session.execute(delete(said).where(said.conversation_id == conversation_id))
    await forget(session, conversation_id)


def _count() -> ColumnElement[int]:
    of_it = MessageRow.conversation_id == ConversationRow.id
    return select(func.count(MessageRow.number)).where(of_it).scalar_subquery()


def _latest(*where: ColumnElement[bool]) -> ColumnElement[int]:
    of_it = MessageRow.conversation_id == ConversationRow.id
    numbers: Select[int] = select(MessageRow.number).where(of_it, *where)
    return numbers.order_by(MessageRow.number.desc()).limit(1).scalar_subquery()


def _unknown(conversation_id: str) -> UnknownConversation:
    return UnknownConversation(
        f"conversation {conversation_id[:80]!r} is not in the log; "
        "`kefu conversations list` shows those that are"
    )
