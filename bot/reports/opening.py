"""A reporter on a store, with the encoder that comes along."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from bot.app import open_embed, open_store_of
from bot.reports.entries import make_digests
from bot.reports.make import Encoder, Progress, Reporter
from bot.reports.spread import spread_digests
from bot.settings import Settings
from bot.store import Store
from models.catalogue import catalogue, find

ENCODER = "kefu-encoder"


@asynccontextmanager
async def open_reporter(
    settings: Settings, progress: Progress, *, by_ray: bool = False
) -> AsyncIterator[tuple[Store, Reporter]]:
    async with open_store_of(settings) as store:
        (known,) = (one.languages for one in catalogue() if one.name == ENCODER)
        file = await asyncio.to_thread(find, ENCODER)
        name = f"{ENCODER}@{await asyncio.to_thread(_checksum, file)}"
        encoder = Encoder(name, frozenset(known), partial(open_embed, settings))
        hours = settings.hours.parsed()
        digests = spread_digests if by_ray else make_digests
        yield store, Reporter(store, settings.business, hours, encoder, progress, digests)


def _checksum(file: Path) -> str:
    """Vectors of another encoder are not compared with this one's."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:12]
