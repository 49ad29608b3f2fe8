"""One life of the engine's process, from its start to its end, as its parent sees it."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress

from bot.engine.child import Answer, Letter, Models, Ready, serve
from bot.errors import EngineCrashed, KefuError

_SECONDS_TO_END = 5.0


class Spawned:
    def __init__(self, models: Models) -> None:
        """Blocks until the models are loaded and warm. Raise ModelFileError or EngineCrashed."""
        self._patience = models.settings.timeout
        self._lock = threading.Lock()
        self._hung = False
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.process = context.Process(
            target=serve, args=(theirs, models), name="kefu-engine", daemon=True
        )
        # multiprocessing passes stderr on, and that of a terminal application is no file
        with redirect_stderr(sys.__stderr__):
            self.process.start()
        theirs.close()
        self.ready = self._first_word(models)

    def answers(self) -> Iterator[list[Answer]]:
        """Until it ends. Whoever says nothing for `engine.timeout` seconds, not even that it is
        well, is ended here."""
        try:
            while True:
                if not self._connection.poll(self._patience):
                    self._hung = True
                    self.process.kill()
                yield self._connection.recv()
        except (EOFError, OSError):
            return
        finally:
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
        if self._hung:
            return f"said nothing for {self._patience:g} s (engine.timeout)"
        if code is None:
            self.process.kill()
            return "closed its connection and hung"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with status {code}"

    def _first_word(self, models: Models) -> Ready:
        try:
            first: Ready | KefuError = self._connection.recv()
        except (EOFError, OSError):
            self._connection.close()
            raise EngineCrashed(
                f"the engine's process {self.ending()} while it loaded {models.language}; "
                "`kefu doctor` says what is wrong with this build"
            ) from None
        if not isinstance(first, Ready):
            self._connection.close()
            self.process.join()
            raise first
        return first
