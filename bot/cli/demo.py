"""`kefu demo`: a shop's conversations of ninety days, to look at what kefu makes of them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.cli.console import AsJson, Home, print_json, run, settings_at
from bot.cli.report import check_year

CONVERSATIONS = 4_000


def demo(
    conversations: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="About how many.")
    ] = CONVERSATIONS,
    seed: Annotated[int, typer.Option(help="The same seed makes the same world.")] = 7,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day after its last; by default today."),
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Fill the log with conversations of the sample shop that never took place."""
    settings = settings_at(home)
    check_year("--until", until)
    day = until or datetime.now(UTC)
    end = day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)

    async def work() -> dict[str, int]:
        from bot.app import open_store_of
        from bot.cli.progress import progress
        from bot.demo.filling import fill
        from bot.demo.world import World

        async with open_store_of(settings) as store:
            told = World(seed, conversations, end).conversations()
            with progress("writing conversations", len(told)) as done:
                await fill(store, told, end, done)
        return {"conversations": len(told), "messages": sum(len(one.messages) for one in told)}

    made = run(work())
    if as_json:
        print_json(made)
        return
    sys.stderr.write(
        f"kefu: {made['conversations']:,} conversations with {made['messages']:,} messages of 90 "
        "days that never were; `kefu report` sums them up, `kefu inbox` shows them\n"
    )
