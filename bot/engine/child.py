"""The engine's own process: what arrives by the connection is handed to the models, and what they
yield goes back. It ends when the connection does."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, NamedTuple, TypeAlias

from bot.engine.encoder import Encoder
from bot.engine.language_model import LanguageModel
from bot.engine.modes import Modes
from bot.engine.request import Request
from bot.engine.stream import Cancellable
from bot.engine.text_model import ModelInfo
from bot.engine.thread import EngineThread
from bot.engine.vector_model import EncoderInfo
from bot.errors import EngineClosed, KefuError, ModelError
from bot.settings import EngineSettings


@dataclass(frozen=True, slots=True)
class Models:
    """What the child loads."""

    language: Path
    encoder: Path
    settings: EngineSettings
    modes: Path | None = None
    """Where measured modes are kept."""
    log: Path | None = None
    """Where llama.cpp's last words go; nowhere without."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The first thing that the child says."""

    info: ModelInfo
    warnings: tuple[str, ...]
    modes: Modes
    encoder: EncoderInfo


class Ask(NamedTuple):
    request: Request
    tokens: int


class Encode(NamedTuple):
    texts: Sequence[str]


class Cancel(NamedTuple):
    pass


Work: TypeAlias = Ask | Encode
Letter: TypeAlias = tuple[int, Work | Cancel]
"""To the child: which exchange, and what."""
Answer: TypeAlias = tuple[int, Literal["put", "end", "fail", "alive"], Any]
"""From the child, in lists: which exchange, what happened, and with what. Exchange 0 is nobody's:
the engine thread is well."""

SIGNS = 4
"""Of life, in the time after which the parent gives it up."""


def serve(connection: Connection, models: Models) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it closes the connection
    _redirect_output(models.log)
    with EngineThread() as thread:
        try:
            encoder = Encoder.load(models.encoder, thread, models.settings)
            model = LanguageModel.load(models.language, thread, models.settings, models.modes)
        except KefuError as error:
            connection.send(error)
            return
        connection.send(Ready(model.info, model.warnings, model.modes, encoder.info))
        post = _Post(connection)
        _show_life(thread, post, models.settings.timeout / SIGNS)
        open_: dict[int, _Outlet] = {}
        while (letter := _received(connection)) is not None:
            _hand_in(letter, model, encoder, post, open_)


def _show_life(thread: EngineThread, post: _Post, pause: float) -> None:
    """Each sign comes by the engine thread: when llama.cpp hangs, there are no more."""

    def work() -> None:
        with suppress(EngineClosed):
            while True:
                time.sleep(pause)
                thread.run(lambda: None)
                post.send((0, "alive", None))

    threading.Thread(target=work, name="kefu-life", daemon=True).start()


def _received(connection: Connection) -> Letter | None:
    try:
        letter: Letter | None = connection.recv()
    except (EOFError, OSError):
        return None
    return letter


def _hand_in(
    letter: Letter,
    model: LanguageModel,
    encoder: Encoder,
    post: _Post,
    open_: dict[int, _Outlet],
) -> None:
    number, what = letter
    if isinstance(what, Cancel):
        if (outlet := open_.get(number)) is not None and outlet.task is not None:
            outlet.task.cancel()
        return
    open_[number] = outlet = _Outlet(number, post, open_)
    try:
        if isinstance(what, Ask):
            outlet.task = model.hand_in(what.request, what.tokens, outlet)
        else:
            outlet.task = encoder.hand_in(what.texts, outlet)
    except KefuError as error:
        outlet.fail(error)


class _Outlet:
    """Of one exchange."""

    def __init__(self, number: int, post: _Post, open_: dict[int, _Outlet]) -> None:
        self.task: Cancellable | None = None
        self._number, self._post, self._open = number, post, open_

    def put(self, result: object) -> None:
        self._post.send((self._number, "put", result))

    def end(self) -> None:
        self._over("end", None)

    def fail(self, error: BaseException) -> None:
        self._over("fail", error if _travels(error) else ModelError(str(error)))

    def _over(self, kind: Literal["end", "fail"], error: BaseException | None) -> None:
        self._open.pop(self._number, None)
        self._post.send((self._number, kind, error))


class _Post:
    """Sends from a thread of its own, because the engine thread may not wait for the reader; what
    came together, the tokens of one step, goes together."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        threading.Thread(target=self._work, name="kefu-post", daemon=True).start()

    def send(self, answer: Answer) -> None:
        self._answers.put(answer)

    def _work(self) -> None:
        while True:
            answers = [self._answers.get()]
            while not self._answers.empty():
                answers.append(self._answers.get())
            try:
                self._connection.send(answers)
            except OSError:  # the parent is gone
                return


def _travels(error: BaseException) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just written
    except Exception:  # whatever an unknown exception's own methods raise
        return False
    return True


def _redirect_output(log: Path | None) -> None:
    """llama.cpp writes to the terminal when it aborts; the terminal is the parent's."""
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(target, stream.fileno() if stream is not None else 2)
    os.close(target)
