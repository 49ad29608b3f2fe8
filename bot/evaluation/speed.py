"""How long the encoder takes on this machine, and what the process holds in memory."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from time import perf_counter

from bot.engine import system
from bot.evaluation.encoders import Encodes
from bot.evaluation.table import Cell, Row, Table
from bot.skills.sentiment import SentimentTagger

MESSAGES = (
    "Where is my order?", "I have been waiting for two weeks now and nobody answers.",
    "Can I return shoes that I wore once?", "Thank you, that was quick!",
    "The lamp came broken and the box was open.", "我想退货，运费谁出？", "怎么还没发货，太慢了",
    "Do you deliver to Norway and how long does it take?",
)  # fmt: skip
ROUNDS = 12


async def table(tagger: SentimentTagger, encoder: Encodes, waited: Mapping[str, float]) -> Table:
    """`waited`: what was measured on the way."""
    feeling, query = [], []
    for number in range(ROUNDS):
        for text in MESSAGES:  # each time another text: vectors of the same one are kept
            language = "zh" if ord(text[0]) > 0x3000 else "en"
            began = perf_counter()
            await tagger.atag([f"{number + 1}. {text}"], [language])
            feeling.append(1_000 * (perf_counter() - began))
    for number in range(ROUNDS):
        for text in MESSAGES:
            began = perf_counter()
            await encoder.aembed_query(f"{number + 1}. {text}")
            query.append(1_000 * (perf_counter() - began))
    cells: dict[str, Cell] = {
        "sentiment of a message, ms": median(feeling),
        "a question's vector, ms": median(query),
        **waited,
        "memory, MB": system.peak_memory() / 1e6,
    }
    rows = [Row(name, {"median": value}) for name, value in cells.items()]
    return Table("speed", "Speed and memory", rows, "On this machine, as busy as it was.")
