"""Digests by Ray's workers, which are killed meanwhile: they are those that are made here."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.demo.filling import fill
from bot.demo.world import World
from bot.reports.entries import make_digests, stale
from bot.reports.spread import spread_digests
from bot.store import Store, open_store
from bot.store.cohort import Period

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
PERIOD = Period(UNTIL - timedelta(days=91), UNTIL + timedelta(days=1))
KILLS = 3


def workers() -> Iterator[int]:
    """Those of ours that digest at this moment."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"ray::digest_part" in (folder / "cmdline").read_bytes() and is_ours(
                int(folder.name)
            ):
                yield int(folder.name)


def is_ours(pid: int) -> bool:
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if pid == os.getpid():
            return True
    return False


async def kill_some() -> int:
    killed = 0
    while killed < KILLS:
        await asyncio.sleep(0.05)
        for pid in workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
            await asyncio.sleep(random.random())
            break
    return killed


async def digests(store: Store) -> dict[str, str]:
    return await store.cohort.digests(PERIOD)


async def test_a_worker_that_dies_loses_nothing(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    async with await open_store(here / "kefu.db") as store:
        await fill(store, World(7, 3_000, UNTIL).conversations(), UNTIL, lambda _: None)
    shutil.copytree(here, there)
    async with await open_store(here / "kefu.db") as store:
        await make_digests(store, await stale(store, PERIOD), lambda _: None)
        wanted = await digests(store)
    async with await open_store(there / "kefu.db") as store:
        done: list[int] = []
        killing = asyncio.create_task(kill_some())
        await spread_digests(store, await stale(store, PERIOD), done.append)
        assert await asyncio.wait_for(killing, 5) == KILLS
        assert await digests(store) == wanted
        assert sum(done) == len(wanted) > 2_900
        assert await stale(store, PERIOD) == []
