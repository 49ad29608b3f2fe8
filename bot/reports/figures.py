"""Every figure of a report over one cohort: the conversations started in the period. A share is
never above 100 %, because what is counted is part of what it is a share of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.course import LABEL_FROM
from bot.digest.case import Case
from bot.digest.outcome import Outcome, Reason
from bot.hours import BusinessHours
from bot.rates import Rate, rate
from bot.reports.entries import Entry
from bot.reports.rates import Duration, quantile, spread


@dataclass(frozen=True, slots=True)
class Satisfaction:
    ratings: Rate
    """How many conversations of those that were engaged were rated."""
    mean: float | None
    """1 to 5."""
    satisfied: Rate
    """4 or 5, of the ratings."""
    counts: tuple[int, ...]
    """Of 1, 2, 3, 4 and 5."""


@dataclass(frozen=True, slots=True)
class Speed:
    replies: int
    first_token_ms: float | None
    """Median."""
    first_token_ms_p95: float | None
    total_ms: float | None
    """Median."""
    total_ms_p95: float | None
    prompt_tokens: int
    reused_tokens: int
    reply_tokens: int


@dataclass(frozen=True, slots=True)
class Figures:
    conversations: int
    customers: int
    """Known by name."""
    messages: int
    engaged: Rate
    """The bot answered a matter at least once, whatever it said; of all conversations."""
    answer: Rate
    """At least one answer that pages support; this and the following: of those engaged."""
    deflection: Rate
    """No agent wrote."""
    containment: Rate
    """Deflected, and the customer did not come back within 72 hours."""
    resolution: Rate
    """Contained, and confirmed or assumed to be settled."""
    confirmed: Rate
    assumed: Rate
    escalation: Rate
    """Handed to a person."""
    reasons: dict[str, Rate]
    """Of those escalations, by why."""
    abandonment: Rate
    """The customer left with something unanswered; of those in which they wrote."""
    outcomes: dict[str, int]
    helpful: Rate
    """Of the answers on which a customer gave feedback."""
    satisfaction: Satisfaction
    first_response: Duration
    """From the customer's first message to the first reply."""
    person_response: Duration
    """From the call for a person to their first word."""
    handle_time: Duration
    """From the first message to the last."""
    mood: float | None
    """The mean of all conversations', -1 to 1."""
    start: float | None
    end: float | None
    unhappy_ends: Rate
    """Of the conversations in which the customer's mood is known."""
    speed: Speed
    channels: dict[str, int]
    languages: dict[str, int]


def figures(entries: Sequence[Entry], hours: BusinessHours) -> Figures:
    cases = [one.case for one in entries]
    engaged = [one for one in entries if one.case.engaged]
    deflected = [one for one in engaged if not one.case.by_agent]
    contained = [one for one in deflected if not one.comes_back]
    resolved = [one for one in contained if one.case.outcome is Outcome.RESOLVED]
    confirmed = [one for one in resolved if one.case.confirmed]
    escalated = [one.case for one in engaged if one.case.called_at or one.case.by_agent]
    wrote = [case for case in cases if case.by_customer]
    reasons = Counter(case.reason for case in escalated)
    opinions = [opinion.helpful for one in entries for opinion in one.opinions]
    ends = [case.end for case in cases if case.end is not None]
    known = {(one.started.channel, one.started.customer) for one in entries if one.started.customer}
    return Figures(
        conversations=len(entries),
        customers=len(known),
        messages=sum(case.messages for case in cases),
        engaged=rate(len(engaged), len(entries)),
        answer=rate(sum(one.case.answered for one in engaged), len(engaged)),
        deflection=rate(len(deflected), len(engaged)),
        containment=rate(len(contained), len(engaged)),
        resolution=rate(len(resolved), len(engaged)),
        confirmed=rate(len(confirmed), len(engaged)),
        assumed=rate(len(resolved) - len(confirmed), len(engaged)),
        escalation=rate(len(escalated), len(engaged)),
        reasons={
            str(reason): rate(reasons[reason], len(escalated))
            for reason in sorted(Reason, key=lambda reason: -reasons[reason])
            if reasons[reason]
        },
        abandonment=rate(sum(case.abandoned for case in wrote), len(wrote)),
        outcomes={str(o): sum(case.outcome is o for case in cases) for o in Outcome},
        helpful=rate(sum(opinions), len(opinions)),
        satisfaction=_satisfaction(entries, len(engaged)),
        first_response=_durations(cases, hours, lambda c: (c.asked_at, c.replied_at)),
        person_response=_durations(cases, hours, lambda c: (c.called_at, c.person_at)),
        handle_time=_durations(cases, hours, lambda c: (c.asked_at, c.ended_at)),
        mood=mean([case.mood for case in cases]),
        start=mean([case.start for case in cases]),
        end=mean([case.end for case in cases]),
        unhappy_ends=rate(sum(end <= -LABEL_FROM for end in ends), len(ends)),
        speed=_speed(cases),
        channels=_counted([one.started.channel for one in entries]),
        languages=_counted([case.language or "unknown" for case in cases]),
    )


def mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _satisfaction(entries: Sequence[Entry], engaged: int) -> Satisfaction:
    scores = [one.rated.score for one in entries if one.rated]
    among = sum(1 for one in entries if one.rated and one.case.engaged)
    return Satisfaction(
        ratings=rate(among, engaged),
        mean=mean(scores),
        satisfied=rate(sum(score > 3 for score in scores), len(scores)),
        counts=tuple(scores.count(score) for score in range(1, 6)),
    )


def _durations(
    cases: Sequence[Case],
    hours: BusinessHours,
    ends: Callable[[Case], tuple[datetime | None, datetime | None]],
) -> Duration:
    spans = [(start, end) for start, end in map(ends, cases) if start and end and end >= start]
    return Duration(
        spread((end - start).total_seconds() for start, end in spans),
        spread(hours.seconds_between(start, end) for start, end in spans),
    )


def _speed(cases: Sequence[Case]) -> Speed:
    first = sorted(ms for case in cases for ms in case.first_token_ms)
    whole = sorted(ms for case in cases for ms in case.total_ms)
    return Speed(
        replies=len(whole),
        first_token_ms=quantile(first, 0.5),
        first_token_ms_p95=quantile(first, 0.95),
        total_ms=quantile(whole, 0.5),
        total_ms_p95=quantile(whole, 0.95),
        prompt_tokens=sum(case.prompt_tokens for case in cases),
        reused_tokens=sum(case.reused_tokens for case in cases),
        reply_tokens=sum(case.reply_tokens for case in cases),
    )


def _counted(names: Sequence[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
