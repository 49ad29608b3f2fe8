"""What was handed to a browser on its way to a platform: each serves once, and for a while."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete

from bot.store.database import Database
from bot.store.rows import utc_now
from bot.store.schema import OAuthStateRow


class OAuthStates:
    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database, self._clock = database, clock

    async def issue(self, seconds: float) -> str:
        now, state = self._clock(), secrets.token_urlsafe(24)
        async with self._database.writing() as session:
            await session.execute(delete(OAuthStateRow).where(OAuthStateRow.expires_at <= now))
            session.add(OAuthStateRow(state=state, expires_at=now + timedelta(seconds=seconds)))
        return state

    async def consume(self, state: str) -> bool:
        """Whether it was issued, has not expired, and was not consumed before."""
        taken = delete(OAuthStateRow).where(
            OAuthStateRow.state == state, OAuthStateRow.expires_at > self._clock()
        )
        async with self._database.writing() as session:
            return (await session.execute(taken.returning(OAuthStateRow.state))).first() is not None
