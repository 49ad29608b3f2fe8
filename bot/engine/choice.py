"""Which of some labels a model would most likely write."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from bot.errors import ModelError

Prefix: TypeAlias = tuple[int, ...]


class Choice:
    """Walks the tree of the labels' tokens; each inner node is decoded once."""

    def __init__(self, labels: Mapping[str, Sequence[int]], base: int) -> None:
        """`labels`: their tokens; `base`: how many tokens stand before them. Raise ModelError."""
        if not labels or not all(labels.values()):
            raise ModelError("a choice needs labels, none of them empty; name them")
        self.base = base
        self._labels = {label: tuple(tokens) for label, tokens in labels.items()}
        inner = {
            tokens[:length] for tokens in self._labels.values() for length in range(1, len(tokens))
        }
        self._open = deque(sorted(inner))  # each after what it begins with
        self._here: Prefix = ()
        self._likelihoods: dict[Prefix, float] = {(): 0.0}
        """The logarithm of each."""

    @property
    def longest(self) -> int:
        return max(map(len, self._labels.values()))

    def feed(self, logits: np.ndarray[Any, Any]) -> Prefix | None:
        """`logits` after the prefix that was returned last, first of all after none; the next
        that must be decoded, None where all is known."""
        top = float(logits.max())
        total = top + math.log(float(np.exp(logits - top).sum()))
        depth = len(self._here)
        for tokens in self._labels.values():
            if len(tokens) > depth and tokens[:depth] == self._here:
                step = float(logits[tokens[depth]]) - total
                self._likelihoods[tokens[: depth + 1]] = self._likelihoods[self._here] + step
        if not self._open:
            return None
        self._here = self._open.popleft()
        return self._here

    def probabilities(self) -> dict[str, float]:
        """Of all labels: they sum to 1."""
        scores = np.array([self._likelihoods[tokens] for tokens in self._labels.values()])
        weights = np.exp(scores - scores.max())
        return dict(zip(self._labels, (weights / weights.sum()).tolist(), strict=True))

    def tokens(self, label: str) -> Prefix:
        return self._labels[label]
