"""Brings a database to the newest schema, whatever shape it has.

Revisions are append-only: each is a script in `versions/`, listed in REVISIONS. Alembic takes half
a second to import, so it is imported only when there is something to do.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import StoreError, StoreFromFuture
from bot.store.database import Database

REVISIONS = ("0001", "0002", "0003")
"""Oldest first."""


async def migrate(database: Database) -> None:
    """Raise StoreFromFuture, and change nothing, where a newer kefu wrote the database."""
    async with database.reading() as session:
        revision = await _revision(session)
    if revision == REVISIONS[-1]:
        return
    if revision is not None and revision not in REVISIONS:
        raise StoreFromFuture(
            f"{database.path}: written by a newer kefu (its schema is {revision!r}, this one knows "
            f"up to {REVISIONS[-1]!r}); update kefu"
        )
    async with database.writing() as session:
        connection = await session.connection()
        await connection.run_sync(_upgrade, database)


async def _revision(session: AsyncSession) -> str | None:
    """None where the database has not got one yet."""
    query = "SELECT count(*) FROM sqlite_schema WHERE name = 'alembic_version'"
    if not (await session.execute(text(query))).scalar():
        return None
    found = await session.execute(text("SELECT version_num FROM alembic_version"))
    return found.scalar_one_or_none()


def _upgrade(connection: Connection, database: Database) -> None:
    from alembic import command
    from alembic.config import Config

    tables = inspect(connection).get_table_names()
    if tables and "alembic_version" not in tables:
        raise StoreError(
            f"{database.path}: this is a database of another program (it holds {tables[0]!r}); "
            "name another file"
        )
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "bot.store:migrations")
    command.upgrade(config, "head")
