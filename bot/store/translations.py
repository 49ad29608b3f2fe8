"""What agents read and wrote in their own language, beside what was said."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from bot.store.columns import storable
from bot.store.database import Database
from bot.store.log import message_row_of
from bot.store.schema import MessageRow, TranslationRow


class Translations:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, message_id: str, language: str, text: str, of: str) -> None:
        """In place of an earlier one; not where the message says something else than `of` by now.
        Raise UnknownMessage."""
        async with self._database.writing() as session:
            row = await message_row_of(session, message_id)
            if row.text != storable(of):
                return
            given = insert(TranslationRow).values(message_id=row.id, language=language, text=text)
            await session.execute(
                given.on_conflict_do_update(
                    index_elements=["message_id", "language"], set_={"text": text}
                )
            )

    async def of(self, conversation_id: str, language: str) -> dict[str, str]:
        """By the ids of its messages."""
        query = (
            select(TranslationRow.message_id, TranslationRow.text)
            .join(MessageRow, MessageRow.id == TranslationRow.message_id)
            .where(MessageRow.conversation_id == conversation_id)
            .where(TranslationRow.language == language)
        )
        async with self._database.reading() as session:
            return dict(list(await session.execute(query)))
