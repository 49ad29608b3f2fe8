"""How a sentiment looks: always a glyph and words, never a colour alone."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from bot.conversation import Sentiment, SentimentLabel

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


def course(scores: Sequence[float]) -> str:
    """How a customer felt, message by message: a bar for each, low where they were unhappy."""
    top = len(LEVELS) - 1
    return "".join(LEVELS[round((max(-1.0, min(1.0, one)) + 1) / 2 * top)] for one in scores)


def mood(sentiment: Sentiment) -> Content:
    _, colour = GLYPHS[sentiment.label]
    words = f" {sentiment.label} {sentiment.score:+.2f}"
    return Content.assemble(dot(sentiment), (words, colour))
