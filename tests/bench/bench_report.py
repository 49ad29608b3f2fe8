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

from bot.app import open_tagger
from bot.cli.progress import silent
from bot.demo.content import content
from bot.demo.filling import fill
from bot.demo.world import World
from bot.reports.opening import open_reporter
from bot.reports.rendering import as_html
from bot.settings import Settings
from bot.store.cohort import Period

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
    print(
        f"\ntagging: {1000 * sorted(alone)[25]:.1f} ms a message, {together:.0f} a second together"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[1_000, 10_000, 100_000])
    given = parser.parse_args()
    print("| conversations | messages | first report, s | again, s | memory at most, MB |")
    print("|---:|---:|---:|---:|---:|")
    for count in given.counts:
        asyncio.run(report(count))
    asyncio.run(tagging())


if __name__ == "__main__":
    main()
