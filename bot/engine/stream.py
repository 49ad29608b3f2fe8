"""What a job yields, on its way from the engine thread to a reader."""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from typing import Generic, Protocol, Self, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")
Put = TypeVar("Put", contravariant=True)


class Outlet(Protocol[Put]):
    """The engine thread's end. None of these may block or raise."""

    def put(self, result: Put) -> None: ...
    def end(self) -> None: ...
    def fail(self, error: BaseException) -> None: ...


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Stream(Generic[T]):
    """An iterator for plain threads. Closing it stops the job."""

    task: Cancellable

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
        self._over = False

    def put(self, result: T) -> None:
        self._items.put(result)

    def end(self) -> None:
        self._items.put(_End())

    def fail(self, error: BaseException) -> None:
        self._items.put(_End(error))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._over:
            raise StopIteration
        item = self._items.get()
        if not isinstance(item, _End):
            return item
        self._over = True
        if item.error is not None:
            raise item.error
        raise StopIteration

    def close(self) -> None:
        if not self._over:
            self._over = True
            self.task.cancel()


class _Waker:
    """Of an event loop: once for all its streams that something came for since it last looked. To
    wake it is a system call, in which the loop's thread takes the interpreter's lock from us."""

    def __init__(self) -> None:
        self._due: deque[asyncio.Event] = deque()
        self._called = False

    def wake(self, arrived: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
        """From any thread. Raise RuntimeError where the loop is closed."""
        self._due.append(arrived)
        if not self._called or loop.is_closed():
            self._called = True  # first: it may look at once
            loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._called = False  # first: what is added from here on calls again
        while self._due:
            self._due.popleft().set()


_wakers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waker] = WeakKeyDictionary()


class AsyncStream(Generic[T]):
    """An asynchronous iterator for the event loop that was running when it was made. Closing it
    stops the job."""

    task: Cancellable

    def __init__(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._waker = _wakers.setdefault(loop, _Waker())
        self._arrived = asyncio.Event()
        self._items: deque[T | _End] = deque()
        self._over = False

    def put(self, result: T) -> None:
        self._deliver(result)

    def end(self) -> None:
        self._deliver(_End())

    def fail(self, error: BaseException) -> None:
        self._deliver(_End(error))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._over:
            raise StopAsyncIteration
        while not self._items:
            self._arrived.clear()
            if not self._items:
                await self._arrived.wait()
        item = self._items.popleft()
        if not isinstance(item, _End):
            return item
        self._over = True
        if item.error is not None:
            raise item.error
        raise StopAsyncIteration

    def ready(self) -> list[T]:
        """What is already here and can be had without waiting."""
        items: list[T] = []
        while self._items and not isinstance(self._items[0], _End):
            items.append(self._items.popleft())  # type: ignore[arg-type]
        return items

    def close(self) -> None:
        if not self._over:
            self._over = True
            self.task.cancel()

    def _deliver(self, item: T | _End) -> None:
        self._items.append(item)
        try:
            if self._loop.is_closed() or not self._arrived.is_set():
                self._waker.wake(self._arrived, self._loop)
        except RuntimeError:  # the loop is closed: nobody reads any more
            self.task.cancel()
