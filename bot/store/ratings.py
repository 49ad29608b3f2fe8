"""What customers think of whole conversations: 1 to 5, the last word of each counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from bot.errors import UsageError
from bot.store.database import Database
from bot.store.log import conversation_row_of
from bot.store.rows import utc_now
from bot.store.schema import RatingRow

WORST, BEST = 1, 5
LONGEST_REMARK = 2_000


@dataclass(frozen=True, slots=True)
class Rating:
    score: int
    remark: str
    given_at: datetime
    """UTC."""


class Ratings:
    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def give(self, conversation_id: str, score: int, remark: str = "") -> None:
        """In place of what was given before. Raise UnknownConversation, and UsageError for a score
        that is none."""
        if not WORST <= score <= BEST:
            raise UsageError(f"a rating is {WORST} to {BEST}, not {score}")
        values = {"score": score, "remark": remark[:LONGEST_REMARK], "given_at": self._clock()}
        async with self._database.writing() as session:
            row = await conversation_row_of(session, conversation_id)
            given = insert(RatingRow).values(conversation_id=row.id, **values)
            await session.execute(
                given.on_conflict_do_update(index_elements=["conversation_id"], set_=values)
            )

    async def of(self, conversation_id: str) -> Rating | None:
        query = select(RatingRow).where(RatingRow.conversation_id == conversation_id)
        async with self._database.reading() as session:
            row = await session.scalar(query)
            return None if row is None else Rating(row.score, row.remark, row.given_at)
