"""Nearest vectors: exact up to a size, beyond it by usearch's HNSW."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from usearch.index import Index

    Vectors = NDArray[np.float32]

EXACT = 100_000
"""Vectors up to which every one is compared: 5 ms at 384 dimensions, and nothing to build."""


class VectorIndex(Protocol):
    def nearest(self, query: Sequence[float], limit: int) -> list[tuple[str, float]]:
        """Ids and cosines, the nearest first."""
        ...


def vector_index(ids: Sequence[str], vectors: Vectors, *, exact: int = EXACT) -> VectorIndex:
    """`vectors`: (n, dim), each of length 1."""
    return ExactIndex(ids, vectors) if len(ids) <= exact else GraphIndex(ids, vectors)


class ExactIndex:
    def __init__(self, ids: Sequence[str], vectors: Vectors) -> None:
        self._ids = ids
        self._vectors = vectors

    def nearest(self, query: Sequence[float], limit: int) -> list[tuple[str, float]]:
        import numpy as np

        if not self._ids:
            return []
        cosines = self._vectors @ np.asarray(query, dtype=np.float32)
        limit = min(limit, len(self._ids))
        best = np.argpartition(-cosines, limit - 1)[:limit]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return [(self._ids[place], float(cosines[place])) for place in best]


class GraphIndex:
    def __init__(self, ids: Sequence[str], vectors: Vectors) -> None:
        import numpy as np
        from usearch.index import Index

        self._ids = ids
        self._index: Index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32")
        self._index.add(np.arange(len(ids), dtype=np.uint64), vectors)

    def nearest(self, query: Sequence[float], limit: int) -> list[tuple[str, float]]:
        import numpy as np

        found = self._index.search(np.asarray(query, dtype=np.float32), limit)
        return [(self._ids[int(match.key)], 1 - float(match.distance)) for match in found]
