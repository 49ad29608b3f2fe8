import asyncio
import gc
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, text

from bot.errors import StoreError, StoreFull
from bot.store import ConversationLog, Store
from bot.store.database import Database, Gate, database_path


@pytest.fixture
def other_program(store: Store, path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


async def pragma(database: Database, name: str) -> object:
    async with database.reading() as session:
        return (await session.execute(text(f"PRAGMA {name}"))).scalar()


async def test_every_connection_is_a_safe_one(store: Store) -> None:
    assert await pragma(store.database, "journal_mode") == "wal"
    assert await pragma(store.database, "synchronous") == 2
    assert await pragma(store.database, "foreign_keys") == 1
    assert await pragma(store.database, "busy_timeout") == 10_000


async def test_an_error_inside_takes_everything_back(store: Store) -> None:
    async def fail() -> None:
        async with store.database.writing() as session:
            await session.execute(text("INSERT INTO message_terms (terms) VALUES ('lost')"))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with store.database.reading() as session:
        count = await session.execute(text("SELECT count(*) FROM message_terms"))
        assert count.scalar() == 0


async def test_a_writer_waits_for_another_program(
    store: Store, other_program: sqlite3.Connection
) -> None:
    other_program.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(store.log.start(channel="terminal"))
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done

    other_program.execute("COMMIT")
    assert (await waiting).channel == "terminal"


async def test_a_writer_does_not_wait_for_ever(
    path: Path, other_program: sqlite3.Connection
) -> None:
    other_program.execute("BEGIN IMMEDIATE")
    impatient = Database(path, busy_seconds=0.01)
    with pytest.raises(StoreError, match=r"kefu\.db: another program holds the database; stop it"):
        await ConversationLog(impatient).start(channel="terminal")
    await impatient.close()


async def test_a_writer_that_is_cancelled_locks_nobody_out(path: Path, store: Store) -> None:
    """Wherever it is cut off: what it opened may wait for the garbage collector, its lock not."""
    database = Database(path, busy_seconds=0.2)
    log = ConversationLog(database)
    talk = await log.start(channel="test")
    gc.disable()
    try:
        for number in range(80):
            writing = asyncio.create_task(log.note(talk.id, "cut off"))
            await asyncio.sleep(number % 40 * 0.0003)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await log.note(talk.id, f"{number}")
    finally:
        gc.enable()
        await database.close()
    kept = [m.text for m in await store.log.messages(talk.id) if m.text != "cut off"]
    assert kept == [f"{number}" for number in range(80)]


async def test_readers_do_not_wait_for_a_writer(
    store: Store, other_program: sqlite3.Connection
) -> None:
    other_program.execute("BEGIN IMMEDIATE")
    assert await store.log.overview() == []


async def test_it_works_from_another_event_loop(store: Store) -> None:
    here = await store.log.start(channel="terminal")
    there = await asyncio.to_thread(asyncio.run, store.log.note(here.id, "from a thread"))
    assert await store.log.messages(here.id) == [there]


async def test_a_full_disk(store: Store) -> None:
    conversation = await store.log.start(channel="terminal")
    kept = await store.log.note(conversation.id, "before the disk was full")
    pages = await pragma(store.database, "page_count")

    def fill(connection: object, _: object) -> None:
        limit = f"PRAGMA max_page_count = {pages}"
        connection.run_async(lambda driver: driver.executescript(limit))  # type: ignore[attr-defined]

    event.listen(store.database.engine.sync_engine, "connect", fill)
    with pytest.raises(StoreFull, match=r"kefu\.db: the disk is full.*make room and try again"):
        await store.log.note(conversation.id, "too much " * 10_000)
    assert await store.log.messages(conversation.id) == [kept]
    assert await store.log.search("much") == []

    event.remove(store.database.engine.sync_engine, "connect", fill)
    later = await store.log.note(conversation.id, "there is room again")
    assert await store.log.messages(conversation.id) == [kept, later]


async def test_a_database_that_may_not_be_written_to(store: Store) -> None:
    conversation = await store.log.start(channel="terminal")

    def forbid(connection: object, _: object) -> None:
        pragma = "PRAGMA query_only = ON"
        connection.run_async(lambda driver: driver.executescript(pragma))  # type: ignore[attr-defined]

    event.listen(store.database.engine.sync_engine, "connect", forbid)
    with pytest.raises(StoreError, match="may not be written to; give this user the right"):
        await store.log.note(conversation.id, "hello")
    assert await store.log.messages(conversation.id) == []


async def test_a_gate_lets_some_through_in_the_order_they_came() -> None:
    gate, inside, order = Gate(2), 0, list[int]()

    async def pass_through(number: int) -> None:
        nonlocal inside
        async with gate():
            inside += 1
            assert inside <= 2
            order.append(number)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(pass_through(number) for number in range(20)))
    assert order == list(range(20))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////data/kefu.db", "/data/kefu.db"),
        ("sqlite+aiosqlite:///kefu.db", "kefu.db"),
        (Path("/odd ?#%/kefu.db"), "/odd ?#%/kefu.db"),
    ],
)
def test_where_a_url_points(url: str | Path, path: str) -> None:
    assert database_path(url) == Path(path)


@pytest.mark.parametrize(
    "url", ["", "kefu.db", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true"]
)
def test_a_url_that_names_no_file(url: str) -> None:
    with pytest.raises(StoreError, match=r"store\.url = .*; write sqlite:///PATH"):
        database_path(url)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(StoreError, match=r"store\.url = 'postgresql") as error:
        database_path("postgresql://kefu:s3cret@db/kefu")
    assert "s3cret" not in str(error.value)
