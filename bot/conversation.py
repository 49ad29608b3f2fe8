"""The nouns of a conversation: what is said, what it rests on, and what happens during a turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from bot.text import counted


class Role(StrEnum):
    CUSTOMER = "customer"
    ASSISTANT = "assistant"
    AGENT = "agent"


class MessageState(StrEnum):
    COMPLETE = "complete"
    STOPPED = "stopped"
    """Cancelled while it was written: the text is the part so far."""
    FAILED = "failed"


class ReplyStatus(StrEnum):
    ANSWERED = "answered"
    UNKNOWN = "unknown"
    HANDED_OFF = "handed_off"


SMALL_TALK = "small talk"
"""The `rule` of a reply that answers no question."""


class ConversationState(StrEnum):
    OPEN = "open"
    HANDED_OFF = "handed_off"
    """A person was called, or holds it: the bot is silent."""
    CLOSED = "closed"


class SentimentLabel(StrEnum):
    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True)
class Sentiment:
    label: SentimentLabel
    score: float
    """From -1 (negative) to 1 (positive): P(positive) - P(negative)."""
    confidence: float
    """The probability of `label`, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Tag:
    """What a customer's message is tagged with."""

    language: str
    sentiment: Sentiment


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a help page, as the knowledge base returns it."""

    id: str
    source: str
    """The file's name as it was added, or the `id` of a JSON Lines record."""
    title: str
    heading: str
    """The headings above the text inside the page, joined by " > "; empty at its top."""
    text: str
    language: str
    """ISO 639-1, "en" or "zh" for example."""
    score: float = 0.0
    """Comparable within one search only."""


@dataclass(frozen=True, slots=True)
class Citation:
    source: str
    title: str
    heading: str
    quote: str
    """The sentences of the passage that the reply rests on, as they stand in it."""
    cited: bool = True
    """False where the model was shown the passage but the reply does not rest on it."""

    @property
    def place(self) -> str:
        """Such as "Returns › How long you have"."""
        headings = self.heading.replace(" > ", " › ")
        return " › ".join(part for part in (self.title, headings) if part)


@dataclass(frozen=True, slots=True)
class Timing:
    first_token_ms: float = 0.0
    """From the customer's message being received to the first token of the reply."""
    total_ms: float = 0.0
    prompt_tokens: int = 0
    reused_tokens: int = 0
    """Those of the prompt that were already in the KV cache."""
    reply_tokens: int = 0
    tokens_per_second: float = 0.0
    """Of the decode alone, the prompt not counted."""


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    conversation: str
    role: Role
    text: str
    created_at: datetime
    """UTC, timezone-aware."""
    state: MessageState = MessageState.COMPLETE
    language: str | None = None
    sentiment: Sentiment | None = None
    """Of customers' messages; None until tagged."""
    status: ReplyStatus | None = None
    """Of the assistant's messages."""
    rule: str | None = None
    """What decided the status: the handoff rule or the verdict of the check."""
    model: str | None = None
    prompt_version: str | None = None
    knowledge_version: str | None = None
    timing: Timing | None = None
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    channel: str
    """Where it takes place: "terminal", "ask", "slack"..."""
    customer: str
    title: str
    """The first words of its first message until somebody renames it."""
    state: ConversationState
    created_at: datetime
    updated_at: datetime
    agent: str = ""
    """Who holds it: the bot says nothing then, whatever it was writing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the assistant has decided to say, before it has a place in the log."""

    text: str
    status: ReplyStatus
    language: str
    rule: str | None = None
    state: MessageState = MessageState.COMPLETE
    citations: tuple[Citation, ...] = ()
    model: str | None = None
    prompt_version: str | None = None
    knowledge_version: str | None = None
    timing: Timing = field(default_factory=Timing)


@dataclass(frozen=True, slots=True)
class Noted:
    """The customer's message is stored and tagged."""

    message: Message


@dataclass(frozen=True, slots=True)
class LookedUp:
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The model is busy with others; told again whenever the place changes."""

    place: int
    """1 is next."""


@dataclass(frozen=True, slots=True)
class Shortened:
    """What the model was not shown, for want of room; told before the reply begins."""

    turns: int = 0
    """Earlier ones, from the first, that it was not shown."""
    passages: int = 0
    """Of those found, from the last, that it was not shown."""
    characters: int | None = None
    """Of the customer's message, so many that it was shown; None where that was all."""

    @property
    def told(self) -> str:
        parts = [
            f"the message beyond {counted(self.characters, 'character')}"
            if self.characters
            else "",
            counted(self.turns, "earlier turn") if self.turns else "",
            counted(self.passages, "passage") if self.passages else "",
        ]
        return f"not read: {', '.join(part for part in parts if part)}"


@dataclass(frozen=True, slots=True)
class Token:
    """The next piece of the reply, whole characters only."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    message: Message


@dataclass(frozen=True, slots=True)
class HandedOff:
    """A person is called. `message` is what the customer is told; None while a person speaks."""

    rule: str
    message: Message | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """Cancelled. The part so far is kept and marked; None where nothing was written yet."""

    message: Message | None


@dataclass(frozen=True, slots=True)
class Failed:
    error: str
    """One line for the reader: what is wrong, which value, what to do."""
    cause: Exception | None = None


TurnEvent: TypeAlias = (
    Noted | LookedUp | Waiting | Shortened | Token | Answered | HandedOff | Stopped | Failed
)
