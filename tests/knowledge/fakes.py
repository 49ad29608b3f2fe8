"""A storage in memory and an encoder without a model, both deterministic."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.conversation import Passage
from knowledge.storage import DocumentInfo
from knowledge.terms import content_terms, query_terms

DIMENSION = 256
FIGURE = 0.3
"""What a term with figures weighs: to an encoder one order number is like another."""


class MemoryStorage:
    """BM25 as SQLite's FTS5 counts it (k1 1.2, b 0.75)."""

    def __init__(self) -> None:
        self._documents: dict[str, DocumentInfo] = {}
        self._passages: dict[str, Passage] = {}
        self._terms: dict[str, list[str]] = {}
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._changes = 0
        self.vector_reads = 0

    async def replace(
        self,
        document: DocumentInfo,
        passages: Sequence[Passage],
        terms: Sequence[str],
        vectors: NDArray[np.float32] | None,
    ) -> None:
        await self.remove(document.source)
        self._changes += 1
        self._documents[document.source] = document
        for place, passage in enumerate(passages):
            self._passages[passage.id] = passage
            self._terms[passage.id] = terms[place].split()
            if vectors is not None and not np.isnan(vectors[place]).any():
                self._vectors[passage.id] = vectors[place]

    async def remove(self, source: str) -> bool:
        if self._documents.pop(source, None) is None:
            return False
        self._changes += 1
        gone = [key for key, passage in self._passages.items() if passage.source == source]
        for key in gone:
            for table in (self._passages, self._terms, self._vectors):
                table.pop(key, None)
        return True

    async def documents(self) -> list[DocumentInfo]:
        return [self._documents[source] for source in sorted(self._documents)]

    async def passages(self, ids: Sequence[str]) -> list[Passage]:
        return [self._passages[one] for one in ids if one in self._passages]

    async def match(self, terms: Sequence[str], *, limit: int) -> list[tuple[str, float]]:
        counts = {key: Counter(found) for key, found in self._terms.items()}
        mean = sum(map(len, self._terms.values())) / max(1, len(counts))
        scores: dict[str, float] = {}
        for term in set(terms):
            having = [key for key, count in counts.items() if term in count]
            rarity = math.log((len(counts) - len(having) + 0.5) / (len(having) + 0.5))
            for key in having:
                often = counts[key][term]
                length = 0.25 + 0.75 * len(self._terms[key]) / mean
                weight = max(rarity, 1e-6) * often * 2.2 / (often + 1.2 * length)
                scores[key] = scores.get(key, 0.0) + weight
        return sorted(scores.items(), key=lambda found: -found[1])[:limit]

    async def vectors(self) -> tuple[list[str], NDArray[np.float32]]:
        self.vector_reads += 1
        rows = list(self._vectors.values())
        return list(self._vectors), np.stack(rows) if rows else np.empty((0, 0), np.float32)

    async def version(self) -> str:
        return str(self._changes)

    def has_vector(self, passage_id: str) -> bool:
        return passage_id in self._vectors


class HashEncoder:
    """A bag of terms, each at a place that its hash names: texts with like words lie close, and a
    sentence answers as far as it has the question's words."""

    def __init__(self, languages: frozenset[str] = frozenset({"en"})) -> None:
        self.languages = languages
        self.queries: list[str] = []
        self.texts: list[str] = []

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        self.texts.extend(texts)
        return [_vector(text) for text in texts]

    async def aembed_query(self, text: str) -> list[float]:
        self.queries.append(text)
        return _vector(text)

    def embed_for(self, purpose: str, texts: Sequence[str]) -> list[list[float]]:
        return [_vector(text) for text in texts]

    async def aembed_for(self, purpose: str, texts: Sequence[str]) -> list[list[float]]:
        return self.embed_for(purpose, texts)

    async def aanswers(self, question: str, told: Sequence[str]) -> list[float]:
        """A logit of -4 to 6, by the share of the question's words that the sentence has."""
        wanted = set(content_terms(question))
        shares = [len(wanted & set(content_terms(one))) / max(1, len(wanted)) for one in told]
        return [10 * share - 4 for share in shares]


def _vector(text: str) -> list[float]:
    vector = np.zeros(DIMENSION)
    for term in query_terms(text) or ["nothing"]:
        place = int.from_bytes(hashlib.sha256(term.encode()).digest()[:2], "big") % DIMENSION
        vector[place] += FIGURE if any(letter.isdigit() for letter in term) else 1
    return [float(value) for value in vector / np.linalg.norm(vector)]
