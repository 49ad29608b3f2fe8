"""Digests of conversations: made from messages, kept until those change, with what a person has
written in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from bot.store.database import Database
from bot.store.log import conversation_row_of
from bot.store.rows import utc_now
from bot.store.schema import ConversationRow, DigestEditRow, DigestRow


@dataclass(frozen=True, slots=True)
class Made:
    conversation: str
    revision: int
    """Of the conversation when it was read."""
    fingerprint: str
    """Of what it was made from."""
    body: str
    """JSON."""


class Digests:
    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def keep(self, made: Sequence[Made]) -> None:
        """Those whose conversation was deleted or is another meanwhile are left out."""
        revisions = select(ConversationRow.id, ConversationRow.revision)
        given = insert(DigestRow)
        change = {"fingerprint": given.excluded.fingerprint, "body": given.excluded.body}
        upsert = given.on_conflict_do_update(index_elements=["conversation_id"], set_=change)
        async with self._database.writing() as session:
            ids = ConversationRow.id.in_([one.conversation for one in made])
            there = dict(list(await session.execute(revisions.where(ids))))
            rows = [
                {
                    "conversation_id": one.conversation,
                    "fingerprint": one.fingerprint,
                    "body": one.body,
                }
                for one in made
                if there.get(one.conversation) == one.revision
            ]
            if rows:
                await session.execute(upsert, rows)

    async def edit(self, conversation_id: str, field: str, text: str, agent: str) -> None:
        """From now on this is what the field says. Raise UnknownConversation."""
        values = {"text": text, "agent": agent, "edited_at": self._clock()}
        async with self._database.writing() as session:
            row = await conversation_row_of(session, conversation_id)
            edit = insert(DigestEditRow).values(conversation_id=row.id, field=field, **values)
            await session.execute(
                edit.on_conflict_do_update(index_elements=["conversation_id", "field"], set_=values)
            )

    async def unlock(self, conversation_id: str, field: str) -> None:
        """It is made anew from messages again."""
        mine = DigestEditRow.conversation_id == conversation_id, DigestEditRow.field == field
        async with self._database.writing() as session:
            await session.execute(delete(DigestEditRow).where(*mine))

    async def edits(self, conversation_id: str) -> dict[str, str]:
        """By field."""
        query = select(DigestEditRow).where(DigestEditRow.conversation_id == conversation_id)
        async with self._database.reading() as session:
            return {row.field: row.text for row in await session.scalars(query)}
