"""When a person takes over. Rules decide, and the rule that fired is stored with the reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.conversation import Message, MessageState, ReplyStatus, Role, SentimentLabel

ASKED = "asked for a person"
ACCEPTED = "accepted the offer of a person"
ANGER = "anger"
HELD = "a person holds the conversation"
FAILED = "the bot failed"

ANGRY_MESSAGES = 3
"""So many unhappy messages in a row, each below ANGRY_SCORE, call a person."""
ANGRY_SCORE = -0.6


@dataclass(frozen=True, slots=True)
class Handoff:
    rule: str


def decide(
    recent: Sequence[Message],
    *,
    wishes: Callable[[str], bool],
    agrees: Callable[[str], bool],
) -> Handoff | None:
    """`recent`: the conversation so far, oldest first, the customer's new message the last."""
    text = recent[-1].text
    if wishes(text):
        return Handoff(ASKED)
    offered = len(recent) > 1 and _offers(recent[-2])
    if offered and agrees(text):
        return Handoff(ACCEPTED)
    moods = [m.sentiment for m in recent if m.role is Role.CUSTOMER][-ANGRY_MESSAGES:]
    angry = [m for m in moods if m and m.label is SentimentLabel.NEGATIVE and m.score < ANGRY_SCORE]
    return Handoff(ANGER) if len(angry) == ANGRY_MESSAGES else None


def _offers(message: Message) -> bool:
    """A reply that says it does not know offers a person; one that failed does not."""
    return message.status is ReplyStatus.UNKNOWN and message.state is MessageState.COMPLETE
