"""What an encoder is to its callers, wherever it runs: texts in, unit vectors out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot.engine.stream import AsyncStream, Cancellable, Outlet, Stream

Vectors: TypeAlias = NDArray[np.float32]


class VectorModel(ABC):
    languages: frozenset[str]
    """ISO 639-1. A text in another language gets a vector that means nothing."""

    @abstractmethod
    def hand_in(self, texts: Sequence[str], outlet: Outlet[Vectors]) -> Cancellable:
        """All vectors are put at once. Raise EngineClosed."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimension), rows of length 1."""
        stream: Stream[Vectors] = Stream()
        stream.task = self.hand_in(texts, stream)
        return next(stream)

    async def aencode(self, texts: Sequence[str]) -> Vectors:
        stream: AsyncStream[Vectors] = AsyncStream()
        stream.task = self.hand_in(texts, stream)
        try:
            return await anext(stream)
        finally:
            stream.close()
