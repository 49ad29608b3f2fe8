"""The engine thread: the one OS thread that makes every llama.cpp call.

Contexts are not thread-safe, and a context that was warmed up on another thread decodes at half
the speed (measured). A job is a generator: the thread steps all jobs in turn, so that conversations
interleave and a burst of embeddings does not wait for a whole reply.
"""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Generic, Self, TypeAlias, TypeVar

from bot.engine.interrupt import Interrupt
from bot.engine.stream import AsyncStream, Outlet, Stream
from bot.errors import EngineClosed

T = TypeVar("T")

Job: TypeAlias = Generator[T | None, None, None]
"""Yields what the reader gets, and None after a step that has nothing to show."""


class Task(Generic[T]):
    """A job that was handed in, and where its results go."""

    def __init__(self, thread: EngineThread, job: Job[T], outlet: Outlet[T]) -> None:
        self.job = job
        self.outlet = outlet
        self.cancelled = False
        self._thread = thread

    def cancel(self) -> None:
        """Stop before the next step, and break off a decode that is running. From any thread."""
        self._thread.cancel(self)


class EngineThread:
    def __init__(self) -> None:
        self.interrupt = Interrupt()
        """Raised while the step that is running should break off; llama.cpp looks at it."""
        self._wake = threading.Condition()
        self._arrived: list[Task[object]] = []
        self._current: Task[object] | None = None
        self._residents: list[Callable[[], None]] = []
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="kefu-engine", daemon=True)
        self._thread.start()
        # A daemon thread keeps no interpreter alive; this frees the models while there is one.
        atexit.register(self.close)

    def stream(self, job: Job[T]) -> Stream[T]:
        """Run `job`; its results are read from a plain thread."""
        stream: Stream[T] = Stream()
        stream.task = self._submit(job, stream)
        return stream

    def astream(self, job: Job[T]) -> AsyncStream[T]:
        """Run `job`; its results are read from the running event loop."""
        stream: AsyncStream[T] = AsyncStream()
        stream.task = self._submit(job, stream)
        return stream

    def run(self, function: Callable[[], T]) -> T:
        """What `function` returns or raises, called on the engine thread."""
        if threading.current_thread() is self._thread:
            return function()
        return next(self.stream(_once(function)))[0]

    def keep(self, free: Callable[[], None]) -> None:
        """Call `free` on the engine thread when it closes; the last kept is freed first."""
        self._residents.append(free)

    def release(self, free: Callable[[], None]) -> None:
        """Call now what `keep` was to call later."""

        def release() -> None:
            if free in self._residents:
                self._residents.remove(free)
                free()

        if not self.closed:
            self.run(release)

    def cancel(self, task: Task[T]) -> None:
        with self._wake:
            task.cancelled = True
            if self._current is task:
                self.interrupt.set()

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """End all jobs with EngineClosed, free all models, join the thread. Can be called again."""
        with self._wake:
            self._closed = True
            self.interrupt.set()
            self._wake.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _submit(self, job: Job[T], outlet: Outlet[T]) -> Task[T]:
        task = Task(self, job, outlet)
        with self._wake:
            if self._closed:
                raise _closed_error()
            self._arrived.append(task)  # type: ignore[arg-type]
            self._wake.notify()
        return task

    def _work(self) -> None:
        running: deque[Task[object]] = deque()
        while self._admit(running):
            task = running.popleft()
            if self._step(task):
                running.append(task)
        for task in running:
            task.outlet.fail(_closed_error())
            _end(task)
        for free in reversed(self._residents):
            free()

    def _admit(self, running: deque[Task[object]]) -> bool:
        """Take in what arrived, waiting while there is nothing to do; False once closed."""
        with self._wake:
            while not (running or self._arrived or self._closed):
                self._wake.wait()
            running.extend(self._arrived)
            self._arrived.clear()
            return not self._closed

    def _step(self, task: Task[object]) -> bool:
        """Whether the task has more to do."""
        with self._wake:
            if not self._closed:
                self.interrupt.clear()
            self._current = None if task.cancelled else task
        if self._current is None:
            _end(task)
            task.outlet.end()
            return False
        try:
            result = next(task.job)
            if result is not None:
                task.outlet.put(result)
        except StopIteration:
            task.outlet.end()
            return False
        except BaseException as error:
            task.outlet.fail(error)
            _end(task)
            return False
        finally:
            with self._wake:
                self._current = None
        return True


def _once(function: Callable[[], T]) -> Job[tuple[T]]:
    yield (function(),)


def _end(task: Task[object]) -> None:
    try:
        task.job.close()
    except Exception as error:
        task.outlet.fail(error)


def _closed_error() -> EngineClosed:
    return EngineClosed("the engine is closed and takes no more requests; open kefu again")
