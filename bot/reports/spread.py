"""Digests by many processes, on one machine or many, through Ray. Each reads the store by itself;
this one alone writes, so a worker that dies loses nothing: its part is done again by another."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from bot.errors import UsageError
from bot.reports.entries import AT_ONCE, Done, digested
from bot.store import Store, open_store
from bot.store.cohort import Started
from bot.store.digests import Made

AHEAD = 2
"""Parts that are given out for each processor: more would wait in memory."""
RETRIES = 5
"""How often a part is done again whose worker died."""


async def spread_digests(store: Store, some: Sequence[Started], done: Done) -> None:
    """As `make_digests`. Workers of other machines must reach the database at the same path."""
    parts = [list(some[start : start + AT_ONCE]) for start in range(0, len(some), AT_ONCE)]
    with _ray() as ray:
        task = _task(ray)
        room = max(2, AHEAD * int(ray.cluster_resources().get("CPU", 1)))
        waiting, pending = iter(parts), set()
        for part in _next(waiting, room):
            pending.add(task.remote(str(store.database.path), part))
        while pending:
            ready, _ = await asyncio.to_thread(ray.wait, list(pending), num_returns=1)
            for reference in ready:
                pending.discard(reference)
                made: list[Made] = await asyncio.to_thread(ray.get, reference)
                await store.digests.keep(made)
                done(len(made))
            for part in _next(waiting, room - len(pending)):
                pending.add(task.remote(str(store.database.path), part))


def _next(parts: Iterator[list[Started]], count: int) -> Iterator[list[Started]]:
    for _ in range(count):
        if (part := next(parts, None)) is None:
            return
        yield part


def digest_part(path: str, part: list[Started]) -> list[Made]:
    """In a worker."""

    async def work() -> list[Made]:
        async with await open_store(Path(path)) as store:
            return await digested(store, part)

    return asyncio.run(work())


def _task(ray: ModuleType) -> Any:
    return ray.remote(max_retries=RETRIES, num_cpus=1)(digest_part)


@contextmanager
def _ray() -> Iterator[ModuleType]:
    """Connected to the cluster of RAY_ADDRESS, or one of this machine's own."""
    try:
        ray = _imported()
    except ImportError:
        raise UsageError(
            "--engine ray needs Ray: pip install -e '.[ray]'; without it, --engine local"
        ) from None
    began = not ray.is_initialized()
    if began:
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            line = str(error).partition("\n")[0]
            told = f"Ray cannot be reached ({line}); mend RAY_ADDRESS, or unset it"
            raise UsageError(told) from None
    try:
        yield ray
    finally:
        if began:
            ray.shutdown()


@cache
def _imported() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves this machine unasked
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    found: ModuleType = ray
    return found
