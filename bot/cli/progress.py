"""How far a long piece of work is, on standard error, where somebody watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVERY = 0.1
_WIDTH = 24


@contextmanager
def silent(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """As `progress`, where the screen is another's."""
    del what, total
    yield lambda _: None


@contextmanager
def progress(
    what: str, total: int, count: Callable[[int], str] = "{:,}".format
) -> Iterator[Callable[[int], None]]:
    """Yields what is told how many more are done. Nothing is shown where there is no terminal."""
    shown = sys.stderr.isatty() and total > 0
    done, last = 0, 0.0

    def more(further: int) -> None:
        nonlocal done, last
        done += further
        now = time.monotonic()
        if shown and (now - last > _EVERY or done >= total):
            last = now
            filled = round(_WIDTH * min(done, total) / total)
            bar = "█" * filled + "░" * (_WIDTH - filled)
            sys.stderr.write(f"\r{what} {bar} {count(done)} of {count(total)}")
            sys.stderr.flush()

    try:
        yield more
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
