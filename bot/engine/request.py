"""What is asked of the language model, and what a reply yields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from bot.engine.prompt import Prompt
from bot.engine.sampling import Sampling


class Priority(IntEnum):
    """The smaller goes first."""

    CUSTOMER = 0
    """Somebody waits in front of a screen."""
    BACKGROUND = 1
    """A digest or a summary, which nobody waits for."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A part of a reply that stands word for word: it is read like a prompt, not sampled."""

    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """A part of a reply that the model writes."""

    grammar: str | None = None
    """GBNF with a rule named `root`; the part ends where the grammar does."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A part of a reply that is the likeliest of some labels: by the likelihood of all its tokens,
    so that of two that begin alike the shorter has the advantage."""

    labels: tuple[str, ...]


Part: TypeAlias = Fixed | Written | Chosen


@dataclass(frozen=True, slots=True)
class Request:
    prompt: Prompt
    sampling: Sampling = field(default_factory=Sampling)
    max_tokens: int = 400
    """That are written; those of fixed and chosen parts do not count."""
    stop: Sequence[str] = ()
    conversation: str = ""
    """Whose KV cache is taken up and kept; empty for nobody's."""
    priority: Priority = Priority.CUSTOMER
    outline: tuple[Part, ...] = ()
    """The parts of the reply; without any, one that is written under the grammar of `sampling`."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The request waits for a sequence to come free; told again whenever its place changes."""

    place: int
    """1 is next."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The last thing that a reply yields."""

    reason: str
    """stop (the model ended, or wrote a stop string), length, or time (engine.max_seconds)."""
    prompt_tokens: int
    reused_tokens: int
    """Those of the prompt that were in a KV cache."""
    reply_tokens: int
    prompt_ms: float
    """The prompt alone, from its first step to its last."""
    first_token_ms: float
    """From the request to the first text."""
    tokens_per_second: float
    drafted_tokens: int = 0
    """Of the reply: that were guessed, and"""
    accepted_tokens: int = 0
    """that the model would have written."""
    choices: tuple[Mapping[str, float], ...] = ()
    """Of each chosen part of the outline: the probabilities of its labels."""


Said: TypeAlias = str | Queued | Finished
