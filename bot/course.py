"""How a customer felt over a conversation, from the scores of their messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from bot.conversation import SentimentLabel

WEIGHT = 0.4
"""Of a new message; what was before keeps the rest. One outburst does not turn the course, three in
a row do."""
QUARTERS = 4
LABEL_FROM = 0.25
"""A mean score from here on is positive, one from its opposite down negative."""


def smoothed(scores: Sequence[float], start: float = 0.0) -> list[float]:
    """Exponentially weighted: the mood after each message, `start` before the first."""
    moods = accumulate(scores, lambda mood, score: mood + WEIGHT * (score - mood), initial=start)
    return list(moods)[1:]


def label_of(score: float) -> SentimentLabel:
    if score >= LABEL_FROM:
        return SentimentLabel.POSITIVE
    return SentimentLabel.NEGATIVE if score <= -LABEL_FROM else SentimentLabel.NEUTRAL


@dataclass(frozen=True, slots=True)
class Course:
    start: float
    """-1 to 1: of the first quarter."""
    end: float
    """Of the last quarter."""
    quarters: tuple[float | None, ...]
    """The mean of each, None where no message falls into it."""
    smooth: tuple[float, ...]
    """After each message; starts at the first one's score."""
    worst: int
    """Which of the messages."""


def course(scores: Sequence[float]) -> Course | None:
    """None where there is no message."""
    if not scores:
        return None
    quarters = tuple(_mean(part) for part in _parts(scores))
    present = [mean for mean in quarters if mean is not None]
    return Course(
        start=present[0],
        end=present[-1],
        quarters=quarters,
        smooth=tuple(smoothed(scores, scores[0])),
        worst=min(range(len(scores)), key=scores.__getitem__),
    )


def _parts(scores: Sequence[float]) -> list[list[float]]:
    """By place: of two messages, the first falls into the first quarter, the other into the
    last."""
    parts: list[list[float]] = [[] for _ in range(QUARTERS)]
    last = len(scores) - 1
    for place, score in enumerate(scores):
        parts[min(QUARTERS - 1, QUARTERS * place // last) if last else 0].append(score)
    return parts


def _mean(scores: Sequence[float]) -> float | None:
    return sum(scores) / len(scores) if scores else None
