"""At most three points for the reader in a hurry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.rates import Rate, differ
from bot.reports.figures import Figures
from bot.reports.topics import Gap, Topic
from bot.text import counted, cut

POINTS, LONGEST = 3, 220
_GREW = 1.3
"""A topic that is so many times as frequent as before is told."""
_FEW = 10
"""Conversations; with fewer, a change is chance."""


def highlights(
    now: Figures, then: Figures, topics: Sequence[Topic], gaps: Sequence[Gap]
) -> tuple[str, ...]:
    """The weightiest first."""
    found = sorted(_candidates(now, then, topics, gaps), key=lambda one: -one[0])
    return tuple(_short(text) for _, text in found[:POINTS])


def _candidates(
    now: Figures, then: Figures, topics: Sequence[Topic], gaps: Sequence[Gap]
) -> Iterator[tuple[float, str]]:
    """Each with its weight."""
    if not now.conversations:
        yield 1.0, "No customer wrote in this period."
        return
    if gaps:
        gap = gaps[0]
        yield (
            gap.customers / now.conversations + 0.05,
            f"Write about “{cut(gap.heading, 80)}”: {counted(gap.customers, 'customer')} asked, "
            "and the help pages say nothing.",
        )
    for name, new, old, is_bad in (
        ("were handed to a person", now.escalation, then.escalation, True),
        ("were resolved by the bot", now.resolution, then.resolution, False),
        ("were left with something unanswered", now.abandonment, then.abandonment, True),
        ("ended with an unhappy customer", now.unhappy_ends, then.unhappy_ends, True),
    ):
        if differ(new, old):
            yield _change(new, old), f"{_percent(new)} of conversations {name}, {_from(old, new)}."
        elif is_bad and (new.share or 0) > 0.3:
            yield 0.1, f"{_percent(new)} of conversations {name}."
    scale = now.conversations / then.conversations if then.conversations else 0
    for topic in topics[:20]:
        expected = topic.before * scale
        if topic.count >= _FEW and expected and topic.count / expected >= _GREW:
            yield (
                (topic.count - expected) / now.conversations + 0.03,
                f"“{cut(topic.name, 80)}” is asked {topic.count / expected:.1f} times as often as "
                f"before: {counted(topic.count, 'conversation')}.",
            )
            break
    if topics:
        most = topics[0]
        share = most.count / now.conversations
        yield (
            0.02,
            f"Asked most: “{cut(most.name, 80)}”, in {share:.0%} of conversations; "
            f"{_percent(most.resolved)} of them were resolved by the bot.",
        )


def _change(new: Rate, old: Rate) -> float:
    return abs((new.share or 0) - (old.share or 0))


def _from(old: Rate, new: Rate) -> str:
    risen = (new.share or 0) > (old.share or 0)
    return f"{'up' if risen else 'down'} from {_percent(old)}"


def _percent(one: Rate) -> str:
    return "–" if one.share is None else f"{one.share:.0%}"


def _short(text: str) -> str:
    return cut(text, LONGEST - 1)
