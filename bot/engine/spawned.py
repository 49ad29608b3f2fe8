"""One life of the engine's process, from its start to its end, as its parent sees it."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from datetime import UTC, datetime

from bot.engine.child import SIGNS, Answer, Letter, Models, Ready, serve
from bot.errors import EngineCrashed, KefuError

_SECONDS_TO_END = 5.0
_SECONDS_TO_LOAD = 900.0
"""A large model on a slow disk takes minutes; a driver that hangs takes for ever."""


class Spawned:
    """Running from the start; nothing but `ready` and `kill` before `ready` returned."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._heard = False
        self.hung = False
        """Whether it was ended because it gave no sign of life."""
        self._over = threading.Event()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.process = context.Process(
            target=serve, args=(theirs, models), name="kefu-engine", daemon=True
        )
        # multiprocessing passes stderr on, and that of a terminal application is no file
        with redirect_stderr(sys.__stderr__):
            self.process.start()
        theirs.close()

    def ready(self) -> Ready:
        """Blocks until the models are loaded and warm. Raise ModelFileError or EngineCrashed."""
        try:
            if not self._connection.poll(_SECONDS_TO_LOAD):
                self.hung = True
                self.process.kill()
            first: Ready | KefuError = self._connection.recv()
        except (EOFError, OSError):
            self._connection.close()
            raise self._broken_off() from None
        if not isinstance(first, Ready):
            self._connection.close()
            self.process.join()
            raise first
        threading.Thread(target=self._watch, name="kefu-watch", daemon=True).start()
        return first

    def _broken_off(self) -> EngineCrashed:
        ending = f"the engine's process {self.ending()} while it loaded {self._models.language}"
        self.note(ending)
        remedy = "logs/engine.log has its last words; `kefu doctor` says what is wrong here"
        if self.process.exitcode == -signal.SIGKILL and not self.hung:
            remedy = "where memory was short, choose a smaller model or lower engine.context"
        return EngineCrashed(f"{ending}; {remedy}")

    def answers(self) -> Iterator[list[Answer]]:
        """Until it ends."""
        try:
            while True:
                answers = self._connection.recv()
                self._heard = True
                yield answers
        except (EOFError, OSError):
            return
        finally:
            self._over.set()
            with self._lock:
                self._connection.close()

    def post(self, letter: Letter | None) -> None:
        """None: that it shall end. It may have ended just now: `answers` tells that."""
        with self._lock, suppress(OSError):  # a message is written in pieces
            self._connection.send(letter)

    def kill(self) -> None:
        if self.process.is_alive():
            self.process.kill()

    def ending(self) -> str:
        """How it ended, as part of a sentence."""
        self.process.join(_SECONDS_TO_END)
        code = self.process.exitcode
        if self.hung:
            return "gave no sign of life and was ended (engine.timeout)"
        if code is None:
            self.process.kill()
            return "closed its connection and hung"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with status {code}"

    def note(self, line: str) -> None:
        """Beside llama.cpp's last words."""
        if self._models.log is None:
            return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with suppress(OSError), self._models.log.open("a", encoding="utf-8") as log:
            log.write(f"{now} {line}\n")

    def _watch(self) -> None:
        """On a thread that waits for nothing else. Each sign of life is missed on its own: while
        the whole machine was suspended, only one is."""
        missed = 0
        while not self._over.wait(self._models.settings.timeout / SIGNS):
            missed = 0 if self._heard else missed + 1
            self._heard = False
            if missed > SIGNS:
                self.hung = True
                self.process.kill()
                return
