"""A reporter on a store, with the encoder that comes along."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from bot.app import may_read, open_embed, open_kefu, open_store_of
from bot.errors import UsageError
from bot.reports.entries import make_digests
from bot.reports.make import Encoder, MakeDigests, Progress, Reporter
from bot.reports.prose import ProseDigests
from bot.reports.spread import spread_digests
from bot.settings import Settings
from bot.skills.summary import Summarizer
from bot.store import Store
from models.catalogue import catalogue, find

ENCODER = "kefu-encoder"


@asynccontextmanager
async def open_reporter(
    settings: Settings, progress: Progress, *, by_ray: bool = False, prose: bool = False
) -> AsyncIterator[tuple[Store, Reporter]]:
    """`prose`: the model that answers words the digests. Raise UsageError where it does not
    read."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store_of(settings))
        (known,) = (one.languages for one in catalogue() if one.name == ENCODER)
        file = await asyncio.to_thread(find, ENCODER)
        name = f"{ENCODER}@{await asyncio.to_thread(_checksum, file)}"
        encoder = Encoder(name, frozenset(known), partial(open_embed, settings))
        hours = settings.hours.parsed()
        digests: MakeDigests = spread_digests if by_ray else make_digests
        words = ""
        if prose:
            summarizer = await stack.enter_async_context(_summarizer(settings))
            digests = ProseDigests(summarizer, settings.engine.conversations)
            words = summarizer.name
        yield (
            store,
            Reporter(store, settings.business, hours, encoder, progress, digests, words),
        )


@asynccontextmanager
async def _summarizer(settings: Settings) -> AsyncIterator[Summarizer]:
    if may_read(settings):
        async with open_kefu(settings) as kefu:
            if kefu.summarizer.reads:
                yield kefu.summarizer
                return
    raise UsageError(
        f"--prose takes a model that reads, which {settings.engine.model} does not; set "
        "engine.model to one (a GGUF file), or engine.url to a server"
    )


def _checksum(file: Path) -> str:
    """Vectors of another encoder are not compared with this one's."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:12]
