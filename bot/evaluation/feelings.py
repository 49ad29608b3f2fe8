"""Sentiment on messages that nothing was trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bot.conversation import Sentiment
from bot.evaluation.table import Cell, Row, Table
from bot.measures import calibration_error, macro_f1, resampled, share
from bot.skills.sentiment import SentimentTagger

AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Felt:
    """Messages of one source, each with its label."""

    name: str
    language: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def is_of_two(self) -> bool:
        """No message is neutral: then the sign of the score is the answer."""
        return "neutral" not in self.labels


async def table(
    sets: Sequence[Felt], tagger: SentimentTagger, more: Callable[[int], None]
) -> Table:
    rows = []
    for one in sets:
        found: list[Sentiment] = []
        for start in range(0, len(one.texts), AT_ONCE):
            texts = one.texts[start : start + AT_ONCE]
            found += await tagger.atag(texts, [one.language] * len(texts))
            more(len(texts))
        rows.append(Row(one.name, _cells(one, found)))
    note = (
        "*macro-F1* over the labels that occur; *calibration*: the expected calibration error. Of "
        "sets with two labels the sign of the score counts."
    )
    return Table("sentiment", "Sentiment", rows, note)


def _cells(one: Felt, found: Sequence[Sentiment]) -> dict[str, Cell]:
    names = ("negative", "neutral", "positive")
    true = np.array([names.index(label) for label in one.labels])
    if one.is_of_two:
        said = np.array([2 if sentiment.score > 0 else 0 for sentiment in found])
    else:
        said = np.array([names.index(str(sentiment.label)) for sentiment in found])
    right = said == true
    sure = [sentiment.confidence for sentiment in found]
    return {
        "messages": len(true),
        "labels": len(set(one.labels)),
        "accuracy": share(int(right.sum()), len(true)),
        "macro-F1": resampled(len(true), lambda rows: macro_f1(said[rows], true[rows]))
        if len(set(one.labels)) > 1
        else None,
        "calibration": None if one.is_of_two else calibration_error(sure, right.tolist()),
    }
