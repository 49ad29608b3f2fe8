"""What is learnt in which proportion: all of it from the base, then reading above all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Sizes = Mapping[str, int]

WEIGHT = {
    "trade": 1.0, "family": 1.0, "grounded": 1.5, "dstc9": 2.0, "cue": 0.5, "passage": 1.0,
    "twin": 0.5, "same": 0.35, "topic": 1.0,
}  # fmt: skip
"""How often an item of a kind comes while each is drawn once, on average."""


@dataclass(frozen=True)
class Stage:
    tasks: Mapping[str, float]
    """Of all steps."""
    batch: Mapping[str, Sizes]
    """Questions or messages of a step, by device."""
    weight: Mapping[str, float] = field(default_factory=lambda: WEIGHT)
    shown: int = 10
    """Sentences that a question is read with, the right ones among them."""
    nearest: int = 0
    """Of the wrong ones those nearest to the question, as the encoder sees it when the stage
    begins, most of the time; topics only, for their sentences stand close together."""
    frozen: int = 0
    """Lower layers, with what lies below them, that stay as they are."""
    last: float = 0.0
    """What the rate falls to, of its highest."""


STAGES = {
    "all": Stage(
        tasks={"search": 0.42, "reading": 0.46, "feeling": 0.12},
        batch={
            "cuda": {"search": 512, "reading": 160, "feeling": 512},
            "cpu": {"search": 8, "reading": 4, "feeling": 16},
        },
    ),
    "reading": Stage(
        tasks={"search": 0.14, "reading": 0.81, "feeling": 0.05},
        batch={
            "cuda": {"search": 512, "reading": 160, "feeling": 512},
            "cpu": {"search": 48, "reading": 16, "feeling": 64},
        },
        weight={
            "trade": 0.5, "family": 0.5, "grounded": 0.25, "dstc9": 0.3, "cue": 0.02,
            "passage": 0.12, "topic": 1.0, "twin": 0.05, "same": 0.05,
        },
        shown=5,
        nearest=3,
        frozen=4,
        last=0.04,
    ),
}  # fmt: skip
