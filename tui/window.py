"""The part of a long conversation that is on the screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from bot.conversation import Message

FIRST = 20
STEP = 10
MOUNTED = 60
"""Rows kept on the screen at most: every one makes each layout dearer (tests/bench)."""

MessageSource: TypeAlias = Callable[[int, str | None], Awaitable[Sequence[Message]]]
"""The newest `limit` messages before the one of this id; of all, where it is None."""


class Window:
    """A slice `start:end` of the messages read so far, which always reach the newest one."""

    def __init__(self, source: MessageSource) -> None:
        self._source = source
        self._read: list[Message] = []
        self._complete = False
        self._start = self._end = 0

    @property
    def mounted(self) -> list[Message]:
        return self._read[self._start : self._end]

    @property
    def has_older(self) -> bool:
        return self._start > 0 or not self._complete

    @property
    def has_newer(self) -> bool:
        return self._end < len(self._read)

    async def open(self) -> None:
        await self._read_back(FIRST)
        self.to_newest()

    async def open_at(self, message_id: str) -> None:
        """Open where this message is on the screen; at the newest where there is none."""
        await self.open()
        while not self._complete and message_id not in (message.id for message in self._read):
            await self._read_back(MOUNTED)
        await self._read_back(STEP)
        places = [n for n, message in enumerate(self._read) if message.id == message_id]
        if places:
            self._end = min(len(self._read), places[0] + FIRST)
            self._start = max(0, places[0] - STEP)

    def to_newest(self) -> None:
        self._end = len(self._read)
        self._start = max(0, self._end - FIRST)

    async def older(self) -> list[Message]:
        """Those to put above; the window grows by them."""
        if self._start < STEP:
            await self._read_back(STEP)
        end = self._start
        self._start = max(0, end - STEP)
        return self._read[self._start : end]

    def newer(self) -> list[Message]:
        """Those to put below; the window grows by them."""
        start = self._end
        self._end = min(len(self._read), start + STEP)
        return self._read[start : self._end]

    def add(self, message: Message) -> None:
        """A message that was said just now, while the newest ones are on the screen."""
        if message.id not in (known.id for known in self._read[-4:]):
            self._read.append(message)
            self._end = len(self._read)

    def surplus(self) -> int:
        return max(0, self._end - self._start - MOUNTED)

    def drop_oldest(self, number: int) -> None:
        self._start += number

    def drop_newest(self, number: int) -> None:
        self._end -= number

    async def _read_back(self, number: int) -> None:
        if self._complete:
            return
        before = self._read[0].id if self._read else None
        messages = await self._source(number, before)
        self._complete = len(messages) < number
        self._read[:0] = messages
        self._start += len(messages)
        self._end += len(messages)
