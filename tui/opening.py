"""What takes seconds to open, the desk or the bot at an agent's side: the screen must not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Generic, TypeVar

from tui.desk import ChatDesk, DeskOpener

Opened = TypeVar("Opened")


def opener_of(desk: ChatDesk | DeskOpener) -> DeskOpener:
    return desk if callable(desk) else lambda: nullcontext(desk)


class Opening(Generic[Opened]):
    """Enters and leaves the context in one task of its own."""

    def __init__(self, opener: Callable[[], AbstractAsyncContextManager[Opened]]) -> None:
        self._opener = opener
        self._closing = asyncio.Event()
        self._opened: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._hold_open(), name="what was opened")

    @property
    def is_open(self) -> bool:
        return self._opened.done() and not self.has_failed

    @property
    def has_failed(self) -> bool:
        opened = self._opened
        return opened.done() and (opened.cancelled() or opened.exception() is not None)

    async def desk(self) -> Opened:
        """Wait for it; raises what opening it raised."""
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        if self._task is None:
            return
        self._closing.set()
        if not self._opened.done():
            self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled() and (error := self._task.exception()):
            raise error

    async def _hold_open(self) -> None:
        try:
            async with self._opener() as opened:
                self._opened.set_result(opened)
                await self._closing.wait()
        except Exception as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)
            self._opened.exception()  # marked as seen: nobody may be waiting
        except asyncio.CancelledError:
            self._opened.cancel()
            raise
