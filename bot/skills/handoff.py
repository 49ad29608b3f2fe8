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

ANGRY = -0.6
"""A smoothed mood from here on down calls a person, where the last message is an unhappy one: three
angry messages in a row, or four that are only unhappy."""


@dataclass(frozen=True, slots=True)
class Handoff:
    rule: str


def decide(
    recent: Sequence[Message],
    *,
    wishes: Callable[[str], bool],
    agrees: Callable[[str], bool],
    topic: str | None = None,
) -> Handoff | None:
    """`recent`: the conversation so far, oldest first, the customer's new message the last.
    `topic`: the name of that which a person is called for."""
    text = recent[-1].text
    if wishes(text):
        return Handoff(ASKED)
    offered = len(recent) > 1 and _offers(recent[-2])
    if offered and agrees(text):
        return Handoff(ACCEPTED)
    if topic:
        return Handoff(POLICY + topic)
    said = [m.sentiment for m in _since_a_person(recent) if m.role is Role.CUSTOMER]
    moods = [mood for mood in said if mood]
    if not moods or moods[-1].label is not SentimentLabel.NEGATIVE:
        return None
    return Handoff(ANGER) if smoothed([mood.score for mood in moods])[-1] <= ANGRY else None


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
