"""Two rankings made one: BM25's and the vectors'."""

from __future__ import annotations

from collections.abc import Sequence

LEXICAL = 0.3
"""BM25's share of the score. On 70 questions about the sample pages, 17 of them Chinese, the right
page comes first for 80 % and among three for 96 %: as good as any share from 0.2 to 0.5, against 76
and 91 % by reciprocal ranks, 77 and 94 % by the vectors alone, 66 and 73 % by BM25 alone."""

SPREAD = 0.2
"""Cosines at least this far apart are best and worst: a few passages that say the same thing have
much the same score."""

Ranking = Sequence[tuple[str, float]]
"""Passage ids and scores, the best first."""


def fused(lexical: Ranking, dense: Ranking) -> dict[str, float]:
    """By id, 0 to 1. A passage that only one of the two proposes gets nothing from the other."""
    share = LEXICAL if dense else 1.0
    best = lexical[0][1] if lexical else 0.0
    scores = {one: share * score / best for one, score in lexical} if best > 0 else {}
    nearest, farthest = (dense[0][1], dense[-1][1]) if dense else (0.0, 0.0)
    spread = max(nearest - farthest, SPREAD)
    for one, cosine in dense:
        scores[one] = scores.get(one, 0.0) + (1 - share) * (1 - (nearest - cosine) / spread)
    return scores
