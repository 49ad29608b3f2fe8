from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot.errors import StoreFull
from bot.together import AT_ONCE, Together


async def test_what_comes_together_is_stored_together() -> None:
    batches: list[int] = []

    async def store(numbers: Sequence[int]) -> None:
        batches.append(len(numbers))
        await asyncio.sleep(0.01)

    together = Together(store)
    await asyncio.gather(*(together.put(n) for n in range(AT_ONCE + 5)))
    await together.put(999)
    assert batches == [AT_ONCE, 5, 1]


async def test_a_refusal_reaches_all_it_concerns_and_the_next_is_stored() -> None:
    stored: list[int] = []

    async def store(numbers: Sequence[int]) -> None:
        if 1 in numbers:
            raise StoreFull("the disk is full")
        stored.extend(numbers)

    together = Together(store)
    told = await asyncio.gather(together.put(1), together.put(2), return_exceptions=True)
    assert [type(error) for error in told] == [StoreFull, StoreFull]
    await together.put(3)
    assert stored == [3]


async def test_one_that_nobody_waits_for_any_longer_is_stored_all_the_same() -> None:
    stored: list[int] = []
    gate = asyncio.Event()

    async def store(numbers: Sequence[int]) -> None:
        await gate.wait()
        stored.extend(numbers)

    together = Together(store)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(together.put(1), 0.01)
    gate.set()
    await together.put(2)
    assert stored == [1, 2]
