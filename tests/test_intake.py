from __future__ import annotations

import asyncio

import pytest

from bot.delivery import Incoming, Place
from bot.errors import StoreFull
from bot.intake import AT_ONCE, Intake


def said(number: int) -> Incoming:
    return Incoming(Place("slack", "a"), str(number), str(number), "anna", str(number))


async def test_what_comes_together_is_stored_together() -> None:
    batches: list[int] = []

    async def take_in(*messages: Incoming) -> None:
        batches.append(len(messages))
        await asyncio.sleep(0.01)

    intake = Intake(take_in)
    await asyncio.gather(*(intake.put(said(n)) for n in range(AT_ONCE + 5)))
    await intake.put(said(999))
    assert batches == [AT_ONCE, 5, 1]


async def test_a_refusal_reaches_all_it_concerns_and_the_next_is_stored() -> None:
    stored: list[str] = []

    async def take_in(*messages: Incoming) -> None:
        if any(message.text == "1" for message in messages):
            raise StoreFull("the disk is full")
        stored.extend(message.text for message in messages)

    intake = Intake(take_in)
    told = await asyncio.gather(intake.put(said(1)), intake.put(said(2)), return_exceptions=True)
    assert [type(error) for error in told] == [StoreFull, StoreFull]
    await intake.put(said(3))
    assert stored == ["3"]


async def test_one_that_nobody_waits_for_any_longer_is_stored_all_the_same() -> None:
    stored: list[str] = []
    gate = asyncio.Event()

    async def take_in(*messages: Incoming) -> None:
        await gate.wait()
        stored.extend(message.text for message in messages)

    intake = Intake(take_in)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(intake.put(said(1)), 0.01)
    gate.set()
    await intake.put(said(2))
    assert stored == ["1", "2"]
