"""Ten thousand requests, nine of ten of them cancelled at a random moment."""

from __future__ import annotations

import asyncio
import random

from tests.engine.asking import answered, ask, collected
from tests.engine.conftest import Load

REQUESTS, AT_ONCE, QUESTIONS = 10_000, 200, 40
LONGEST = 0.05
"""Seconds before a cancel."""


async def test_cancels_at_random_moments_touch_nobody_else(load: Load) -> None:
    model = load(conversations=8)
    requests = [
        ask(model, f"return the shoe {n} " * (1 + n % 7), conversation=str(n))
        for n in range(QUESTIONS)
    ]
    expected = [(await asyncio.to_thread(answered, model, one))[0] for one in requests]
    rng = random.Random(11)
    room = asyncio.Semaphore(AT_ONCE)
    right = 0

    async def one(number: int) -> None:
        nonlocal right
        async with room:
            stream = model.agenerate(requests[number % QUESTIONS])
            if rng.random() < 0.9:
                await asyncio.sleep(rng.random() * LONGEST)
                stream.close()
            else:
                text, _ = await collected(stream)
                assert text == expected[number % QUESTIONS]
                right += 1

    await asyncio.gather(*(one(number) for number in range(REQUESTS)))
    assert right > REQUESTS // 20
    await asyncio.to_thread(answered, model, requests[0])
    pending = model._scheduler._pending
    async with asyncio.timeout(10):  # some were closed before they came to the engine
        while model._scheduler.has_work() or pending.requests:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert model._thread.run(lambda: not any(slot.busy for slot in model.memory.slots))
    assert (pending.requests, pending.tokens) == (0, 0)
