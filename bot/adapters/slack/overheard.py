"""What was said in threads that are not ours, for some minutes and in memory only: an event may
overtake the one that makes the thread ours."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from bot.delivery import Incoming, Place

SECONDS = 300.0
"""Slack sends an event again after five minutes at the latest."""
MESSAGES = 1_000


class Overheard:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: deque[tuple[float, Incoming]] = deque(maxlen=MESSAGES)

    def add(self, message: Incoming) -> None:
        self._forget()
        self._heard.append((self._clock(), message))

    def taken_from(self, place: Place) -> list[Incoming]:
        """Of this place; they are forgotten here."""
        self._forget()
        found = [message for _, message in self._heard if message.place == place]
        if found:
            rest = [one for one in self._heard if one[1].place != place]
            self._heard = deque(rest, maxlen=MESSAGES)
        return found

    def _forget(self) -> None:
        while self._heard and self._clock() - self._heard[0][0] > SECONDS:
            self._heard.popleft()
