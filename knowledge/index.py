"""The knowledge base: documents in, passages out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from bot.conversation import Passage
from bot.errors import UnknownDocument
from bot.language import detect_language, same_script
from knowledge.embedding import Encoder, embed_passages, languages_of
from knowledge.followup import fold
from knowledge.fusion import fused
from knowledge.loaders import load
from knowledge.pages import Page, Skipped
from knowledge.splitter import passage_id, split
from knowledge.storage import Described, DocumentInfo, PassageStorage
from knowledge.terms import query_terms, terms_of
from knowledge.vectors import VectorIndex, vector_index

__all__ = ["Added", "DocumentInfo", "Knowledge", "PassageStorage", "Skipped"]

SAMPLE = Path(__file__).parent / "sample"
CANDIDATES = 50
"""Passages that each of the two searches may propose."""
OTHER_LANGUAGE, OTHER_SCRIPT = 0.8, 0.5
"""A passage in another language than the question's, or in other letters, is worth this much of its
score."""
READ = 8_000
"""Characters of a question that are searched with."""
RECALLED = 6
"""Earlier questions that a follow-up may lean on."""
AT_ONCE = 64
"""Passages embedded in one call, or a document's if it has more."""


@dataclass(frozen=True, slots=True)
class Added:
    added: list[DocumentInfo] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


class Knowledge:
    def __init__(self, storage: PassageStorage, encoder: Encoder | None) -> None:
        self._storage = storage
        self._encoder = encoder
        self._index: tuple[str, VectorIndex] | None = None
        """With the version of the knowledge that it was built from."""

    async def add(self, paths: Sequence[Path], *, origin: str = "added") -> Added:
        """The first document of the operator's own takes the place of the sample."""
        result = Added()
        loaded = load(paths)
        while found := await asyncio.to_thread(_some, loaded):
            documents = list(_fresh(found, result))
            if documents and origin == "added" and not result.added:
                await self._remove_sample()
            result.added.extend(await self._store(documents, origin))
        return result

    async def add_sample(self) -> Added:
        """Nothing happens where there are documents already."""
        there = await self._storage.documents()
        if any(document.origin != "sample" for document in there):
            return Added()
        if len(there) == sum(1 for page in SAMPLE.iterdir() if page.suffix == ".md"):
            return Added()
        return await self.add([SAMPLE], origin="sample")

    async def remove(self, source: str) -> None:
        if not await self._storage.remove(source):
            raise UnknownDocument(
                f"no document {source!r}; `kefu knowledge list` shows the names there are"
            )

    async def documents(self) -> list[DocumentInfo]:
        return [_info(document) for document in await self._storage.documents()]

    async def reindex(self) -> int:
        """Terms and vectors once more, after a change of encoder; the number of passages."""
        count = 0
        for document in await self.documents():
            ids = [passage_id(document.source, place) for place in range(document.passages)]
            passages = await self._storage.passages(ids)
            vectors = await embed_passages(self._encoder, passages)
            await self._storage.replace(document, passages, _terms(passages), vectors)
            count += len(passages)
        return count

    async def version(self) -> str:
        return await self._storage.version()

    async def search(
        self,
        query: str,
        *,
        k: int = 5,
        language: str | None = None,
        context: Sequence[str] = (),
    ) -> list[Passage]:
        """The best first. `context`: the customer's earlier questions, newest last, which only a
        follow-up ("and for shoes?") is searched with."""
        if not query.strip() or k < 1:
            return []
        language = language or detect_language(query)
        question = fold(query[:READ], [earlier[:READ] for earlier in context[-RECALLED:]])
        lexical = await self._storage.match(query_terms(question), limit=CANDIDATES)
        scores = fused(lexical, await self._near(question, language))
        passages = [
            replace(passage, score=_in_language(scores[passage.id], passage, language))
            for passage in await self._storage.passages(list(scores))
        ]
        return sorted(passages, key=lambda passage: -passage.score)[:k]

    async def _near(self, question: str, language: str) -> list[tuple[str, float]]:
        if self._encoder is None or language not in languages_of(self._encoder):
            return []
        index = await self._vectors()
        return index.nearest(await self._encoder.aembed_query(question), CANDIDATES)

    async def _vectors(self) -> VectorIndex:
        version = await self._storage.version()
        if self._index is None or self._index[0] != version:
            ids, vectors = await self._storage.vectors()
            self._index = version, await asyncio.to_thread(vector_index, ids, vectors)
        return self._index[1]

    async def _store(self, documents: Sequence[list[Passage]], origin: str) -> list[DocumentInfo]:
        vectors = await embed_passages(self._encoder, [one for many in documents for one in many])
        stored, start = [], 0
        for passages in documents:
            end = start + len(passages)
            rows = None if vectors is None else vectors[start:end]
            info = _describe(passages, origin)
            await self._storage.replace(info, passages, _terms(passages), rows)
            stored.append(info)
            start = end
        return stored

    async def _remove_sample(self) -> None:
        for document in await self._storage.documents():
            if document.origin == "sample":
                await self._storage.remove(document.source)


def _some(loaded: Iterator[Page | Skipped]) -> list[list[Passage] | Skipped]:
    """The next documents as their passages, and what was skipped; empty at the end."""
    found: list[list[Passage] | Skipped] = []
    count = 0
    for page in loaded:
        one = page if isinstance(page, Skipped) else split(page)
        found.append(one)
        count += 1 if isinstance(one, Skipped) else len(one)
        if count >= AT_ONCE:
            break
    return found


def _fresh(found: Sequence[list[Passage] | Skipped], result: Added) -> Iterator[list[Passage]]:
    """The documents among them; those of a name that came by before are skipped."""
    seen = {document.source for document in result.added}
    for one in found:
        if isinstance(one, Skipped):
            result.skipped.append(one)
        elif (source := one[0].source) in seen:
            reason = f"a second document of the name {source!r}; give one of them another"
            result.skipped.append(Skipped(Path(source), reason))
        else:
            seen.add(source)
            yield one


def _describe(passages: Sequence[Passage], origin: str) -> DocumentInfo:
    first = passages[0]
    languages: Counter[str] = Counter()
    for passage in passages:
        languages[passage.language] += len(passage.text)
    language = languages.most_common(1)[0][0]
    return DocumentInfo(
        first.source, first.title, language, len(passages), datetime.now(UTC), origin
    )


def _info(document: Described) -> DocumentInfo:
    return DocumentInfo(
        document.source,
        document.title,
        document.language,
        document.passages,
        document.added_at,
        document.origin,
    )


def _terms(passages: Sequence[Passage]) -> list[str]:
    return [terms_of(f"{one.title}\n{one.heading}\n{one.text}") for one in passages]


def _in_language(score: float, passage: Passage, language: str) -> float:
    if passage.language == language:
        return score
    alike = same_script(passage.language, language)
    return score * (OTHER_LANGUAGE if alike else OTHER_SCRIPT)
