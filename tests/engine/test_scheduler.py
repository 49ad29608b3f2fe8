"""Continuous batching over the tiny model: who is decoded with whom, and what must not change."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from bot.engine import LanguageModel, scheduler
from bot.engine.context import CHUNK, Part
from bot.engine.request import Finished, Priority, Queued, Request
from bot.errors import EngineBusy, ModelError
from tests.engine.asking import answered, ask, collected, places, together
from tests.engine.conftest import Load

LONG = "return the shoe " * 40


@contextmanager
def held(model: LanguageModel) -> Iterator[None]:
    """Nothing is decoded in here: what is handed in arrives at once."""
    gate, reached = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert gate.wait(10)

    holder = threading.Thread(target=lambda: model._thread.run(wait))
    holder.start()
    assert reached.wait(10)
    try:
        yield
    finally:
        gate.set()
        holder.join()


@pytest.fixture
def watched(load: Load, monkeypatch: pytest.MonkeyPatch) -> tuple[LanguageModel, list[list[Part]]]:
    """A model for four conversations that guesses nothing, and the parts of each step."""
    model = load(conversations=4, drafts=0)
    steps: list[list[Part]] = []
    decode = model._context.decode

    def noted(parts: Sequence[Part]) -> None:
        steps.append(list(parts))
        decode(parts)

    monkeypatch.setattr(model._context, "decode", noted)
    return model, steps


def test_conversations_are_decoded_together(
    watched: tuple[LanguageModel, list[list[Part]]],
) -> None:
    model, steps = watched
    requests = [ask(model, f"how do i {word}", conversation=word) for word in ("do", "re", "mi")]
    alone = [answered(model, request)[0] for request in requests]
    steps.clear()
    model.memory.parking.take("do")
    found = together(model, *requests)
    assert [text for text, _ in found] == alone
    assert max(map(len, steps)) == 3
    assert len(steps) < 3 * 24, "fewer steps than tokens"


def test_all_batch_sizes_write_what_one_at_a_time_writes(load: Load) -> None:
    """At temperature 0, token by token; the prompts differ in length, so they join one by one."""
    texts = [" ".join(["shoe"] * number) + " return" for number in range(1, 7)]
    single = load(conversations=1)
    alone = [answered(single, ask(single, text, grammar=None))[0] for text in texts]
    many = load(conversations=6)
    found = together(many, *(ask(many, text, conversation=text, grammar=None) for text in texts))
    assert [text for text, _ in found] == alone


async def read_while_another_writes(model: LanguageModel, steps: list[list[Part]]) -> None:
    """`steps` are then those from the arrival of a long prompt on."""
    writing = model.agenerate(ask(model, "hello", conversation="a", max_tokens=60))
    await anext(writing)
    steps.clear()
    reading = model.agenerate(ask(model, LONG, conversation="b", max_tokens=1))
    await asyncio.gather(collected(writing), collected(reading))


def test_a_long_prompt_stalls_no_reply(
    watched: tuple[LanguageModel, list[list[Part]]],
) -> None:
    model, steps = watched

    asyncio.run(read_while_another_writes(model, steps))
    both = [step for step in steps if len(step) == 2]
    assert len(both) >= 2, "the long prompt takes more than one step"
    assert all(min(len(part.tokens) for part in step) == 1 for step in both)
    assert all(sum(len(part.tokens) for part in step) <= CHUNK + 1 for step in steps)


def test_slow_prompts_come_in_smaller_pieces_while_others_write(
    watched: tuple[LanguageModel, list[list[Part]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, steps = watched
    monkeypatch.setattr(scheduler, "STALL", 1e-9)  # everything is too slow

    asyncio.run(read_while_another_writes(model, steps))
    sizes = [max(len(part.tokens) for part in step) for step in steps if len(step) == 2]
    assert max(sizes) == scheduler._SMALLEST
    steps.clear()
    answered(model, ask(model, "the hat " + LONG, max_tokens=1))
    assert max(len(part.tokens) for step in steps for part in step) == CHUNK, "nobody waits"
    steps.clear()
    monkeypatch.setattr(scheduler, "_LONGEST", 1e-9)  # a machine that slow
    answered(model, ask(model, "the lamp " + LONG, max_tokens=1))
    assert max(len(part.tokens) for step in steps for part in step) == scheduler._SMALLEST


def test_the_prompt_of_all_is_decoded_once(watched: tuple[LanguageModel, list[list[Part]]]) -> None:
    model, steps = watched
    system = "you return the shoe and the hat " * 6
    requests = [ask(model, f"hi {name}", system=system, conversation=name) for name in "abcd"]

    async def talk() -> list[tuple[str, Finished]]:
        with held(model):
            streams = [model.agenerate(request) for request in requests]
        return list(await asyncio.gather(*map(collected, streams)))

    found = asyncio.run(talk())
    shared = model.count_tokens(ask(model, system=system).prompt) - 4
    assert [finished.reused_tokens > shared - 8 for _, finished in found] == [
        False,
        True,
        True,
        True,
    ]
    prompt_tokens = sum(len(p.tokens) for step in steps for p in step if len(p.tokens) > 1)
    assert prompt_tokens < sum(finished.prompt_tokens for _, finished in found) / 2
    fresh = [answered(model, Request(one.prompt, one.sampling, 24))[0] for one in requests]
    assert [text for text, _ in found] == fresh


def test_a_conversation_waits_for_itself(model: LanguageModel) -> None:
    first, second = together(
        model,
        ask(model, "hello", conversation="a"),
        ask(model, "hello", conversation="a"),
    )
    assert second[0] == first[0]
    assert second[1].reused_tokens == second[1].prompt_tokens - 1


def test_places_in_the_line_are_told(load: Load) -> None:
    model = load(conversations=1)

    async def talk() -> list[list[int]]:
        with held(model):
            streams = [model.agenerate(ask(model, "hi", conversation=name)) for name in "abc"]
        return [places([item async for item in stream]) for stream in streams]

    assert asyncio.run(talk()) == [[], [1], [2, 1]]


def test_customers_go_before_background_work(load: Load) -> None:
    model = load(conversations=1)
    order: list[str] = []

    async def read(name: str, request: Request) -> None:
        await collected(model.agenerate(request))
        order.append(name)

    async def talk() -> None:
        background = [
            ask(model, "hi", conversation=name, priority=Priority.BACKGROUND) for name in "de"
        ]
        customer = ask(model, "hi", conversation="c")
        with held(model):
            tasks = [asyncio.create_task(read("background", one)) for one in background]
            tasks.append(asyncio.create_task(read("customer", customer)))
            async with asyncio.timeout(5):
                while model._scheduler._pending.requests < 3:  # noqa: ASYNC110
                    await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    asyncio.run(talk())
    assert order == ["customer", "background", "background"]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"waiting": 2}, "2 requests wait already, as many as engine.waiting allows"),
        ({"waiting_tokens": 40}, r"prompt tokens wait already.*engine.waiting_tokens = 40"),
    ],
)
def test_a_full_line_is_refused(load: Load, limits: dict[str, int], message: str) -> None:
    model = load(conversations=1, **limits)
    with held(model):
        streams = [model.generate(ask(model, "hi", conversation=name)) for name in "ab"]
        with pytest.raises(EngineBusy, match=message):
            model.generate(ask(model, "hi"))
    for stream in streams:
        assert isinstance(list(stream)[-1], Finished)
    assert answered(model, ask(model, "hi"))[1].reply_tokens == 24, "the line is empty again"


def test_a_reply_that_takes_too_long_is_ended(load: Load) -> None:
    model = load(max_seconds=0.02)
    text, finished = answered(model, ask(model, "hello", max_tokens=480))
    assert finished.reason == "time"
    assert 0 < finished.reply_tokens < 480
    assert len(text) >= finished.reply_tokens


def test_who_waits_can_leave(load: Load) -> None:
    model = load(conversations=1)

    async def talk() -> list[int]:
        with held(model):
            first, second, third = (
                model.agenerate(ask(model, "hi", conversation=name)) for name in "abc"
            )
            second.close()
        await collected(first)
        return places([item async for item in third])

    assert asyncio.run(talk()) == [1]


def test_a_failing_part_fails_alone(
    watched: tuple[LanguageModel, list[list[Part]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = watched
    alone = answered(model, ask(model, "good", conversation="good", max_tokens=60))[0]
    decode = model._context.decode

    def failing(parts: Sequence[Part]) -> None:
        if any(len(part.tokens) > 50 for part in parts):
            raise ModelError("this prompt breaks it")
        decode(parts)

    monkeypatch.setattr(model._context, "decode", failing)

    async def talk() -> tuple[str, Finished]:
        good = model.agenerate(ask(model, "good", conversation="good", max_tokens=60))
        first = await anext(good)
        assert isinstance(first, str)
        bad = model.agenerate(ask(model, LONG, conversation="bad"))
        with pytest.raises(ModelError, match="this prompt breaks it"):
            await collected(bad)
        rest, finished = await collected(good)
        return first + rest, finished

    assert asyncio.run(talk())[0] == alone


def test_an_error_that_nobody_expected_fails_all_and_the_next_goes_on(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(model._scheduler, "_admit", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            answered(model, ask(model, "hello"))
    assert answered(model, ask(model, "hello"))[1].reply_tokens == 24
    assert model._scheduler._pending.requests == 0


async def test_threads_and_cancels_at_random_leave_nothing_behind(load: Load) -> None:
    """Half of 200 are cancelled, each at another moment; the others write what they always do."""
    model = load(conversations=4)
    requests = [ask(model, f"shoe {number}", conversation=str(number)) for number in range(10)]
    expected = [(await asyncio.to_thread(answered, model, one))[0] for one in requests]
    rng = random.Random(5)

    async def one(number: int) -> None:
        stream = model.agenerate(requests[number % 10])
        if number % 2:
            text = (await collected(stream))[0]
            assert text == expected[number % 10]
        else:
            await asyncio.sleep(rng.random() * 0.2)
            stream.close()

    await asyncio.gather(*(one(number) for number in range(200)))
    text, _ = await asyncio.to_thread(answered, model, requests[3])
    assert text == expected[3]
    assert model._thread.run(lambda: not any(slot.busy for slot in model.memory.slots))
    assert model._scheduler._pending.requests == 0
    assert model._scheduler._pending.tokens == 0


def test_64_threads_calling_at_once(model: LanguageModel) -> None:
    expected = answered(model, ask(model, "hello shoe"))[0]
    texts: list[str] = []

    def call(number: int) -> None:
        request = ask(model, "hello shoe", conversation=str(number % 16))
        texts.append(answered(model, request)[0])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert texts == [expected] * 64


def test_queued_is_no_text(load: Load) -> None:
    model = load(conversations=1)
    with held(model):
        first = model.generate(ask(model, "hi", conversation="a"))
        second = model.generate(ask(model, "hi", conversation="b"))
    assert next(second) == Queued(1)
    first.close()
    second.close()
