"""When a person takes over. Rules decide, and the rule that fired is stored with the reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.conversation import (
    SMALL_TALK,
    Message,
    MessageState,
    ReplyStatus,
    Role,
    SentimentLabel,
)
from bot.course import smoothed

ASKED = "asked for a person"
ACCEPTED = "accepted the offer of a person"
ANGER = "anger"
NOTHING_FOUND = "nothing found again"
POLICY = "policy: "
"""Followed by the topic's name."""
HELD = "a person holds the conversation"
FAILED = "the bot failed"

ANGRY, UNHAPPY_MESSAGES = -0.55, 3
"""A smoothed mood from here on down calls a person, where so many messages were unhappy, the last
one among them: three angry ones in a row do, or five that are only unhappy."""


@dataclass(frozen=True, slots=True)
class Handoff:
    rule: str


def decide(
    recent: Sequence[Message],
    *,
    wished: bool,
    agrees: Callable[[str], bool],
    topic: str | None = None,
) -> Handoff | None:
    """`recent`: the conversation so far, oldest first, the customer's new message the last.
    `wished`: whether that is a wish for a person. `topic`: the name of that which a person is
    called for."""
    if wished:
        return Handoff(ASKED)
    offered = len(recent) > 1 and _offers(recent[-2])
    if offered and agrees(recent[-1].text):
        return Handoff(ACCEPTED)
    if topic:
        return Handoff(POLICY + topic)
    said = [m.sentiment for m in _since_a_person(recent) if m.role is Role.CUSTOMER]
    moods = [mood for mood in said if mood]
    unhappy = [mood.label is SentimentLabel.NEGATIVE for mood in moods]
    if sum(unhappy) < UNHAPPY_MESSAGES or not unhappy[-1]:
        return None
    # joy before is no reason to wait longer
    course = smoothed([min(0.0, mood.score) for mood in moods])
    return Handoff(ANGER) if course[-1] <= ANGRY else None


def finds_nothing_again(recent: Sequence[Message], after: int) -> bool:
    """Whether a reply that nothing was found would be the `after`-th in a row; 0 is never."""
    replies = [m for m in _since_a_person(recent) if m.role is Role.ASSISTANT and _counts(m)]
    last = replies[len(replies) - after + 1 :] if after > 1 else []
    return after > 0 and len(last) == after - 1 and all(_offers(m) for m in last)


def _since_a_person(recent: Sequence[Message]) -> Sequence[Message]:
    """Was called or spoke: what was before has had its consequence."""
    had = [
        at
        for at, m in enumerate(recent)
        if m.role is Role.AGENT or m.status is ReplyStatus.HANDED_OFF
    ]
    return recent[had[-1] + 1 :] if had else recent


def _counts(message: Message) -> bool:
    return message.state is MessageState.COMPLETE and message.rule != SMALL_TALK


def _offers(message: Message) -> bool:
    """A reply that says it does not know offers a person; one that failed does not."""
    return message.status is ReplyStatus.UNKNOWN and message.state is MessageState.COMPLETE
