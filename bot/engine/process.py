"""The engine in a process of its own: when llama.cpp crashes, it is started again.

A request that had not said a word yet is handed in once more; one that had, or that saw a second
crash, fails with EngineCrashed. Prompts are rendered and counted here, with the vocabulary alone.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import redirect_stderr, suppress
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Self

import llama_cpp

from bot.engine import loading
from bot.engine.child import Answer, Ask, Cancel, Encode, Models, Ready, Work, serve
from bot.engine.language_model import template_of
from bot.engine.request import Queued, Request, Said
from bot.engine.stream import Cancellable, Outlet
from bot.engine.text_model import TextModel
from bot.engine.vector_model import VectorModel, Vectors
from bot.engine.vocabulary import Vocabulary
from bot.errors import EngineBusy, EngineClosed, EngineCrashed, ModelFileError

_TRIES = 2
_CRASH_MEMORY = 60.0
"""Seconds for which a crash makes the next start wait longer."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_SECONDS_TO_END = 5.0


class Exchange:
    """Work that is with the child, or waits for it to be started again."""

    def __init__(
        self, process: EngineProcess, number: int, work: Work, outlet: Outlet[Any]
    ) -> None:
        self.number = number
        self.work = work
        self.outlet = outlet
        self.tries = 0
        self.has_spoken = False
        self._process = process

    def cancel(self) -> None:
        self._process.cancel(self)


