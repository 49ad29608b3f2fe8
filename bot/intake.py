"""What arrives at the same time is stored at the same time: a commit costs as much for a hundred
messages as for one, and none of them may wait for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from bot.delivery import Incoming

AT_ONCE = 100


class TakeIn(Protocol):
    def __call__(self, *messages: Incoming) -> Awaitable[None]: ...


class Intake:
    def __init__(self, take_in: TakeIn) -> None:
        """`take_in` stores all or none."""
        self._take_in = take_in
        self._waiting: list[tuple[Incoming, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, message: Incoming) -> None:
        """Stored when this returns; raises what storing it raised."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, stored))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        await stored

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._store(batch)
        finally:
            self._task = None

    async def _store(self, batch: list[tuple[Incoming, asyncio.Future[None]]]) -> None:
        try:
            await self._take_in(*(message for message, _ in batch))
        except BaseException as error:
            for _, stored in batch:
                if not stored.done():
                    stored.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for _, stored in batch:
                if not stored.done():
                    stored.set_result(None)
