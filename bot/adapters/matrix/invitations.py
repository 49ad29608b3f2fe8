"""Who invites us is answered: a room is joined, however long its server takes for it."""

from __future__ import annotations

import asyncio
import logging

from bot.adapters.matrix.homeserver import Homeserver
from bot.delivery import Postponed, Undeliverable

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 600.0
_ATTEMPTS = 50
_logger = logging.getLogger("kefu")


class Invitations:
    def __init__(self, server: Homeserver) -> None:
        self._server = server
        self._joining: dict[str, asyncio.Task[None]] = {}

    def accept(self, *rooms: str) -> None:
        """Not waited for: the reading goes on. The next start finds what is not joined by then."""
        self._joining = {room: task for room, task in self._joining.items() if not task.done()}
        for room in rooms:
            if room not in self._joining:
                self._joining[room] = asyncio.create_task(self._join(room))

    async def close(self) -> None:
        tasks = list(self._joining.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _join(self, room: str) -> None:
        pause = _FIRST_PAUSE
        for _ in range(_ATTEMPTS):
            try:
                await self._server.join(room)
            except Undeliverable as error:
                _logger.warning("%s cannot be joined (%s)", room, error)
                return
            except Postponed as error:
                await asyncio.sleep(pause if error.seconds is None else error.seconds)
                pause = min(_LONGEST_PAUSE, 2 * pause)
            else:
                return
        _logger.warning("%s could not be joined; kefu tries again at its next start", room)
