"""What an encoder is to its callers, wherever it runs: texts in, unit vectors out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot.engine.stream import AsyncStream, Cancellable, Outlet, Stream

Vectors: TypeAlias = NDArray[np.float32]


Purpose: TypeAlias = Literal["query", "passage", "pair", "feeling"]
"""What a text is encoded for: to search with it, to be found, to see whether a sentence answers a
question (both in one text, see `bot.reading`), to tell how a message sounds."""


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """Of a `pair`: `vector @ weight + bias` is the logit that the sentence answers."""

    weight: tuple[float, ...]
    bias: float


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """What a model file says of itself."""

    languages: frozenset[str]
    """ISO 639-1. A text in another language gets a vector that means nothing."""
    prefixes: Mapping[Purpose, str] = field(default_factory=dict)
    """What stands before a text by its purpose; nothing where none is named."""
    answers: AnswerHead | None = None
    revision: str = ""
    """Vectors of two revisions cannot be compared."""


class VectorModel(ABC):
    info: EncoderInfo

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
