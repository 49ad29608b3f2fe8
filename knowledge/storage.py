"""What the knowledge base keeps, and what it asks of the place that keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from bot.conversation import Passage

if TYPE_CHECKING:
    from knowledge.vectors import Vectors


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
    """The one that most of it is in."""
    passages: int
    """How many."""
    added_at: datetime
    origin: str
    """ "sample" for what comes along with kefu, else "added"."""


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

    async def remove(self, source: str) -> bool:
        """False where there is no such document."""
        ...

    async def documents(self) -> Sequence[Described]:
        """By source."""
        ...

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
