"""Checkpoints that cannot be read back are told in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

import torch

from bot.errors import UsageError


@contextmanager
def readable(file: Path, remedy: str) -> Iterator[None]:
    """Raise UsageError where what is done with the file shows that it is cut off or of another
    version."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (
        RuntimeError,
        UnpicklingError,
        EOFError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ):
        raise UsageError(
            f"{file} cannot be read: it is cut off, or another version wrote it; {remedy}"
        ) from None
