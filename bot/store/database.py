"""The connection to the database: its pragmas, its transactions, and its errors in kefu's words."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from weakref import WeakKeyDictionary

import aiosqlite
from sqlalchemy import URL, Connection, NullPool, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from bot.errors import StoreError, StoreFull

# a transaction that is cancelled is no error, and SQLAlchemy makes one of it
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)

BUSY_SECONDS = 10.0
"""How long a writer waits for another process to finish writing."""
READERS = 8

_PRAGMAS = "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;"


class _Connection(sqlite3.Connection):
    """A cursor that nobody has collected yet keeps a closed connection alive, and with it the lock
    of its transaction: one that was cancelled in the middle would lock everybody out."""

    def close(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it is closed, which asks for nothing
            self.rollback()
        super().close()


class Gate:
    """Lets `places` through at a time in every event loop, first come, first served.

    A connection costs a thread and three file handles, and SQLite has one writer, whom the others
    would wait for by polling: a burst of messages queues here instead.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._here: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]
        self._here = WeakKeyDictionary()

    def __call__(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        return self._here.setdefault(loop, asyncio.Semaphore(self._places))


class Database:
    """An SQLite file. Connections are not pooled, so that every event loop can use it.

    `reading` and `writing` are transactions. A writing one takes the write lock when it begins:
    one that read first and then waited for the lock would be refused, not queued.
    """

    def __init__(self, path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        url = URL.create("sqlite+aiosqlite", database=str(path))
        self.engine: AsyncEngine = create_async_engine(
            url, poolclass=NullPool, async_creator=self._connect, hide_parameters=True
        )
        event.listen(self.engine.sync_engine, "begin", _begin)
        self._writer = self.engine.execution_options(writes=True)
        self._reading, self._writing, self._patient = Gate(READERS), Gate(1), Gate(1)
        self._anchor: sqlite3.Connection | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        with self._errors():
            async with self._reading(), AsyncSession(self.engine) as session, session.begin():
                yield session

    @asynccontextmanager
    async def writing(self, *, is_urgent: bool = False) -> AsyncIterator[AsyncSession]:
        """Committed on the way out, or nothing of it is kept. One that is urgent waits for two
        others at most: those that are not queue at a gate of their own before."""
        with self._errors():
            async with AsyncExitStack() as stack:
                if not is_urgent:
                    await stack.enter_async_context(self._patient())
                await stack.enter_async_context(self._writing())
                session = await stack.enter_async_context(AsyncSession(self._writer))
                await stack.enter_async_context(session.begin())
                yield session

    def make_private(self) -> None:
        """A new file is its owner's alone: customers' words and tokens stand in it."""
        with suppress(OSError):  # SQLite says what is the matter
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))

    async def _connect(self) -> aiosqlite.Connection:
        connection = aiosqlite.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, factory=_Connection
        )
        thread = connection._thread  # noqa: SLF001, nothing public leads to it
        thread.daemon = True  # as SQLAlchemy has it
        try:
            await connection
            await connection.executescript(_PRAGMAS)
        except BaseException:
            await connection.close()
            thread.join()  # or it reports to an event loop that may be closed by then: a traceback
            raise
        return connection

    async def keep_open(self) -> None:
        """Hold one idle connection until `close`, once the file is known to be ours.

        Whenever the last connection closes, SQLite copies the log into the file and deletes it:
        26 ms for each message that is noted, instead of 8.
        """
        with self._errors():
            self._anchor = await asyncio.to_thread(self._anchored)

    def _anchored(self) -> sqlite3.Connection:
        anchor = sqlite3.connect(self.path, timeout=self._busy_seconds, check_same_thread=False)
        try:
            self._to_wal(anchor)
            anchor.execute("SELECT 1 FROM sqlite_schema").fetchall()
        except sqlite3.Error:
            anchor.close()
            raise
        return anchor

    def _to_wal(self, anchor: sqlite3.Connection) -> None:
        """SQLite's busy timeout does not hold for this: two programs that open a new file at the
        same moment would refuse each other."""
        deadline = time.monotonic() + self._busy_seconds
        while True:
            try:
                anchor.execute("PRAGMA journal_mode = WAL").fetchall()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    async def close(self) -> None:
        await self.engine.dispose()
        if self._anchor is not None:
            anchor, self._anchor = self._anchor, None
            await asyncio.to_thread(anchor.close)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._in_our_words(error.orig or error) from error
        except sqlite3.Error as error:
            raise self._in_our_words(error) from error

    def _in_our_words(self, cause: BaseException) -> StoreError:
        name = getattr(cause, "sqlite_errorname", "")
        if name == "SQLITE_FULL":
            return StoreFull(
                f"{self.path}: the disk is full, this was not stored (all before it is); "
                "make room and try again"
            )
        said = str(cause).partition("\n")[0]
        return StoreError(f"{self.path}: {_explained(name, self.path) or said}")


def database_path(url: str | Path) -> Path:
    """Raise StoreError, naming the setting, for a URL that is not of an SQLite file."""
    if isinstance(url, Path):
        return url
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise StoreError(
            f"store.url = {url!r} is not a database URL; write sqlite:///PATH"
        ) from None
    file = parsed.database or ""
    if parsed.get_backend_name() != "sqlite" or not file or file.startswith((":memory:", "file:")):
        raise StoreError(
            f"store.url = {parsed.render_as_string()!r} cannot be used: conversations are kept in "
            "an SQLite file; write sqlite:///PATH"
        )
    return Path(file)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _explained(name: str, path: Path) -> str:
    if name == "SQLITE_NOTADB":
        return "this is not a database of kefu's; move it away or name another file"
    if name.startswith("SQLITE_CORRUPT"):
        return "the database is damaged; keep a copy and restore a backup"
    if name.startswith("SQLITE_READONLY"):
        return "the database may not be written to; give this user the right to"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another program holds the database; stop it and try again"
    if name.startswith("SQLITE_CANTOPEN"):
        return _cannot_open(path)
    return ""


def _cannot_open(path: Path) -> str:
    if path.is_dir():
        return "this is a folder, not a database; name a file"
    if not path.parent.is_dir():
        return "its folder does not exist; make it or name another file"
    return "the database cannot be opened; give this user the right to read and write its folder"
