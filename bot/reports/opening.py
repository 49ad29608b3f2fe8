"""A reporter on a store, with the encoder that comes along."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from bot.app import open_embed, open_store_of
from bot.reports.entries import make_digests
from bot.reports.make import Encoder, Progress, Reporter
from bot.reports.spread import spread_digests
from bot.settings import Settings
from bot.store import Store
from models.catalogue import catalogue

ENCODER = "kefu-encoder"


@asynccontextmanager
async def open_reporter(
    settings: Settings, progress: Progress, *, by_ray: bool = False
) -> AsyncIterator[tuple[Store, Reporter]]:
    async with open_store_of(settings) as store:
        (known,) = (one.languages for one in catalogue() if one.name == ENCODER)
        encoder = Encoder(ENCODER, frozenset(known), partial(open_embed, settings))
        hours = settings.hours.parsed()
        digests = spread_digests if by_ray else make_digests
        yield store, Reporter(store, settings.business, hours, encoder, progress, digests)
