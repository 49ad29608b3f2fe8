"""Where kefu is installed at a platform, and the tokens it was given there.

slack_sdk's own store keeps every token there ever was, in three transactions without a lock: two
processes would spend a refresh token, which serves once, twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from bot.store.database import Database
from bot.store.rows import utc_now
from bot.store.schema import InstallationRow, MembershipRow


@dataclass(frozen=True, slots=True)
class Installation:
    workspace: str
    """The id of a workspace, or of an organisation that has kefu in its workspaces."""
    name: str
    bot_user: str
    token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    """Serves once; empty where the token does not expire."""
    expires_at: datetime | None = None


class Installations:
    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database, self._clock = database, clock

    async def save(self, channel: str, given: Installation) -> None:
        """In place of an earlier one."""
        async with self._database.writing() as session:
            await session.execute(delete(InstallationRow).where(*_at(channel, given.workspace)))
            session.add(
                InstallationRow(
                    channel=channel,
                    workspace=given.workspace,
                    name=given.name,
                    bot_user=given.bot_user,
                    token=given.token,
                    refresh_token=given.refresh_token,
                    expires_at=given.expires_at,
                    installed_at=self._clock(),
                )
            )

    async def of(self, channel: str, workspace: str) -> Installation | None:
        """The workspace's own, or else that of the organisation it is part of."""
        query = select(InstallationRow).where(InstallationRow.channel == channel)
        parent = select(MembershipRow.organisation).where(
            MembershipRow.channel == channel, MembershipRow.workspace == workspace
        )
        is_own = InstallationRow.workspace == workspace
        query = query.where(or_(is_own, InstallationRow.workspace.in_(parent)))
        async with self._database.reading() as session:
            row = await session.scalar(query.order_by(is_own.desc()).limit(1))
            return None if row is None else _installation(row)

    async def forget(self, channel: str, workspace: str, until: datetime) -> bool:
        """With its tokens, unless it was made after `until`: events may come late."""
        was_before = InstallationRow.installed_at <= until
        async with self._database.writing() as session:
            gone = delete(InstallationRow).where(*_at(channel, workspace), was_before)
            done = await session.execute(gone.returning(InstallationRow.workspace))
            return done.first() is not None

    async def count(self, channel: str) -> int:
        query = select(func.count()).where(InstallationRow.channel == channel)
        async with self._database.reading() as session:
            return await session.scalar(query) or 0

    async def join(self, channel: str, workspace: str, organisation: str) -> None:
        """The workspace is part of it."""
        given = insert(MembershipRow).values(
            channel=channel, workspace=workspace, organisation=organisation
        )
        given = given.on_conflict_do_update(
            index_elements=["channel", "workspace"], set_={"organisation": organisation}
        )
        async with self._database.writing() as session:
            await session.execute(given)

    async def organisation_of(self, channel: str, workspace: str) -> str:
        """Empty where it is part of none that is known."""
        query = select(MembershipRow.organisation).where(
            MembershipRow.channel == channel, MembershipRow.workspace == workspace
        )
        async with self._database.reading() as session:
            return await session.scalar(query) or ""

    async def may_renew(self, channel: str, old: Installation, seconds: float) -> bool:
        """Whether the caller, and nobody else for so long, is to get another token for this one."""
        now = self._clock()
        is_free = or_(InstallationRow.renewed_until.is_(None), InstallationRow.renewed_until <= now)
        taken = (
            update(InstallationRow)
            .where(*_same(channel, old), is_free)
            .values(renewed_until=now + timedelta(seconds=seconds))
        )
        async with self._database.writing() as session:
            done = await session.execute(taken.returning(InstallationRow.workspace))
            return done.first() is not None

    async def renew(self, channel: str, old: Installation, new: Installation) -> None:
        """Unless it was installed anew meanwhile, or forgotten."""
        changed = (
            update(InstallationRow)
            .where(*_same(channel, old))
            .values(
                token=new.token,
                refresh_token=new.refresh_token,
                expires_at=new.expires_at,
                renewed_until=None,
            )
        )
        async with self._database.writing() as session:
            await session.execute(changed)


def _at(channel: str, workspace: str) -> tuple[ColumnElement[bool], ...]:
    return InstallationRow.channel == channel, InstallationRow.workspace == workspace


def _same(channel: str, known: Installation) -> tuple[ColumnElement[bool], ...]:
    is_unchanged = InstallationRow.refresh_token == known.refresh_token
    return *_at(channel, known.workspace), is_unchanged


def _installation(row: InstallationRow) -> Installation:
    return Installation(
        workspace=row.workspace,
        name=row.name,
        bot_user=row.bot_user,
        token=row.token,
        refresh_token=row.refresh_token,
        expires_at=row.expires_at,
    )
