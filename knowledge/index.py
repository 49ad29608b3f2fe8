"""The knowledge base: documents in, passages out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.conversation import Passage
from bot.errors import UnknownDocument
from bot.language import detect_language
from knowledge.followup import fold
from knowledge.fusion import fused
from knowledge.loaders import load
from knowledge.pages import Page, Skipped
from knowledge.splitter import passage_id, split
from knowledge.terms import query_terms, terms_of
from knowledge.vectors import VectorIndex, vector_index

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

SAMPLE = Path(__file__).parent / "sample"
CANDIDATES = 50
"""Passages that each of the two searches may propose."""
AT_ONCE = 64
"""Passages embedded in one call."""


class Described(Protocol):
    """What a storage says of a document; DocumentInfo is one."""

    @property
    def source(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def passages(self) -> int: ...
    @property
    def added_at(self) -> datetime: ...
    @property
    def origin(self) -> str: ...


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    source: str
    title: str
    language: str
    passages: int
    """How many."""
    added_at: datetime
    origin: str
    """ "sample" for what comes along with kefu, else "added"."""


@dataclass(frozen=True, slots=True)
class Added:
    added: list[DocumentInfo] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


class PassageStorage(Protocol):
    async def replace(
        self,
        document: DocumentInfo,
        passages: Sequence[Passage],
        terms: Sequence[str],
        vectors: Vectors | None,
    ) -> None:
        """In one transaction, in place of the document with the same source.

        `terms`: for each passage its terms, separated by spaces. `vectors`: float32 (n, dim), unit
        length, a row of NaN for a passage without one.
        """
        ...

    async def remove(self, source: str) -> bool: ...

    async def documents(self) -> Sequence[Described]: ...

    async def passages(self, ids: Sequence[str]) -> list[Passage]:
        """In the order asked; unknown ids are left out."""
        ...

    async def match(self, terms: Sequence[str], *, limit: int) -> list[tuple[str, float]]:
        """Passages with any of the terms: id and BM25 score, the higher the better, best first."""
        ...

    async def vectors(self) -> tuple[list[str], Vectors]:
        """Ids and float32 (n, dim) of the passages that have one."""
        ...

    async def version(self) -> str:
        """Changes whenever the knowledge does."""
        ...


class Encoder(Protocol):
    """langchain-core's Embeddings, as far as it is used; `languages` is asked for, too."""

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]: ...

    async def aembed_query(self, text: str) -> list[float]: ...


class Knowledge:
    def __init__(self, storage: PassageStorage, encoder: Encoder | None) -> None:
        self._storage = storage
        self._encoder = encoder
        self._languages: frozenset[str] = getattr(encoder, "languages", frozenset({"en"}))
        self._index: tuple[str, VectorIndex] | None = None

    async def add(self, paths: Sequence[Path], *, origin: str = "added") -> Added:
        """Documents of the operator's own take the place of the sample."""
        result = Added()
        sources: set[str] = set()
        loaded = load(paths)
        while pages := await asyncio.to_thread(_some, loaded):
            fresh = [page for page in pages if isinstance(page, Page)]
            result.skipped.extend(page for page in pages if isinstance(page, Skipped))
            ...
        return result
