"""What the commands share that answer on a platform, in the foreground."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from bot.text import printable

if TYPE_CHECKING:
    from bot.desk import Desk
    from bot.settings import Settings


def isolated(settings: Settings) -> Settings:
    """A crash of llama.cpp must not take the desk down, unless the operator wants it so."""
    if "isolation" in settings.engine.model_fields_set:
        return settings
    engine = settings.engine.model_copy(update={"isolation": "process"})
    return settings.model_copy(update={"engine": engine})


@asynccontextmanager
async def working(desk: Desk) -> AsyncIterator[asyncio.Task[None]]:
    """The desk works meanwhile. It ends on SIGTERM and Ctrl-C, when what was begun is finished;
    that is waited for."""
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(one, desk.stop)
    work = asyncio.create_task(desk.run())
    try:
        yield work
        await work
    finally:
        desk.stop()
        await work
    tell("done: what was begun is finished, the rest waits for the next start")


async def until(connected: asyncio.Future[None], work: asyncio.Task[None], told: str) -> None:
    """Tell so when the connection stands, unless the work ends before. Raise what it failed
    with."""
    await asyncio.wait([connected, work], return_when=asyncio.FIRST_COMPLETED)
    if connected.done():
        connected.result()
        tell(told)


def warnings_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_OneLine())
    logging.getLogger("kefu").addHandler(handler)


class _OneLine(logging.Formatter):
    """The details are in the error log."""

    def format(self, record: logging.LogRecord) -> str:
        return "kefu: " + printable(" ".join(record.getMessage().split()))


def tell(text: str) -> None:
    sys.stderr.write(f"kefu: {printable(text)}\n")
    sys.stderr.flush()
