"""`kefu report`: what customers asked in a period, how they felt, what went unanswered."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bot.cli.console import AsJson, Home, run, settings_at
from bot.errors import UsageError
from bot.text import counted, escaped

if TYPE_CHECKING:
    from bot.hours import BusinessHours
    from bot.reports.report import Report
    from bot.store.cohort import Period

DAYS = 30
FIRST_YEAR, LAST_YEAR = 1990, 2200
DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M"]


def report(
    since: Annotated[
        datetime | None,
        typer.Option(formats=DATES, help=f"The first day; by default {DAYS} days before --until."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=DATES, help="The day after the last one; by default, now."),
    ] = None,
    channel: Annotated[
        str | None, typer.Option(help="One alone: terminal, slack, matrix; ask for trials.")
    ] = None,
    form: Annotated[
        Literal["html", "md", "json"] | None,
        typer.Option("--format", help="By default that of the file's ending, else md."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file; by default it is printed.")
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Where digests are made: here, or on Ray.")
    ] = "local",
    prose: Annotated[
        bool, typer.Option("--prose", help="Let a model that reads word the digests.")
    ] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Sum up the conversations that were started in a period."""
    settings = settings_at(home)
    wanted = "json" if as_json else form or _by_ending(output)
    if output is not None:
        _check_writable(output)
    if prose and engine == "ray":
        raise UsageError("--prose words digests here; it does not go with --engine ray")
    hours = settings.hours.parsed()

    async def work() -> Report:
        from bot.cli.progress import progress
        from bot.reports.opening import open_reporter

        now = datetime.now().astimezone()
        period = _period(since, until, channel, now, hours)
        by_ray = engine == "ray"
        opened = open_reporter(settings, progress, by_ray=by_ray, prose=prose)
        async with opened as (store, reporter):
            _check_channel(channel, await store.cohort.channels())
            return await reporter.report(period, now)

    made = run(work())
    text = _written(made, wanted)
    if output is None:
        sys.stdout.write(text)
        return
    _write(output, text)
    told = counted(made.now.conversations, "conversation")
    sys.stderr.write(
        f"kefu: {output} tells of {told} from {made.since:%Y-%m-%d} to {made.until:%Y-%m-%d}\n"
    )


def _by_ending(output: Path | None) -> str:
    ending = output.suffix.lower() if output else ""
    return {".html": "html", ".htm": "html", ".json": "json"}.get(ending, "md")


def last_days(now: datetime, hours: BusinessHours) -> Period:
    """Up to now."""
    return _period(None, None, None, now, hours)


def _check_channel(channel: str | None, known: Sequence[str]) -> None:
    if channel is not None and known and channel not in known:
        raise UsageError(
            f"--channel {channel!r}: no conversation took place there; there are {', '.join(known)}"
        )


def check_year(option: str, given: datetime | None) -> None:
    """Nobody kept conversations before, and far away calendars end."""
    if given is not None and not FIRST_YEAR <= given.year <= LAST_YEAR:
        raise UsageError(
            f"{option} {given:%Y-%m-%d} is too far away; give a day between {FIRST_YEAR} and "
            f"{LAST_YEAR}"
        )


def _period(
    since: datetime | None,
    until: datetime | None,
    channel: str | None,
    now: datetime,
    hours: BusinessHours,
) -> Period:
    from bot.store.cohort import Period

    zone = hours.zone
    for option, given in (("--since", since), ("--until", until)):
        check_year(option, given)
    end = now if until is None else until.replace(tzinfo=zone)
    begin = (
        hours.midnight(end - timedelta(days=DAYS)) if since is None else since.replace(tzinfo=zone)
    )
    if begin >= end:
        raise UsageError(
            f"the period ends ({end:%Y-%m-%d %H:%M}) before it begins ({begin:%Y-%m-%d %H:%M}); "
            "give --since a day before --until"
        )
    return Period(begin, end, channel)


def _written(made: Report, form: str) -> str:
    from bot.reports import rendering

    if form == "json":
        return escaped(rendering.as_json(made)) + "\n"
    return rendering.as_html(made) if form == "html" else rendering.as_markdown(made)


def _check_writable(output: Path) -> None:
    """Before the work, which may take minutes."""
    folder = output.parent
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file")
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; make it, or name another file with -o")
    place = output if _is_special(output) else folder
    if not os.access(place, os.W_OK):
        raise UsageError(f"{output} may not be written; name another file with -o")


def _is_special(output: Path) -> bool:
    """A link, a pipe, a device: it is written to, and not put another in its place."""
    return output.is_symlink() or (output.exists() and not output.is_file())


def _write(output: Path, text: str) -> None:
    """Whole, or not at all. A new file is its owner's alone: customers' words stand in it."""
    try:
        if _is_special(output):
            output.write_text(text, encoding="utf-8")
            return
        mode = output.stat().st_mode & 0o777 if output.exists() else 0o600
        handle, name = mkstemp(dir=output.parent, prefix=".kefu-report-")
        beside = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            beside.chmod(mode)
            beside.replace(output)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
