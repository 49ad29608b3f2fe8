"""A period's report: all that its page, its Markdown and its JSON say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from bot.course import LABEL_FROM
from bot.digest.outcome import Outcome
from bot.hours import BusinessHours
from bot.reports.clusters import Floats
from bot.reports.entries import Entry
from bot.reports.figures import Figures, figures, mean
from bot.reports.highlights import highlights
from bot.reports.topics import Gap, Topic, first_questions, gaps, topics, unanswered_questions
from bot.store.cohort import Period
from bot.text import counted

SCHEMA = 1
"""Of the JSON."""
TOPICS, GAPS, WORST, REMARKS = 12, 10, 8, 8
STEPS = (("day", 1, 35), ("week", 7, 1_100), ("30 days", 30, 10**9))
"""By what a period is told, how many days that is, and for periods of fewer days than that."""


@dataclass(frozen=True, slots=True)
class Part:
    """A day or a week."""

    begins: date
    conversations: int
    escalated: int
    mood: float | None
    """The mean of its conversations', -1 to 1."""
    unhappy: int
    """Conversations that ended so."""


@dataclass(frozen=True, slots=True)
class Worst:
    conversation: str
    at: datetime
    channel: str
    summary: str
    said: str
    """The customer's worst message."""
    mood: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Of a customer who rated a conversation or an answer."""

    conversation: str
    said: str
    given: str
    """Such as "2 of 5", or "not helpful"."""


@dataclass(frozen=True, slots=True)
class Report:
    business: str
    since: datetime
    until: datetime
    before: datetime
    """Since when the period before is compared."""
    channel: str | None
    zone: str
    made_at: datetime
    now: Figures
    then: Figures
    """Of the period before."""
    by: str
    """What `parts` are: "day", "week" or "30 days"."""
    parts: tuple[Part, ...]
    topics: tuple[Topic, ...]
    more_topics: int
    gaps: tuple[Gap, ...]
    worst: tuple[Worst, ...]
    remarks: tuple[Remark, ...]
    """The newest of those who were not satisfied, then of the others."""
    highlights: tuple[str, ...]
    notes: tuple[str, ...]
    """On the quality of the data."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a report is made of."""

    business: str
    period: Period
    before: Period
    hours: BusinessHours
    made_at: datetime
    now: Sequence[Entry]
    then: Sequence[Entry]
    vectors: Mapping[str, Floats]
    """Of questions, by the id of the message: those that the encoder knows the language of."""
    trials: int


def report(material: Material) -> Report:
    period, zone = material.period, material.hours.zone
    first = period.since.astimezone(zone).date()
    last = (period.until - timedelta(microseconds=1)).astimezone(zone).date()
    length = (last - first).days
    by, step = next((by, days) for by, days, most in STEPS if length < most)
    count = max(0, (last - first).days) // step + 1

    def part_of(entry: Entry) -> int:
        days = (entry.started.at.astimezone(zone).date() - first).days
        return min(count - 1, max(0, days) // step)

    asked = first_questions(material.now, material.then)
    found = [t for t in topics(asked, material.vectors, part_of, count) if t.count]
    missing = gaps(unanswered_questions(material.now, material.then), material.vectors)
    now, then = figures(material.now, material.hours), figures(material.then, material.hours)
    groups: list[list[Entry]] = [[] for _ in range(count)]
    for one in material.now:
        groups[part_of(one)].append(one)
    parts = tuple(
        _part(first + timedelta(days=step * at), group) for at, group in enumerate(groups)
    )
    return Report(
        business=material.business,
        since=period.since,
        until=period.until,
        before=material.before.since,
        channel=period.channel,
        zone=zone.key,
        made_at=material.made_at,
        now=now,
        then=then,
        by=by,
        parts=parts,
        topics=tuple(found[:TOPICS]),
        more_topics=max(0, len(found) - TOPICS),
        gaps=tuple(missing[:GAPS]),
        worst=tuple(_worst(material.now)),
        remarks=tuple(_remarks(material.now)),
        highlights=highlights(now, then, found, missing),
        notes=tuple(_notes(material)),
    )


def _part(begins: date, group: Sequence[Entry]) -> Part:
    cases = [one.case for one in group]
    return Part(
        begins=begins,
        conversations=len(group),
        escalated=sum(case.outcome is Outcome.ESCALATED for case in cases),
        mood=mean([case.mood for case in cases]),
        unhappy=sum(case.end is not None and case.end <= -LABEL_FROM for case in cases),
    )


def _worst(entries: Sequence[Entry]) -> list[Worst]:
    """Those whose customers left unhappiest; among equals, who said the worst."""
    unhappy = [
        (one.case.end, one.case.worst, one)
        for one in entries
        if one.case.end is not None and one.case.worst is not None and one.case.end < 0
    ]
    ordered = sorted(unhappy, key=lambda found: found[:2])
    return [
        Worst(
            conversation=one.started.id,
            at=one.started.at,
            channel=one.started.channel,
            summary=_text(one.digest["summary"]),
            said=one.case.worst_text,
            mood=end,
            outcome=str(one.case.outcome),
        )
        for end, _, one in ordered[:WORST]
    ]


def _remarks(entries: Sequence[Entry]) -> list[Remark]:
    bad: list[Remark] = []
    good: list[Remark] = []
    for one in reversed(entries):
        talk = one.started.id
        if one.rated and one.rated.remark.strip():
            remark = Remark(talk, one.rated.remark, f"{one.rated.score} of 5")
            (good if one.rated.score > 3 else bad).append(remark)
        for opinion in one.opinions:
            if opinion.remark.strip():
                given = "helpful" if opinion.helpful else "not helpful"
                (good if opinion.helpful else bad).append(Remark(talk, opinion.remark, given))
    return [*bad, *good][:REMARKS]


def _text(line: Any) -> str:
    return str(line["text"])


def _notes(material: Material) -> Iterator[str]:
    now = material.now
    if material.trials:
        trials = counted(material.trials, "trial")
        yield f"{trials} by `kefu ask` left out; `--channel ask` has them."
    if nameless := sum(not one.started.customer for one in now):
        yield (
            f"{counted(nameless, 'conversation')} without a customer's name: whether they came "
            "back is not known."
        )
    if waiting := sum(one.may_come_back for one in now):
        yield (
            f"{counted(waiting, 'conversation')} ended less than 72 hours ago: containment and "
            "resolution may still fall."
        )
    if untagged := sum(one.case.untagged for one in now):
        yield f"{counted(untagged, 'message')} without a sentiment."
    others = sum((one.case.language or "en") not in ("en", "zh") for one in now)
    if others:
        yield (
            f"{counted(others, 'conversation')} in other languages than English and Chinese: their "
            "sentiment is rough, and their questions are compared by words alone."
        )
    if backwards := sum(_runs_backwards(one) for one in now):
        yield f"{counted(backwards, 'conversation')} in which a clock was set back: not timed."
    if edited := sum(bool(one.digest.get("edited")) for one in now):
        yield f"{counted(edited, 'digest')} with words of your team."


def _runs_backwards(one: Entry) -> bool:
    times = [t for t in (one.case.asked_at, one.case.replied_at, one.case.ended_at) if t]
    return times != sorted(times)
