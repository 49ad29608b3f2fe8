"""Reports: `python -m tests.bench.bench_report`. How long one takes over so many conversations of
the demo world, with and without digests kept, and how fast messages are tagged."""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from langchain_core.language_models import BaseChatModel

from bot.app import open_kefu, open_tagger
from bot.cli.progress import silent
from bot.demo.content import content
from bot.demo.filling import fill
from bot.demo.world import World
from bot.engine.chat_model import LlamaChatModel
from bot.reports.opening import open_reporter
from bot.reports.prose import ProseDigests
from bot.reports.rendering import as_html
from bot.settings import EngineSettings, Settings
from bot.skills.summary import Summarizer
from bot.store.cohort import Period
from tests.bench.standin import write_standin

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)


async def report(conversations: int) -> None:
    """Over all of them: the period before is empty."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        async with open_reporter(settings, silent) as (store, reporter):
            told = World(7, conversations, UNTIL).conversations()
            await fill(store, told, UNTIL, lambda _: None)
            period = Period(UNTIL - timedelta(days=91), UNTIL + timedelta(days=1))
            seconds = []
            for _ in range(3):
                began = time.perf_counter()
                made = await reporter.report(period, UNTIL)
                as_html(made)
                seconds.append(time.perf_counter() - began)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"| {made.now.conversations:,} | {made.now.messages:,} | {seconds[0]:.1f} | "
        f"{min(seconds[1:]):.2f} | {memory:.0f} |",
        flush=True,
    )


async def tagging() -> None:
    said = [text for one in content().issues for some in one.questions.values() for text in some]
    async with open_tagger(Settings(home=Path(tempfile.mkdtemp()))) as tagger:
        await tagger.atag(said[:8], ["en"] * 8)
        alone = []
        for text in said[:50]:
            began = time.perf_counter()
            await tagger.atag([text], ["en"])
            alone.append(time.perf_counter() - began)
        began = time.perf_counter()
        await tagger.atag(said * 4, ["en"] * len(said) * 4)
        together = len(said) * 4 / (time.perf_counter() - began)
    one = 1000 * sorted(alone)[25]
    print(f"\ntagging: {one:.1f} ms a message, {together:.0f} a second together")


class Counting:
    """A chat model whose tokens are counted."""

    reads, model_name = True, "stand-in"

    def __init__(self, model: LlamaChatModel, *, free: bool) -> None:
        """`free`: replies follow no schema."""
        self._model, self._free = model, free
        self.tokens = 0

    def background(self, schema: str) -> dict[str, Any]:
        return {} if self._free else self._model.background(schema)

    async def ainvoke(self, messages: Any, **more: Any) -> Any:
        reply = await self._model.ainvoke(messages, **more)
        self.tokens += reply.usage_metadata["output_tokens"]
        return reply


async def prose(conversations: int) -> None:
    """Digests in a model's words, beside the same prompts answered freely: what the engine makes
    of so many replies at a time."""
    with tempfile.TemporaryDirectory() as home:
        file = write_standin(Path(home) / "standin.gguf")
        settings = Settings(home=Path(home), engine=EngineSettings(model=str(file)))
        async with open_kefu(settings) as kefu:
            told = World(7, conversations, UNTIL).conversations()
            await fill(kefu.store, told, UNTIL, lambda _: None)
            period = Period(UNTIL - timedelta(days=91), UNTIL + timedelta(days=1))
            some = await kefu.store.cohort.started(period)
            speeds: dict[bool, list[float]] = {True: [], False: []}
            for free in (True, False, True, False):
                model = Counting(kefu.summarizer._model, free=free)  # type: ignore[arg-type]
                summarizer = Summarizer(cast("BaseChatModel", model))
                began = time.perf_counter()
                make = ProseDigests(summarizer, settings.engine.conversations)
                await make(kefu.store, some, lambda _: None)
                speeds[free].append(model.tokens / (time.perf_counter() - began))
    held, unheld = max(speeds[False]), max(speeds[True])
    print(f"\ndigests in words, {len(some)} conversations: {held:.0f} tokens/s; the same prompts")
    print(f"answered freely: {unheld:.0f} tokens/s; ratio {held / unheld:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--prose", type=int, default=24, help="digests; 0: none")
    given = parser.parse_args()
    print("| conversations | messages | first report, s | again, s | memory at most, MB |")
    print("|---:|---:|---:|---:|---:|")
    for count in given.counts:
        asyncio.run(report(count))
    asyncio.run(tagging())
    if given.prose:
        asyncio.run(prose(given.prose))


if __name__ == "__main__":
    main()
