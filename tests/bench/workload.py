"""What is measured: so many conversations at once, each of so many turns, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from statistics import median
from typing import TypeAlias

Messages: TypeAlias = list[tuple[str, str]]
Stream: TypeAlias = Callable[[str, Messages], AsyncIterator[str]]
"""From a conversation's name and its messages to the pieces of the reply."""

WORDS = """order return parcel shoe refund delivery lamp store card voucher invoice account address
size colour warranty repair exchange courier label receipt customer question answer"""


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
        times = sorted(time for turn in self.first_token_ms[turns] for time in turn)
        return times[min(len(times) - 1, int(share * len(times)))]


def text_of(tokens: int, seed: str, count: Callable[[str], int]) -> str:
    """A text of about so many tokens that no other seed has."""
    words, known = [f"About {seed}:"], WORDS.split()
    number = sum(seed.encode())
    while count(" ".join(words)) < tokens:
        number = (number * 31 + 7) % 1_000_003
        words.append(known[number % len(known)])
    return " ".join(words)


async def run(stream: Stream, load: Workload, count: Callable[[str], int]) -> Measured:
    """Every conversation begins at the same moment and asks on as soon as it has its answer."""
    measured = Measured(first_token_ms=[[] for _ in range(load.turns)])
    began = time.perf_counter()
    await asyncio.gather(
        *(_converse(stream, load, count, measured, number) for number in range(load.conversations))
    )
    measured.seconds = time.perf_counter() - began
    measured.tokens = load.conversations * load.turns * load.reply_tokens
    return measured


async def _converse(
    stream: Stream, load: Workload, count: Callable[[str], int], measured: Measured, number: int
) -> None:
    about = "all of us" if load.shared else f"conversation {number}"
    messages: Messages = [("system", text_of(load.system_tokens, about, count))]
    for turn in range(load.turns):
        messages.append(("user", text_of(load.prompt_tokens, f"{number}.{turn}", count)))
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
