"""What the encoder learns from, one at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

SENTENCES = ("trade", "family", "grounded", "dstc9", "cue", "topic")
"""Kinds whose texts are sentences with their headings: they are read together with the question,
too. The texts of the others are compared alone."""
BARE = 0.2
"""Sentences that are shown without their headings."""


@dataclass
class Item:
    kind: str
    question: str
    right: list[str]
    """Empty where nothing that is shown answers."""
    wrong: list[str] = field(default_factory=list)
    key: str = ""
    """Items with the same key have answers that could stand for each other."""
    language: str = "en"
