"""Two rankings made one: BM25's and the vectors'."""

from __future__ import annotations

from collections.abc import Iterable

LEXICAL = 0.4
"""BM25's share of the score; the cosine has the rest."""

Ranking = Iterable[tuple[str, float]]
"""Passage ids and scores, the best first."""


def fused(lexical: Ranking, dense: Ranking) -> dict[str, float]:
    """A passage that only one of the two proposes gets nothing from the other."""
    scores: dict[str, float] = {}
    lexical = list(lexical)
    best = max((score for _, score in lexical), default=0.0)
    for passage_id, score in lexical:
        scores[passage_id] = LEXICAL * score / best if best > 0 else 0.0
    for passage_id, cosine in dense:
        scores[passage_id] = scores.get(passage_id, 0.0) + (1 - LEXICAL) * cosine
    return scores
