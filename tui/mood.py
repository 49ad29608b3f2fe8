"""How a sentiment looks: always a glyph and words, never a colour alone."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from bot.conversation import Sentiment, SentimentLabel
from bot.course import label_of, smoothed

MUTED = "$foreground-muted"
"""Of text in a `Content`, where `$text-muted`, which depends on the background, stays white."""

GLYPHS = {
    SentimentLabel.POSITIVE: ("▲", "$text-success"),
    SentimentLabel.NEUTRAL: ("●", MUTED),
    SentimentLabel.NEGATIVE: ("▼", "$text-error"),
}


def dot(sentiment: Sentiment | None) -> Content:
    if sentiment is None:
        return Content(" ")
    return Content.styled(*GLYPHS[sentiment.label])


LEVELS = "▁▂▃▄▅▆▇█"
SHOWN = 24
"""Messages whose moods are drawn, the newest."""


def course(scores: Sequence[float]) -> Content:
    """How a customer felt, message by message: a bar for each, smoothed, low and red where they
    were unhappy."""
    if not scores:
        return Content("")
    top = len(LEVELS) - 1
    bars = [
        (LEVELS[round((max(-1.0, min(1.0, mood)) + 1) / 2 * top)], _colour(mood))
        for mood in smoothed(scores, scores[0])[-SHOWN:]
    ]
    return Content.assemble(("mood ", MUTED), *bars)


def _colour(score: float) -> str:
    return GLYPHS[label_of(score)][1]


def mood(sentiment: Sentiment) -> Content:
    _, colour = GLYPHS[sentiment.label]
    words = f" {sentiment.label} {sentiment.score:+.2f}"
    return Content.assemble(dot(sentiment), (words, colour))
