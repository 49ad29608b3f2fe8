import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bot.conversation import Message, Reply, ReplyStatus
from bot.errors import StoreError
from bot.store import Store, open_store

WRITER = """
import asyncio, sys
from pathlib import Path
from bot.store import open_store

async def main(path, name):
    async with await open_store(Path(path)) as store:
        conversation = await store.log.start(channel=name)
        for number in range(10):
            await store.log.note(conversation.id, f"{name} {number}")

asyncio.run(main(*sys.argv[1:]))
"""

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from bot.store import open_store

async def main(path):
    store = await open_store(Path(path))
    conversation = await store.log.start(channel="terminal")
    await store.log.note(conversation.id, "where is my order?")
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(*sys.argv[1:]))
"""

OPENED = """
import asyncio, sys
from pathlib import Path
from bot.store import open_store

async def main(path):
    async with await open_store(Path(path)):
        print(*(name for name in ("alembic", "langchain_core", "numpy") if name in sys.modules))

asyncio.run(main(*sys.argv[1:]))
"""


def python(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True
    )


async def fill(path: Path) -> Message:
    async with await open_store(f"sqlite:///{path}") as store:
        conversation = await store.log.start(channel="terminal")
        return await store.log.note(conversation.id, "hello")


async def test_what_is_stored_is_there_after_reopening(path: Path) -> None:
    message = await fill(path)
    async with await open_store(path) as store:
        assert await store.log.messages(message.conversation) == [message]


def test_two_processes_make_and_fill_one_database(path: Path) -> None:
    writers = [python(WRITER, str(path), name) for name in ("one", "two")]
    assert [writer.communicate() and writer.returncode for writer in writers] == [0, 0]

    async def read() -> dict[str, list[str]]:
        async with await open_store(path) as store:
            return {
                each.conversation.channel: [
                    message.text for message in await store.log.messages(each.conversation.id)
                ]
                for each in await store.log.overview()
            }

    assert asyncio.run(read()) == {
        name: [f"{name} {number}" for number in range(10)] for name in ("one", "two")
    }


async def test_a_kill_after_note_leaves_the_customers_message(path: Path) -> None:
    killed = python(KILLED, str(path))
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL

    async with await open_store(path) as store:
        [overview] = await store.log.overview()
        [message] = await store.log.messages(overview.conversation.id)
        assert message.text == "where is my order?"
        reply = Reply("On its way.", ReplyStatus.ANSWERED, "en")
        await store.log.record(overview.conversation.id, reply)


async def test_opening_again_imports_nothing_heavy(store: Store, path: Path) -> None:
    output, _ = await asyncio.to_thread(python(OPENED, str(path)).communicate)
    assert output == "\n"


async def test_two_stores_write_at_the_same_time(store: Store, path: Path) -> None:
    async with await open_store(path) as other:
        conversation = await store.log.start(channel="terminal")
        await asyncio.gather(
            *(each.log.note(conversation.id, "hello") for each in (store, other) * 10)
        )
        assert len(await other.log.messages(conversation.id)) == 20


def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as error:
        asyncio.run(open_store(path))
    return str(error.value)


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)
    assert refusal(path) == (
        f"{path}: this is not a database of kefu's; move it away or name another file"
    )
    assert path.read_text().startswith("Dear diary")


def test_a_damaged_database(path: Path) -> None:
    asyncio.run(fill(path))
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    assert refusal(path) == (f"{path}: the database is damaged; keep a copy and restore a backup")


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: this is a folder, not a database; name a file"


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "kefu.db"
    assert refusal(path) == f"{path}: its folder does not exist; make it or name another file"


def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    folder = tmp_path if os.geteuid() else Path("/proc")  # root may write to any but this one
    assert refusal(folder / "kefu.db") == (
        f"{folder / 'kefu.db'}: the database cannot be opened; "
        "give this user the right to read and write its folder"
    )
    tmp_path.chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="files have other rights there")
async def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    async with await open_store(tmp_path / "kefu.db") as store:
        await store.log.start(channel="terminal")
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in os.scandir(tmp_path)}
    assert set(modes.values()) == {0o600}, modes
