"""How a question, a sentence and what stands around it are shown to the encoder. It is tuned on
these very lines, so they are made in one place."""

from __future__ import annotations

BETWEEN = " || "
"""Parts the question from the sentence where both are read together."""


def told(title: str, heading: str, text: str) -> str:
    """With the headings: "Within 30 days." says little without "Returns > Shoes"."""
    above = " > ".join(part for part in (title, heading) if part)
    return f"{above}: {text}" if above else text


def together(question: str, told_sentence: str) -> str:
    """One text, whose vector says whether the sentence answers the question."""
    return f"{question}{BETWEEN}{told_sentence}"
