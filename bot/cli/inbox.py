"""`kefu inbox`: the conversations of every channel, for the people behind the desk."""

from __future__ import annotations

import getpass
import sys
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.console import Home, run, settings_at
from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.settings import Settings

LONGEST_NAME = 60


def inbox(
    agent: Annotated[
        str | None, typer.Option("--as", help="Your name, as the other agents see it.")
    ] = None,
    home: Home = None,
) -> None:
    """Take conversations over, answer, hand them back."""
    settings = settings_at(home)
    name = " ".join((agent if agent is not None else _user()).split())
    if not name or len(name) > LONGEST_NAME:
        raise UsageError(f"--as {name[:80]!r} is no name; give one of 1 to {LONGEST_NAME} letters")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("kefu inbox needs a terminal; `kefu conversations list --json` does not")

    async def work() -> int:
        from bot.app import open_inbox
        from tui.inbox import run as run_inbox

        async with open_inbox(settings, name) as desk:
            report = partial(_report, settings)
            return await run_inbox(desk, settings.terminal, settings.inbox, report)

    raise SystemExit(run(work()))


async def _report(settings: Settings) -> str:
    """Of the last days, as `kefu report` tells it."""
    from bot.cli.progress import silent
    from bot.cli.report import last_days
    from bot.reports.opening import open_reporter
    from bot.reports.rendering import as_markdown

    now = datetime.now().astimezone()
    async with open_reporter(settings, silent) as (_, reporter):
        return as_markdown(await reporter.report(last_days(now, settings.hours.parsed()), now))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return ""
