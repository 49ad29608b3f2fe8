from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.vectors import ExactIndex, GraphIndex, vector_index


def unit(count: int, dimension: int = 32) -> NDArray[np.float32]:
    vectors = np.random.default_rng(7).normal(size=(count, dimension)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize(("exact", "kind"), [(500, ExactIndex), (499, GraphIndex)])
def test_the_nearest_first(exact: int, kind: type) -> None:
    vectors = unit(500)
    ids = [str(number) for number in range(500)]
    index = vector_index(ids, vectors, exact=exact)
    assert isinstance(index, kind)
    found = index.nearest(vectors[42].tolist(), 10)
    assert found[0][0] == "42"
    assert found[0][1] == pytest.approx(1.0, abs=1e-5)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    best = set(np.argsort(-(vectors @ vectors[42]))[:10].astype(str))
    assert len(best & {one for one, _ in found}) >= 9


def test_fewer_than_asked_for() -> None:
    index = vector_index(["a", "b"], unit(2))
    assert len(index.nearest(unit(2)[0].tolist(), 50)) == 2


def test_none() -> None:
    assert vector_index([], np.empty((0, 0), np.float32)).nearest([1.0], 5) == []
