"""The engine in a process of its own: when llama.cpp crashes or hangs, it is started again.

A request that had not said a word yet is handed in once more; one that had, or that saw a second
crash, fails with EngineCrashed. Prompts are rendered and counted here, with the vocabulary alone.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import count
from typing import Any, Self

import llama_cpp

from bot.engine import loading
from bot.engine.child import Ask, Cancel, Encode, Models, Ready, Work
from bot.engine.language_model import template_of
from bot.engine.request import Queued, Request, Said
from bot.engine.spawned import Spawned
from bot.engine.stream import Cancellable, Outlet
from bot.engine.text_model import TextModel
from bot.engine.vector_model import VectorModel, Vectors
from bot.engine.vocabulary import Vocabulary
from bot.errors import EngineBusy, EngineClosed, EngineCrashed, KefuError

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
        self._crashes = _Crashes()
        self._stopping = threading.Event()
        self._child, ready = _first_start(models)
        self._takes_work = True
        """False while there is no child that does."""
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
        return self._child.process.pid

    def hand_in(self, work: Work, outlet: Outlet[Any], *, limit: int | None = None) -> Exchange:
        """Raise EngineBusy where `limit` others wait for the child to start, or EngineClosed."""
        exchange = Exchange(self, next(self._numbers), work, outlet)
        with self._lock:
            if self._stopping.is_set():
                raise EngineClosed("the engine was closed; open kefu again")
            if not self._takes_work and limit is not None and len(self._open) >= limit:
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
            if self._takes_work:
                self._child.post((exchange.number, Cancel()))
        exchange.outlet.end()

    def close(self) -> None:
        """What is being generated ends with EngineClosed. Can be called again."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._stopping.set()
            if self._takes_work:
                self._child.post(None)
            else:  # it is being started again
                self._child.kill()
        self._fail_all(EngineClosed("the engine was closed while it worked; ask again"))
        self._reader.join(_SECONDS_TO_END)
        self._child.kill()
        self._reader.join()
        self._child.process.join(_SECONDS_TO_END)
        self.language_model.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        """On a thread of its own, for as long as the engine is open."""
        while True:
            for answers in self._child.answers():
                for answer in answers:
                    self._deliver(*answer)
            with self._lock:
                self._takes_work = False
            if self._stopping.is_set():
                return
            self._crashed()
            if not self._started_again():
                return

    def _deliver(self, number: int, kind: str, payload: Any) -> None:
        with self._lock:
            exchange = self._open.get(number)
            if exchange is None:  # cancelled, or a sign of life
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
        self._crashes.add()
        ending = f"the engine's process {self._child.ending()}"
        self._child.note(f"{ending}; it is being started again")
        error = EngineCrashed(
            f"{ending} while it wrote this; it is being started again, so ask again"
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

    def _started_again(self) -> bool:
        """False where the engine was closed meanwhile."""
        while not self._stopping.wait(self._crashes.pause()):
            try:
                with self._lock:
                    if self._stopping.is_set():
                        break
                    self._child = Spawned(self._models)
                self._child.ready()
            except Exception as error:  # nobody may wait for ever, whatever a start meets
                self._crashes.add()
                self._fail_all(error if isinstance(error, KefuError) else _cannot_start(error))
                continue
            with self._lock:
                self._takes_work = True
                for exchange in self._open.values():
                    self._send(exchange)
            return True
        return False

    def _fail_all(self, error: Exception) -> None:
        with self._lock:
            lost = list(self._open.values())
            self._open.clear()
        for exchange in lost:
            exchange.outlet.fail(error)

    def _send(self, exchange: Exchange) -> None:
        """With the lock held."""
        if self._takes_work:
            exchange.tries += 1
            self._child.post((exchange.number, exchange.work))


def _first_start(models: Models) -> tuple[Spawned, Ready]:
    """What ended it may have been a moment's: it is tried twice, but for a start that hung."""
    child = Spawned(models)
    try:
        return child, child.ready()
    except EngineCrashed:
        if child.hung:
            raise
    child = Spawned(models)
    return child, child.ready()


def _cannot_start(error: Exception) -> EngineCrashed:
    return EngineCrashed(f"the engine's process cannot be started again: {error!r}; ask later")


class _Crashes:
    """The last ones."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def add(self) -> None:
        self._times.append(time.monotonic())

    def pause(self) -> float:
        """Before the next start: none after a first crash, longer after each that follows soon."""
        now = time.monotonic()
        while self._times and now - self._times[0] > _CRASH_MEMORY:
            self._times.popleft()
        repeated = len(self._times) - 1
        return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (repeated - 1)) if repeated > 0 else 0.0


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
        self.info = ready.encoder
        self._process = process

    def hand_in(self, texts: Sequence[str], outlet: Outlet[Vectors]) -> Cancellable:
        return self._process.hand_in(Encode(list(texts)), outlet)
