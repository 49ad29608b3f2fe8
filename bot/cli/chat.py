"""`kefu` and `kefu chat`: the terminal application, or a line-by-line chat."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import typer

from bot.cli.console import Home, run, settings_at


def chat(
    plain: Annotated[
        bool, typer.Option("--plain", help="Line by line on standard input and output.")
    ] = False,
    home: Home = None,
) -> None:
    """Chat with the assistant in the terminal."""
    settings = settings_at(home)
    if plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        from bot.app import open_kefu
        from tui.plain import chat_plain

        async def talk() -> int:
            async with open_kefu(settings) as kefu:
                return await chat_plain(kefu, sys.stdin, sys.stdout, sys.stderr)

        raise SystemExit(run(talk()))

    from bot.app import open_kefu
    from tui.app import run as run_terminal

    raise SystemExit(run_terminal(partial(open_kefu, settings), settings.terminal))
