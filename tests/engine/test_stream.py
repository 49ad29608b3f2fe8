"""Results on their way from the engine thread into an event loop."""

from __future__ import annotations

import asyncio
import threading

from bot.engine.stream import AsyncStream

STREAMS, ROUNDS = 8, 3_000


class Task:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


async def test_no_wake_up_is_lost() -> None:
    """The loop looks at any moment of a thread's putting."""
    streams: list[AsyncStream[int]] = [AsyncStream() for _ in range(STREAMS)]
    echoed = threading.Semaphore(0)

    def work() -> None:
        for number in range(ROUNDS):
            for stream in streams:
                stream.put(number)
            assert echoed.acquire(timeout=20)  # the last of them is seen before the next round
        for stream in streams:
            stream.end()

    async def read(stream: AsyncStream[int]) -> list[int]:
        seen = []
        async for number in stream:
            seen.append(number)
            if stream is streams[-1]:
                echoed.release()
        return seen

    thread = threading.Thread(target=work)
    thread.start()
    seen = await asyncio.wait_for(asyncio.gather(*map(read, streams)), 60)
    thread.join()
    assert seen == [list(range(ROUNDS))] * STREAMS


def test_who_put_into_a_closed_loop_is_told_to_stop() -> None:
    async def make() -> AsyncStream[int]:
        stream: AsyncStream[int] = AsyncStream()
        stream.task = Task()
        return stream

    stream = asyncio.run(make())
    for _ in range(2):
        stream.task = task = Task()
        stream.put(1)
        assert task.cancelled
