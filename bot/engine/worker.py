"""Work that many callers hand in and that the engine thread does together, step by step."""

from __future__ import annotations

import threading
from collections.abc import Callable

from bot.engine.thread import EngineThread, Job
from bot.errors import EngineClosed


class Worker:
    """Takes its turns on the engine thread while there is something to do, and sleeps else."""

    def __init__(
        self,
        thread: EngineThread,
        *,
        step: Callable[[], None],
        has_work: Callable[[], bool],
        give_up: Callable[[Exception], None],
    ) -> None:
        """`step` does a little of the work; `give_up` fails what is left when the engine
        closes, or when a step raised. Both are called on the engine thread, `has_work` on any."""
        self._thread = thread
        self._step, self._has_work, self._give_up = step, has_work, give_up
        self._lock = threading.Lock()
        self._awake = False

    def wake(self) -> None:
        """After work was handed in. From any thread; raise EngineClosed."""
        with self._lock:
            if self._awake:
                return
            self._awake = True
        try:
            self._thread.stream(self._turns())
        except EngineClosed:
            self._awake = False
            raise

    def _turns(self) -> Job[None]:
        try:
            while True:
                self._step()
                yield None
                with self._lock:
                    if not self._has_work():
                        self._awake = False
                        return
        except GeneratorExit:
            self._give_up(EngineClosed("the engine was closed while it worked; ask again"))
            raise
        except Exception as error:  # the border of the engine: nobody may wait for ever
            with self._lock:
                self._awake = False
            self._give_up(error)
            raise