class EngineProcess:
    """Made by `start`. All methods from any thread."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._open: dict[int, Exchange] = {}
        self._child: SpawnProcess | None = None
        self._connection: Connection | None = None
        """None while there is no child that takes work."""
        self._crashes: deque[float] = deque()
        self._stopping = threading.Event()
        ready = self._started()
        self.language_model = IsolatedLanguageModel(self, models, ready)
        self.encoder = IsolatedEncoder(self, ready)
        self._reader = threading.Thread(target=self._read, name="kefu-process", daemon=True)
        self._reader.start()

    @classmethod
    def start(cls, models: Models) -> Self:
        """Blocks until the models are loaded and warm. Raise ModelFileError or EngineCrashed."""
        return cls(models)

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    def hand_in(self, work: Work, outlet: Outlet[Any], *, limit: int | None = None) -> Exchange:
        """Raise EngineBusy where `limit` others wait for the child to start, or EngineClosed."""
        exchange = Exchange(self, next(self._numbers), work, outlet)
        with self._lock:
            if self._stopping.is_set():
                raise EngineClosed("the engine was closed; open kefu again")
            if self._connection is None and limit is not None and len(self._open) >= limit:
                raise EngineBusy(
                    f"{len(self._open)} requests wait for the engine to start again, as many as "
                    "engine.waiting allows; ask again in a moment"
                )
            self._open[exchange.number] = exchange
            self._send(exchange)
        return exchange

    def cancel(self, exchange: Exchange) -> None:
        with self._lock:
            if self._open.pop(exchange.number, None) is None:
                return
            self._post(exchange.number, Cancel())
        exchange.outlet.end()

    def close(self) -> None:
        """What is being generated ends with EngineClosed. Can be called again."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._stopping.set()
            self._post(0, None)
        self._fail_all(EngineClosed("the engine was closed while it worked; ask again"))
        self._reader.join(_SECONDS_TO_END)
        self._end_child()
        self._reader.join()
        self.language_model.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the child

    def _started(self) -> Ready:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        child = context.Process(
            target=serve, args=(theirs, self._models), name="kefu-engine", daemon=True
        )
        # multiprocessing passes stderr on, and that of a terminal application is no file
        with redirect_stderr(sys.__stderr__):
            child.start()
        theirs.close()
        self._child = child
        try:
            first = ours.recv()
        except (EOFError, OSError):
            ours.close()
            raise EngineCrashed(
                f"the engine's process {_end_of(child)} while it loaded {self._models.language}; "
                "`kefu doctor` says what is wrong with this build"
            ) from None
        if not isinstance(first, Ready):
            ours.close()
            child.join()
            raise first
        with self._lock:
            self._connection = ours
        return first

    def _read(self) -> None:
        """On a thread of its own, for as long as the engine is open."""
        while True:
            self._deliver_all()
            if self._stopping.is_set():
                return
            self._crashed()
            while not self._stopping.wait(self._pause()):
                try:
                    self._started()
                except (EngineCrashed, ModelFileError) as error:
                    self._crashes.append(time.monotonic())
                    self._fail_all(error)
                    continue
                if self._stopping.is_set():
                    self._end_child()
                self._send_all()
                break
            else:
                return

    def _deliver_all(self) -> None:
        """Until the child ends."""
        connection = self._connection
        assert connection is not None
        while True:
            try:
                answers: list[Answer] = connection.recv()
            except (EOFError, OSError):
                break
            for answer in answers:
                self._deliver(*answer)
        with self._lock:
            self._connection = None
        connection.close()

    def _deliver(self, number: int, kind: str, payload: Any) -> None:
        with self._lock:
            exchange = self._open.get(number)
            if exchange is None:  # cancelled
                return
            if kind != "put":
                del self._open[number]
        if kind == "put":
            exchange.has_spoken |= not isinstance(payload, Queued)
            exchange.outlet.put(payload)
        elif kind == "end":
            exchange.outlet.end()
        else:
            exchange.outlet.fail(payload)

    def _crashed(self) -> None:
        child = self._child
        assert child is not None
        self._crashes.append(time.monotonic())
        error = EngineCrashed(
            f"the engine's process {_end_of(child)} while it wrote this; "
            "it is being started again, so ask again"
        )
        with self._lock:
            lost = {
                number: exchange
                for number, exchange in self._open.items()
                if exchange.has_spoken or exchange.tries >= _TRIES
            }
            for number in lost:
                del self._open[number]
        for exchange in lost.values():
            exchange.outlet.fail(error)

    def _pause(self) -> float:
        """Before the next start: none after a first crash, longer after each that follows soon."""
        now = time.monotonic()
        while self._crashes and now - self._crashes[0] > _CRASH_MEMORY:
            self._crashes.popleft()
        repeated = len(self._crashes) - 1
        return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (repeated - 1)) if repeated > 0 else 0.0

    def _end_child(self) -> None:
        child = self._child
        if child is not None and child.is_alive():
            child.kill()

    def _fail_all(self, error: Exception) -> None:
        with self._lock:
            lost = list(self._open.values())
            self._open.clear()
        for exchange in lost:
            exchange.outlet.fail(error)

    def _send_all(self) -> None:
        with self._lock:
            for exchange in self._open.values():
                self._send(exchange)

    def _send(self, exchange: Exchange) -> None:
        if self._connection is not None:
            exchange.tries += 1
            self._post(exchange.number, exchange.work)

    def _post(self, number: int, what: Work | Cancel | None) -> None:
        """None: that it shall end. With the lock held, because a message is written in pieces."""
        if self._connection is None:
            return
        with suppress(OSError):  # it has just crashed: the reader sees that, too
            self._connection.send((number, what) if what is not None else None)


class IsolatedLanguageModel(TextModel):
    def __init__(self, process: EngineProcess, models: Models, ready: Ready) -> None:
        self.settings = models.settings
        self.info, self.warnings, self.modes = ready.info, ready.warnings, ready.modes
        self._process = process
        self._model = loading.open_vocabulary(models.language)
        self.vocabulary = Vocabulary(self._model)
        self._template = template_of(self._model, self.vocabulary)

    def hand_in(self, request: Request, tokens: int, outlet: Outlet[Said]) -> Cancellable:
        return self._process.hand_in(Ask(request, tokens), outlet, limit=self.settings.waiting)

    def close(self) -> None:
        self._process.close()

    def free(self) -> None:
        self.vocabulary.close()
        llama_cpp.llama_model_free(self._model)


class IsolatedEncoder(VectorModel):
    def __init__(self, process: EngineProcess, ready: Ready) -> None:
        self.languages = ready.languages
        self._process = process

    def hand_in(self, texts: Sequence[str], outlet: Outlet[Vectors]) -> Cancellable:
        return self._process.hand_in(Encode(list(texts)), outlet)


def _end_of(child: SpawnProcess) -> str:
    child.join(_SECONDS_TO_END)
    code = child.exitcode
    if code is None:
        child.kill()
        return "hung"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with status {code}"
