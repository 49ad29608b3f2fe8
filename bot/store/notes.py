"""What agents write down for each other about a conversation; no customer ever reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bot.store.database import Database
from bot.store.log import conversation_row_of
from bot.store.rows import utc_now
from bot.store.schema import NoteRow


@dataclass(frozen=True, slots=True)
class Note:
    agent: str
    text: str
    written_at: datetime
    """UTC."""


class Notes:
    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def add(self, conversation_id: str, agent: str, text: str) -> None:
        async with self._database.writing() as session:
            await conversation_row_of(session, conversation_id)
            session.add(
                NoteRow(
                    conversation_id=conversation_id,
                    agent=agent,
                    text=text,
                    written_at=self._clock(),
                )
            )

    async def of(self, conversation_id: str) -> list[Note]:
        """Oldest first."""
        query = select(NoteRow).where(NoteRow.conversation_id == conversation_id)
        async with self._database.reading() as session:
            rows = await session.scalars(query.order_by(NoteRow.number))
            return [Note(row.agent, row.text, row.written_at) for row in rows]
