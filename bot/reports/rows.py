"""The figures as rows of a table: the same in the page, in Markdown and in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.rates import Rate
from bot.reports.figures import Figures
from bot.reports.rates import Duration
from bot.reports.report import Report


@dataclass(frozen=True, slots=True)
class RateRow:
    name: str
    means: str
    now: Rate
    before: Rate


@dataclass(frozen=True, slots=True)
class TimeRow:
    name: str
    means: str
    now: Duration
    before: Duration


def funnel(figures: Figures) -> Sequence[tuple[str, int]]:
    return (
        ("Started", figures.conversations),
        ("The bot engaged", figures.engaged.count),
        ("Answered from the help pages", figures.answer.count),
        ("No agent needed", figures.deflection.count),
        ("Customer did not come back", figures.containment.count),
        ("Resolved", figures.resolution.count),
        ("Confirmed by the customer", figures.confirmed.count),
    )


def rates(report: Report) -> Sequence[RateRow]:
    now, then = report.now, report.then
    given, before = now.satisfaction, then.satisfaction
    came_back = "deflected, and the customer did not come back within 72 hours; of engaged"
    left = "the customer left with something unanswered; of those in which they wrote"
    return (
        RateRow("Engaged", "the bot replied to a matter; of all", now.engaged, then.engaged),
        RateRow("Answer rate", "answered from help pages; of engaged", now.answer, then.answer),
        RateRow("Deflection", "no agent wrote; of engaged", now.deflection, then.deflection),
        RateRow("Containment", came_back, now.containment, then.containment),
        RateRow("Resolution", "contained and settled; of engaged", now.resolution, then.resolution),
        RateRow("Confirmed", "resolved, and the customer said so", now.confirmed, then.confirmed),
        RateRow("Assumed", "resolved: they left after an answer", now.assumed, then.assumed),
        RateRow("Escalation", "handed to a person; of engaged", now.escalation, then.escalation),
        RateRow("Abandonment", left, now.abandonment, then.abandonment),
        RateRow("Unhappy ends", "of those with a mood", now.unhappy_ends, then.unhappy_ends),
        RateRow("Helpful", "of the answers with feedback", now.helpful, then.helpful),
        RateRow("Satisfied", "4 or 5 of 5; of the ratings", given.satisfied, before.satisfied),
        RateRow("Rated", "of engaged", given.ratings, before.ratings),
    )


def times(report: Report) -> Sequence[TimeRow]:
    now, then = report.now, report.then
    return (
        TimeRow("First response", "by whomever", now.first_response, then.first_response),
        TimeRow(
            "A person's response", "after one was called", now.person_response, then.person_response
        ),
        TimeRow("Handle time", "first message to last", now.handle_time, then.handle_time),
    )
