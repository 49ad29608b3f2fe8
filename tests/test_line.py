from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from bot.delivery import Incoming, Place
from bot.line import tell_who_waits
from bot.store import open_store
from tests.test_drafting import Screen, until


class Line(Screen):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, int]] = []

    async def status(self, place: Place, ahead: int) -> None:
        self.told.append((place.key, ahead))


async def test_who_waits_is_told_once_how_many_come_before(tmp_path: Path) -> None:
    async with await open_store(tmp_path / "kefu.db") as store:
        for number, place in enumerate("abbc"):
            where = Place("slack", place)
            await store.inbox.take_in(Incoming(where, str(number), str(number), "anna", "hello"))
        await store.inbox.lease("slack", limit=1, seconds=60)
        line = Line()
        task = asyncio.create_task(tell_who_waits(store.inbox, line, "slack", 0.02))
        await until(lambda: len(line.told) == 2)
        await asyncio.sleep(0.1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert line.told == [("b", 0), ("c", 1)]
