"""Documents cut into passages: their text, terms and vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Passage
from bot.errors import StoreError
from bot.store.database import Database
from bot.store.fulltext import PASSAGE_TERMS, any_of
from bot.store.rows import passage_of, passage_values
from bot.store.schema import DocumentRow, KnowledgeRow, PassageRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

IDS_AT_ONCE = 500
"""SQLite takes 999 parameters in some builds."""


class Document(Protocol):
    """What the store has to know of a document."""

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
class StoredDocument:
    source: str
    title: str
    language: str
    passages: int
    """How many."""
    added_at: datetime
    origin: str
    """ "sample" or "added"."""


class PassageStore:
    """Every change of a document is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(
        self,
        document: Document,
        passages: Sequence[Passage],
        terms: Sequence[str],
        vectors: Vectors | None,
    ) -> None:
        """Put the document in, in place of the one with the same source.

        `terms`: for each passage its terms, separated by spaces. `vectors`: float32 (n, dim), unit
        length, a row of NaN for a passage without one.
        """
        blobs = _blobs(vectors, len(passages))
        digest = _digest(document, passages, terms, blobs)
        async with self._database.writing() as session:
            await _remove(session, document.source)
            session.add(_document_row(document, digest))
            await _change_version(session, document.source, digest)
            await session.flush()
            first = 1 + (await session.scalar(select(func.max(PassageRow.number))) or 0)
            rows = [
                passage_values(number, passage, document.source, blob)
                for number, (passage, blob) in enumerate(zip(passages, blobs, strict=True), first)
            ]
            if rows:
                await session.execute(insert(PassageRow), rows)
            await PASSAGE_TERMS.add(session, dict(enumerate(terms, first)))

    async def remove(self, source: str) -> bool:
        """False where there is no such document."""
        async with self._database.writing() as session:
            return await _remove(session, source)

    async def documents(self) -> list[StoredDocument]:
        """By source."""
        async with self._database.reading() as session:
            rows = await session.scalars(select(DocumentRow).order_by(DocumentRow.source))
            return [_document_of(row) for row in rows]

    async def passages(self, ids: Sequence[str]) -> list[Passage]:
        """In the order asked; unknown ids are left out."""
        found: dict[str, Passage] = {}
        async with self._database.reading() as session:
            for start in range(0, len(ids), IDS_AT_ONCE):
                some = PassageRow.id.in_(ids[start : start + IDS_AT_ONCE])
                rows = await session.scalars(select(PassageRow).where(some))
                found |= {row.id: passage_of(row) for row in rows}
        return [found[passage_id] for passage_id in ids if passage_id in found]

    async def match(self, terms: Sequence[str], *, limit: int) -> list[tuple[str, float]]:
        """Passages with any of the terms: id and BM25 score, the higher the better, best first."""
        expression = any_of(terms)
        if not expression:
            return []
        found = PASSAGE_TERMS.best(expression, limit)
        query = (
            select(PassageRow.id, found.c.score)
            .join(found, found.c.number == PassageRow.number)
            .order_by(found.c.score.desc(), PassageRow.number)
        )
        async with self._database.reading() as session:
            return [(passage_id, score) for passage_id, score in await session.execute(query)]

    async def vectors(self) -> tuple[list[str], Vectors]:
        """Ids and float32 (n, dim) of the passages that have one, in the order they were added."""
        query = select(PassageRow.id, PassageRow.vector).where(PassageRow.vector.is_not(None))
        async with self._database.reading() as session:
            found = (await session.execute(query.order_by(PassageRow.number))).all()
        return [row.id for row in found], _matrix([row.vector for row in found])

    async def version(self) -> str:
        """The same whenever the knowledge is the same, vectors included."""
        async with self._database.reading() as session:
            return f"{await session.scalar(select(KnowledgeRow.version)) or 0:012x}"


async def _remove(session: AsyncSession, source: str) -> bool:
    numbers = select(PassageRow.number).where(PassageRow.source == source)
    await PASSAGE_TERMS.remove(session, numbers)
    gone = delete(DocumentRow).where(DocumentRow.source == source).returning(DocumentRow.digest)
    digest = await session.scalar(gone)
    if digest is None:
        return False
    await _change_version(session, source, digest)
    return True


async def _change_version(session: AsyncSession, source: str, digest: str) -> None:
    """For a document that comes or goes: the same change twice is none."""
    own = hashlib.sha256(f"{source}\0{digest}".encode(errors="surrogatepass")).hexdigest()
    row = await session.get_one(KnowledgeRow, 1)
    row.version ^= int(own[:12], 16)


def _document_row(document: Document, digest: str) -> DocumentRow:
    return DocumentRow(
        source=document.source,
        title=document.title,
        language=document.language,
        passages=document.passages,
        added_at=document.added_at,
        origin=document.origin,
        digest=digest,
    )


def _document_of(row: DocumentRow) -> StoredDocument:
    return StoredDocument(
        row.source, row.title, row.language, row.passages, row.added_at, row.origin
    )


def _blobs(vectors: Vectors | None, count: int) -> list[bytes | None]:
    if vectors is None:
        return [None] * count
    import numpy as np

    rows = np.ascontiguousarray(vectors, dtype="<f4")
    return [None if np.isnan(row).any() else row.tobytes() for row in rows]


def _matrix(blobs: Sequence[bytes]) -> Vectors:
    import numpy as np

    lengths = {len(blob) for blob in blobs}
    if len(lengths) > 1:
        raise StoreError(
            f"the knowledge base holds vectors of {len(lengths)} different encoders; "
            "run `kefu knowledge reindex`"
        )
    flat = np.frombuffer(b"".join(blobs), dtype="<f4").astype(np.float32, copy=False)
    return flat.reshape(len(blobs), lengths.pop() // 4 if lengths else 0)


def _digest(
    document: Document,
    passages: Sequence[Passage],
    terms: Sequence[str],
    blobs: Sequence[bytes | None],
) -> str:
    digest = hashlib.sha256(repr((document.title, document.language, document.origin)).encode())
    for passage, its_terms, blob in zip(passages, terms, blobs, strict=True):
        said = (passage.id, passage.title, passage.heading, passage.text, passage.language)
        digest.update(repr((*said, its_terms)).encode())
        digest.update(blob or b"")
    return digest.hexdigest()
