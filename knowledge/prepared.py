"""Vectors of the sample help pages that come along, so that the first start need not make them.

`python -m tests.bench.prepare_sample` makes the file anew: after a change of the pages, of how they
are cut, or of the encoder. Where a text or the encoder is another, its vector is made as ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FILE = Path(__file__).with_name("prepared.npz")


def prepared_for(revision: str, texts: Sequence[str]) -> list[list[float] | None]:
    """For each text its vector, where that encoder made it."""
    known = _stored(revision)
    return [None if row is None else row.tolist() for row in map(known.get, map(_digest, texts))]


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@cache
def _stored(revision: str) -> dict[int, np.ndarray]:
    import numpy as np

    if not revision or not FILE.exists():
        return {}
    with np.load(FILE, allow_pickle=False) as stored:
        if str(stored["revision"]) != revision:
            return {}
        rows = stored["vectors"].astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)  # they were rounded
        return dict(zip(stored["digests"].tolist(), rows, strict=True))


def keep(revision: str, vectors: dict[str, list[float]]) -> None:
    import numpy as np

    np.savez_compressed(
        FILE,
        revision=np.array(revision),
        digests=np.array([_digest(text) for text in vectors], np.uint64),
        vectors=np.array(list(vectors.values()), np.float16),
    )
