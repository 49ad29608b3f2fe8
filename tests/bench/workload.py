"""What is measured: so many conversations at once, each of so many turns, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from statistics import median
from typing import TypeAlias

from bot.engine.benchmark import quantile, text_of

Messages: TypeAlias = list[tuple[str, str]]
Stream: TypeAlias = Callable[[str, Messages], AsyncIterator[str]]
"""From a conversation's name and its messages to the pieces of the reply."""


@dataclass(frozen=True)
class Workload:
    conversations: int = 8
    turns: int = 3
    system_tokens: int = 400
    prompt_tokens: int = 60
    """New in each turn."""
    reply_tokens: int = 64
    shared: bool = True
    """One system prompt for all, or one each."""


@dataclass
class Measured:
    seconds: float = 0.0
    first_token_ms: list[list[float]] = field(default_factory=list)
    """By turn."""
    tokens: int = 0
    """Of all replies."""

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds

    def first_token(self, share: float, turns: slice = slice(None)) -> float:
        """The quantile of the first-token times of these turns."""
        return quantile([time for turn in self.first_token_ms[turns] for time in turn], share)


async def run(stream: Stream, load: Workload, count: Callable[[str], int]) -> Measured:
    """Every conversation begins at the same moment and asks on as soon as it has its answer. The
    texts are made before: that takes a tenth of a second for each conversation."""
    measured = Measured(first_token_ms=[[] for _ in range(load.turns)])
    talks = [_texts(load, count, number) for number in range(load.conversations)]
    began = time.perf_counter()
    await asyncio.gather(
        *(_converse(stream, texts, measured, number) for number, texts in enumerate(talks))
    )
    measured.seconds = time.perf_counter() - began
    measured.tokens = load.conversations * load.turns * load.reply_tokens
    return measured


def _texts(load: Workload, count: Callable[[str], int], number: int) -> list[str]:
    """The system's, then what is asked in each turn."""
    about = "all of us" if load.shared else f"conversation {number}"
    asked = [text_of(load.prompt_tokens, f"{number}.{turn}", count) for turn in range(load.turns)]
    return [text_of(load.system_tokens, about, count), *asked]


async def _converse(stream: Stream, texts: list[str], measured: Measured, number: int) -> None:
    system, *questions = texts
    messages: Messages = [("system", system)]
    for turn, question in enumerate(questions):
        messages.append(("user", question))
        asked, pieces = time.perf_counter(), []
        async for piece in stream(f"c{number}", messages):
            if not pieces:
                measured.first_token_ms[turn].append(1000 * (time.perf_counter() - asked))
            pieces.append(piece)
        messages.append(("assistant", "".join(pieces)))


def quantiles(measured: list[Measured]) -> str:
    """tokens/s, first token p50 and p95, later turns' p50: medians over the rounds."""
    later = slice(1, None)
    return (
        f"{median(m.tokens_per_second for m in measured):.0f} | "
        f"{median(m.first_token(0.5) for m in measured):.0f} / "
        f"{median(m.first_token(0.95) for m in measured):.0f} | "
        f"{median(m.first_token(0.5, later) for m in measured):.0f}"
    )
