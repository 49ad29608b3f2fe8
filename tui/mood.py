"""How a sentiment looks: always a glyph and words, never a colour alone."""

from __future__ import annotations

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


def mood(sentiment: Sentiment) -> Content:
    _, colour = GLYPHS[sentiment.label]
    words = f" {sentiment.label} {sentiment.score:+.2f}"
    return Content.assemble(dot(sentiment), (words, colour))
