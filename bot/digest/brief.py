"""A conversation in three lines, for the agent who takes it over. Decided by rule, so every line
rests on messages that can be named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.conversation import (
    SMALL_TALK,
    Message,
    MessageState,
    ReplyStatus,
    Role,
    SentimentLabel,
)
from bot.text import counted, cut

LOOKED_AT = 200
"""Messages, the newest, that a brief is made of."""
_LONGEST = 160
"""Characters of a message that are quoted."""
_PAGES = 3


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    messages: tuple[str, ...] = ()
    """The ids of those it rests on."""


@dataclass(frozen=True, slots=True)
class Brief:
    issue: Line
    """What the customer asks, in their own words."""
    tried: Line
    """What was answered, and from which pages."""
    state: Line
    """Why a person was called, and how the customer feels."""

    @property
    def lines(self) -> tuple[str, str, str]:
        return self.issue.text, self.tried.text, self.state.text


def brief(messages: Sequence[Message]) -> Brief:
    """`messages`: oldest first."""
    return Brief(issue_of(messages), _tried(messages), _state(messages))


def issue_of(messages: Sequence[Message]) -> Line:
    """The first question and, where it is another, the last."""
    said = [m for m in messages if m.role is Role.CUSTOMER and m.text.strip()]
    if not said:
        return Line("Not enough content")
    polite = manners(messages)
    asked = [m for m in said if m.id not in polite] or said[-1:]
    ends = asked if len(asked) < 2 else [asked[0], asked[-1]]
    quoted = " … ".join(f"“{short(m.text)}”" for m in ends)
    more = f" ({counted(len(asked), 'question')})" if len(asked) > 2 else ""
    return Line(f"{quoted}{more}", tuple(m.id for m in ends))


def manners(messages: Sequence[Message]) -> set[str]:
    """The ids of greetings and of wishes for a person: what was replied tells."""
    found = set()
    reply: Message | None = None
    for message in reversed(messages):
        if message.role is not Role.CUSTOMER:
            reply = message
        elif reply and reply.role is Role.ASSISTANT and _is_for_manners(reply):
            found.add(message.id)
    return found


def _is_for_manners(reply: Message) -> bool:
    return reply.rule == SMALL_TALK or reply.status is ReplyStatus.HANDED_OFF


def _tried(messages: Sequence[Message]) -> Line:
    replies = [m for m in messages if m.role is Role.ASSISTANT and m.rule != SMALL_TALK]
    answered = [
        m for m in replies if m.status is ReplyStatus.ANSWERED and m.state is MessageState.COMPLETE
    ]
    unknown = [m for m in replies if m.status is ReplyStatus.UNKNOWN]
    agents = [m for m in messages if m.role is Role.AGENT]
    parts = []
    if answered:
        parts.append(f"{counted(len(answered), 'answer')} by the bot{_from_pages(answered)}")
    if unknown:
        parts.append(f"nothing found for “{short(_asked_before(unknown[-1], messages))}”")
    if agents:
        parts.append(f"{counted(len(agents), 'answer')} by a person")
    rests_on = tuple(m.id for m in messages if m in answered or m in unknown or m in agents)
    return Line("; ".join(parts) or "Nothing answered yet", rests_on)


def _from_pages(answered: Sequence[Message]) -> str:
    pages = list(dict.fromkeys(c.place for m in answered for c in m.citations if c.cited))
    shown = ", ".join(short(page) for page in pages[-_PAGES:])
    return f" from {shown}" if shown else ""


def _asked_before(reply: Message, messages: Sequence[Message]) -> str:
    before = messages[: messages.index(reply)]
    return next((m.text for m in reversed(before) if m.role is Role.CUSTOMER), "")


def _state(messages: Sequence[Message]) -> Line:
    called = next((m for m in reversed(messages) if m.status is ReplyStatus.HANDED_OFF), None)
    tagged = [m for m in messages if m.sentiment]
    parts = [f"Called because: {called.rule}"] if called and called.rule else []
    parts.append(_mood(tagged))
    language = next((m.language for m in reversed(messages) if m.language), None)
    if language:
        parts.append(f"writes {language}")
    worst = [min(tagged, key=_score)] if tagged else []
    return Line(
        "; ".join(part for part in parts if part) or "Not enough content",
        tuple(m.id for m in (*([called] if called else []), *worst)),
    )


def _mood(tagged: Sequence[Message]) -> str:
    if not tagged:
        return ""
    first, last = tagged[0].sentiment, tagged[-1].sentiment
    assert first
    assert last
    course = first.label if first.label is last.label else f"{first.label}, then {last.label}"
    worst = min(tagged, key=_score)
    if worst.sentiment and worst.sentiment.label is SentimentLabel.NEGATIVE:
        return f"{course}, worst at “{short(worst.text)}”"
    return str(course)


def _score(message: Message) -> float:
    return message.sentiment.score if message.sentiment else 0.0


def short(text: str) -> str:
    return cut(" ".join(text.split()), _LONGEST)
