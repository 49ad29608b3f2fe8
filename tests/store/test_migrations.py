import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from bot.errors import StoreError, StoreFromFuture
from bot.store import ConversationOverview, Store, open_store
from bot.store.migrations import REVISIONS
from bot.store.schema import Base


async def overview(path: Path) -> list[ConversationOverview]:
    async with await open_store(path) as store:
        return await store.log.overview()


def is_ours(name: str | None, kind: str, parents: object) -> bool:
    return kind != "table" or name in Base.metadata.tables


def test_revisions_are_those_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    scripts = ScriptDirectory.from_config(config)
    newest_first = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(newest_first)) == REVISIONS


async def test_migrations_make_the_schema(store: Store, path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_ours})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch()
    assert asyncio.run(overview(path)) == []


def test_a_database_from_the_future(path: Path) -> None:
    asyncio.run(overview(path))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '2031'")
    before = path.read_bytes()

    with pytest.raises(StoreFromFuture) as error:
        asyncio.run(open_store(path))
    assert str(error.value) == (
        f"{path}: written by a newer kefu (its schema is '2031', this one knows up to "
        f"{REVISIONS[-1]!r}); update kefu"
    )
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()

    with pytest.raises(StoreError, match=r"of another program.*'bookmarks'.*name another file"):
        asyncio.run(open_store(path))
    assert path.read_bytes() == before


async def test_a_migration_that_fails_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upgrade(config: Config, revision: str) -> None:
        config.attributes["connection"].exec_driver_sql("CREATE TABLE half (done TEXT)")
        raise RuntimeError("power cut")

    monkeypatch.setattr("alembic.command.upgrade", upgrade)
    with pytest.raises(RuntimeError, match="power cut"):
        await open_store(path)
    monkeypatch.undo()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == []
    assert await overview(path) == []
