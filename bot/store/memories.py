"""What is remembered of conversations that have become too long to be shown whole."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.dialects.sqlite import insert

from bot.conversation import Message
from bot.store.database import Database
from bot.store.log import conversation_row_of, message_row_of
from bot.store.rows import message_of
from bot.store.schema import ConversationRow, MemoryRow, MessageRow


@dataclass(frozen=True, slots=True)
class StoredMemory:
    begins: str
    """The id of the first message that is not in it."""
    body: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class ToFold:
    revision: int
    """Of the conversation when its messages were read."""
    messages: list[Message]
    """Oldest first."""
    more: bool
    """There are more before the wanted one."""


class Memories:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, conversation_id: str) -> StoredMemory | None:
        query = select(MemoryRow).where(MemoryRow.conversation_id == conversation_id)
        async with self._database.reading() as session:
            row = await session.scalar(query)
            return None if row is None else StoredMemory(row.begins, row.body)

    async def to_fold(
        self, conversation_id: str, after: str | None, before: str, limit: int
    ) -> ToFold:
        """The first messages from `after` on, or from the first of all, up to `before` and without
        it. Raise UnknownConversation and UnknownMessage."""
        async with self._database.reading() as session:
            talk = await conversation_row_of(session, conversation_id)
            end = await message_row_of(session, before)
            query = select(MessageRow).where(
                MessageRow.conversation_id == conversation_id, MessageRow.number < end.number
            )
            if after is not None:
                start = await message_row_of(session, after)
                query = query.where(MessageRow.number >= start.number)
            rows = (await session.scalars(query.order_by(MessageRow.number).limit(limit + 1))).all()
            some = [message_of(row) for row in rows[:limit]]
            return ToFold(talk.revision, some, len(rows) > limit)

    async def following(self, conversation_id: str, message_id: str) -> str | None:
        """The id of the message after this one; None after the last."""
        async with self._database.reading() as session:
            row = await message_row_of(session, message_id)
            query = (
                select(MessageRow.id)
                .where(MessageRow.conversation_id == conversation_id)
                .where(MessageRow.number > row.number)
            )
            found: str | None = await session.scalar(query.order_by(MessageRow.number).limit(1))
            return found

    async def keep(
        self, conversation_id: str, memory: StoredMemory, revision: int, before: str
    ) -> bool:
        """False, and nothing is kept, where something of the conversation was changed or erased
        since it had this revision, or another folded further than `before`, "" where nothing
        was."""
        values = {"begins": memory.begins, "body": memory.body}
        mine = MemoryRow.conversation_id == conversation_id
        unchanged = (
            select(ConversationRow.id)
            .where(ConversationRow.id == conversation_id, ConversationRow.revision == revision)
            .where(exists().where(MessageRow.id == memory.begins))
        )
        row = insert(MemoryRow).values(conversation_id=conversation_id, **values)
        async with self._database.writing() as session:
            there = await session.scalar(select(MemoryRow.begins).where(mine))
            if (there or "") != before or await session.scalar(unchanged) is None:
                return False
            await session.execute(
                row.on_conflict_do_update(index_elements=["conversation_id"], set_=values)
            )
            return True
