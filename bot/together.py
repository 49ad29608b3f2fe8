"""What comes at the same time is stored at the same time: a commit costs as much for a hundred rows
as for one, and none of them may wait for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

AT_ONCE = 100
T = TypeVar("T")


class Together(Generic[T]):
    def __init__(self, store: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        """`store` stores all or none."""
        self._store = store
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, one: T) -> None:
        """Stored when this returns; raises what storing it raised."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, stored))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        await stored

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._settle(batch)
        finally:
            self._task = None

    async def _settle(self, batch: list[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            await self._store([one for one, _ in batch])
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
