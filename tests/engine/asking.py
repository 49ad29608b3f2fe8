"""Requests to tiny models, and their replies."""

from __future__ import annotations

import asyncio

from bot.engine import LanguageModel
from bot.engine.request import Finished, Priority, Queued, Request, Said
from bot.engine.sampling import Sampling
from bot.engine.stream import AsyncStream
from bot.engine.template import ChatTurn

LETTERS = "root ::= [a-z ]+"
"""The tiny models write random bytes; under this grammar they write text that has a way back."""


def ask(
    model: LanguageModel,
    *contents: str,
    system: str = "",
    conversation: str = "",
    grammar: str | None = LETTERS,
    temperature: float = 0,
    max_tokens: int = 24,
    stop: tuple[str, ...] = (),
    seed: int = 0,
    priority: Priority = Priority.CUSTOMER,
) -> Request:
    turns = [
        ChatTurn("assistant" if number % 2 else "user", content)
        for number, content in enumerate(contents)
    ]
    if system:
        turns.insert(0, ChatTurn("system", system))
    sampling = Sampling(temperature=temperature, grammar=grammar, seed=seed)
    return Request(model.render(turns), sampling, max_tokens, stop, conversation, priority)


def answered(model: LanguageModel, request: Request) -> tuple[str, Finished]:
    return _whole(list(model.generate(request)))


async def collected(stream: AsyncStream[Said]) -> tuple[str, Finished]:
    return _whole([item async for item in stream])


def together(model: LanguageModel, *requests: Request) -> list[tuple[str, Finished]]:
    """Handed in at once, read to their ends."""

    async def read() -> list[tuple[str, Finished]]:
        return list(await asyncio.gather(*(collected(model.agenerate(one)) for one in requests)))

    return asyncio.run(read())


def places(items: list[Said]) -> list[int]:
    return [item.place for item in items if isinstance(item, Queued)]


def _whole(items: list[Said]) -> tuple[str, Finished]:
    finished = items[-1]
    assert isinstance(finished, Finished)
    return "".join(item for item in items if isinstance(item, str)), finished
