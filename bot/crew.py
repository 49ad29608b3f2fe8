"""So many workers who take up what there is to do, and go on when the store cannot give it out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from bot.errors import StoreError

_PARTS = 4
T = TypeVar("T")

_logger = logging.getLogger("kefu")


class Crew(Generic[T]):
    """`lease` gives out at most so many things to work on, and `work` may not raise."""

    def __init__(
        self,
        size: int,
        lease: Callable[[int], Awaitable[list[T]]],
        work: Callable[[T], Awaitable[None]],
        *,
        poll_seconds: float,
    ) -> None:
        self._size, self._lease, self._work = size, lease, work
        self._poll_seconds = poll_seconds
        self._bell = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], T] = {}
        self._stopping = False
        self._complaint = ""

    @property
    def in_hand(self) -> list[T]:
        return list(self._tasks.values())

    def ring(self) -> None:
        """There may be something to do. Otherwise it is looked for every `poll_seconds`."""
        self._bell.set()

    def stop(self) -> None:
        """Take up nothing more; what is in hand goes on."""
        self._stopping = True
        self.ring()

    async def run(self) -> None:
        """Until `stop`."""
        while not self._stopping:
            self._bell.clear()
            found = await self._take_up()
            if not found and not self._stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_seconds):
                        await self._bell.wait()

    async def run_dry(self) -> None:
        """Until there is nothing to take up and nothing in hand."""
        while await self._take_up() or self._tasks:
            await self.finish(self._poll_seconds)

    async def finish(self, seconds: float) -> None:
        """What is in hand, for so long at most."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=seconds)

    async def drop(self) -> None:
        """What is in hand."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_up(self) -> int:
        room = self._size - len(self._tasks)
        if room < self._size / _PARTS:  # to look for each alone costs more than to wait for some
            return 0
        try:
            found = await self._lease(room)
        except StoreError as error:  # the disk is full, another program holds the database
            self._complain(f"the desk waits for its database: {error}")
            return 0
        except Exception as error:  # no thread to be had, for example: it goes on when there is
            self._complain(f"the desk cannot take anything up: {error!r}")
            return 0
        self._complaint = ""
        for one in found:
            task = asyncio.ensure_future(self._work(one))
            self._tasks[task] = one
            task.add_done_callback(self._done)
        return len(found)

    def _complain(self, text: str) -> None:
        """Once, until something else is the matter."""
        if text != self._complaint:
            _logger.warning(text)
        self._complaint = text

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()):
            _logger.error("a worker of the desk failed", exc_info=error)
        self.ring()
