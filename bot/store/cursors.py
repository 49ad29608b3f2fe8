"""How far a platform was read: what a program needs to go on where another stopped."""

from __future__ import annotations

from sqlalchemy import delete, select

from bot.store.database import Database
from bot.store.schema import CursorRow


class Cursors:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, channel: str, name: str) -> str | None:
        query = select(CursorRow.value).where(CursorRow.channel == channel, CursorRow.name == name)
        async with self._database.reading() as session:
            found: str | None = await session.scalar(query)
            return found

    async def put(self, channel: str, name: str, value: str) -> None:
        """In place of what it was."""
        before = delete(CursorRow).where(CursorRow.channel == channel, CursorRow.name == name)
        async with self._database.writing() as session:
            await session.execute(before)
            session.add(CursorRow(channel=channel, name=name, value=value))
