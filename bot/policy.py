"""What the business decided on: it varies with no model."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.hours import ALWAYS_OPEN, BusinessHours
from bot.skills import handoff, replies
from bot.skills.topics import Topics

_FAREWELLS = {
    handoff.ANGER: replies.ANGER,
    handoff.NOTHING_FOUND: replies.NOTHING_FOUND,
    handoff.FAILED: replies.FAILED,
}


@dataclass(frozen=True, slots=True)
class Policy:
    topics: Topics = field(default_factory=Topics)
    after_unknown: int = 2
    """So many questions in a row to which nothing is found call a person; 0: never."""
    hours: BusinessHours = ALWAYS_OPEN

    def farewell(self, rule: str, language: str, now: datetime) -> str:
        """What the customer hears when a person is called, and when one will be there."""
        if rule.startswith(handoff.POLICY):
            topic = self.topics.named(rule.removeprefix(handoff.POLICY))
            own = topic.told(language) if topic else None
            said = own or replies.fixed(replies.POLICY, language)
        else:
            said = replies.fixed(_FAREWELLS.get(rule, replies.HANDED_OFF), language)
        opens = self.hours.next_opening(now)
        return said if opens is None else f"{said} {replies.closed_until(opens, language)}"
