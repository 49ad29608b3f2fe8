"""The desk while it opens: models take seconds to load, the screen must not wait for them."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

from tui.desk import ChatDesk, DeskOpener


def opener_of(desk: ChatDesk | DeskOpener) -> DeskOpener:
    return desk if callable(desk) else lambda: nullcontext(desk)


class Opening:
    """Enters and leaves the desk's context in one task of its own."""

    def __init__(self, opener: DeskOpener) -> None:
        self._opener = opener
        self._closing = asyncio.Event()
        self._desk: asyncio.Future[ChatDesk] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._hold_open(), name="the open desk")

    @property
    def is_open(self) -> bool:
        return self._desk.done() and not self._desk.cancelled() and not self._desk.exception()

    async def desk(self) -> ChatDesk:
        """Wait for it; raises what opening it raised."""
        return await asyncio.shield(self._desk)

    async def close(self) -> None:
        if self._task is None:
            return
        self._closing.set()
        if not self._desk.done():
            self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled() and (error := self._task.exception()):
            raise error

    async def _hold_open(self) -> None:
        try:
            async with self._opener() as desk:
                self._desk.set_result(desk)
                await self._closing.wait()
        except Exception as error:
            if self._desk.done():
                raise
            self._desk.set_exception(error)
            self._desk.exception()  # marked as seen: nobody may be waiting
        except asyncio.CancelledError:
            self._desk.cancel()
            raise
