"""A conversation in a page: what was asked, what was tried, how it ended, what is still to be done,
and how the customer felt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.conversation import Message, ReplyStatus, Role, SentimentLabel
from bot.course import Course, course, label_of
from bot.digest.brief import Line, issue_of, short
from bot.digest.case import questions
from bot.digest.details import details_of
from bot.digest.facts import Fact, Kind, facts
from bot.digest.outcome import (
    ASSUMED,
    CONFIRMED,
    DENIED,
    NOTHING_FOUND,
    UNANSWERED,
    UNHELPFUL,
    Ending,
    Outcome,
    Reason,
    asking,
    ending,
    is_answer,
    is_engaging,
)
from bot.text import counted

VERSION = 7
"""Of the rules: what was digested by others is digested anew."""
TRIED = 12
"""Answers that are listed, the newest; what the customer tried is, all of it."""
TEAM = "team"


@dataclass(frozen=True, slots=True)
class Tried:
    text: str
    messages: tuple[str, ...]
    citations: tuple[str, ...] = ()
    """Pages, such as "Returns › How long you have"."""


@dataclass(frozen=True, slots=True)
class Action:
    text: str
    owner: str
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mood:
    label: SentimentLabel
    score: float
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moods:
    start: Mood | None = None
    end: Mood | None = None
    worst: Mood | None = None
    quarters: tuple[float | None, ...] = ()
    smooth: tuple[float, ...] = ()
    """After each of the customer's messages."""


@dataclass(frozen=True, slots=True)
class Digest:
    summary: Line
    issue: Line
    details: Line
    """The sentences of the customer that say most of what they want."""
    tried: tuple[Tried, ...]
    ending: Ending
    actions: tuple[Action, ...]
    entities: tuple[Fact, ...]
    promises: tuple[Fact, ...]
    moods: Moods
    language: str | None
    edited: tuple[str, ...] = field(default=())
    """The fields that a person has written: they stay."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        data: dict[str, Any] = asdict(self)
        end = data.pop("ending")
        moods = data.pop("moods")
        data["outcome"] = {
            "text": str(self.ending.outcome),
            "why": end["why"],
            "reason": end["reason"],
            "confirmed": end["confirmed"],
            "abandoned": end["abandoned"],
            "messages": end["messages"],
        }
        data["sentiment"] = moods
        return data


def digest(messages: Sequence[Message], unhelpful: frozenset[str] = frozenset()) -> Digest:
    """`messages`: oldest first. `unhelpful`: the ids of replies that the customer marked so."""
    asked, end = _issue(messages), ending(messages, unhelpful)
    found = facts(messages)
    promises = tuple(fact for fact in found if fact.kind is Kind.PROMISE)
    moods = _moods(messages)
    tried = _tried(messages, found)
    return Digest(
        summary=_summary(
            asked, tried, end, moods, has_person=any(m.role is Role.AGENT for m in messages)
        ),
        issue=asked,
        details=details_of(messages),
        tried=tried,
        ending=end,
        actions=_actions(messages, end, asked, promises),
        entities=tuple(fact for fact in found if fact.kind is not Kind.PROMISE),
        promises=promises,
        moods=moods,
        language=next(
            (m.language for m in messages if m.role is Role.CUSTOMER and m.language), None
        ),
    )


def _tried(messages: Sequence[Message], found: Sequence[Fact]) -> tuple[Tried, ...]:
    """What the customer says they did, and what they were told."""
    by_customer: dict[str, list[str]] = {}
    for fact in found:
        if fact.kind is Kind.TRIED:
            by_customer.setdefault(fact.message, []).append(fact.text)
    tried = []
    for message in messages:
        if message.id in by_customer:
            tried.append(Tried(f"The customer: {' '.join(by_customer[message.id])}", (message.id,)))
        elif is_answer(message):
            pages = dict.fromkeys(c.place for c in message.citations if c.cited)
            tried.append(Tried(f"The bot: {short(message.text)}", (message.id,), tuple(pages)))
        elif is_engaging(message) and message.status is ReplyStatus.UNKNOWN:
            tried.append(Tried("The bot found nothing", (message.id,)))
        elif is_engaging(message) and message.status is ReplyStatus.HANDED_OFF:
            why = f": {message.rule}" if message.rule else ""
            tried.append(Tried(f"The bot called a person{why}", (message.id,)))
        elif message.role is Role.AGENT:
            tried.append(Tried(f"A person: {short(message.text)}", (message.id,)))
    said = [one for one in tried if one.messages[0] not in by_customer]
    kept = {id(one) for one in said[-TRIED:]}
    return tuple(t for t in tried if t.messages[0] in by_customer or id(t) in kept)


def _actions(
    messages: Sequence[Message], end: Ending, issue: Line, promises: Sequence[Fact]
) -> tuple[Action, ...]:
    """Nobody records that a promise was kept: it is open until the customer says so, or is
    answered again by a person."""
    actions = []
    spoke = [m.id for m in messages if m.role is Role.AGENT]
    still = asking(messages)
    waits = f"“{short(still[-1].text)}”" if still else issue.text
    if end.abandoned and end.outcome is Outcome.ESCALATED:
        actions.append(Action(f"Answer the customer: {waits}", TEAM, end.messages))
    elif end.abandoned or end.outcome is Outcome.UNRESOLVED:
        actions.append(Action(f"Look at what was not answered: {waits}", TEAM, end.messages))
    last = [promise for promise in promises if promise.message in spoke[-1:]]
    actions += [Action(promise.text, TEAM, (promise.message,)) for promise in last]
    return tuple(actions)


def _moods(messages: Sequence[Message]) -> Moods:
    tagged = [(m, m.sentiment) for m in messages if m.role is Role.CUSTOMER and m.sentiment]
    run: Course | None = course([sentiment.score for _, sentiment in tagged])
    if run is None:
        return Moods()
    worst, sentiment = tagged[run.worst]
    return Moods(
        start=_mood(run.start, tagged[0][0].id),
        end=_mood(run.end, tagged[-1][0].id),
        worst=Mood(sentiment.label, round(sentiment.score, 3), (worst.id,)),
        quarters=tuple(None if q is None else round(q, 3) for q in run.quarters),
        smooth=tuple(round(score, 3) for score in run.smooth),
    )


def _mood(score: float, message: str) -> Mood:
    return Mood(label_of(score), round(score, 3), (message,))


def _issue(messages: Sequence[Message]) -> Line:
    """The first question and, where it is another, the last."""
    asked = questions(messages)
    if not asked:
        return issue_of(messages)
    ends = asked if len(asked) < 2 else (asked[0], asked[-1])
    more = f" ({counted(len(asked), 'question')})" if len(asked) > 2 else ""
    quoted = " … ".join(dict.fromkeys(f"“{one.text}”" for one in ends))
    return Line(quoted + more, tuple(one.message for one in ends))


_ENDED = {
    CONFIRMED: "The customer confirmed that it is settled.",
    ASSUMED: "The customer left after the answer.",
    DENIED: "The customer said that it did not help.",
    UNHELPFUL: "The customer marked the answer as not helpful.",
    UNANSWERED: "The last question has no answer.",
    NOTHING_FOUND: "The help pages had nothing on it.",
}


def _summary(
    issue: Line, tried: Sequence[Tried], end: Ending, moods: Moods, *, has_person: bool
) -> Line:
    if end.outcome is Outcome.NOT_ENOUGH_CONTENT:
        return Line("Not enough content", issue.messages)
    pages = list(dict.fromkeys(page for one in tried for page in one.citations))
    answers = [one for one in tried if one.citations]
    parts = [f"The customer asked {issue.text}."]
    if answers:
        came = counted(len(answers), "answer") + (" comes" if len(answers) == 1 else " come")
        parts.append(f"{came} from {', '.join(pages[:3])}.")
    if end.outcome is Outcome.ESCALATED:
        parts.append(_escalated(end, has_person=has_person))
    else:
        parts.append(_ENDED[end.why])
    if moods.start and moods.end:
        parts.append(_felt(moods.start, moods.end))
    by_answers = (message for one in answers for message in one.messages)
    rests_on = dict.fromkeys((*issue.messages, *by_answers, *end.messages))
    return Line(" ".join(parts), tuple(rests_on))


def _escalated(end: Ending, *, has_person: bool) -> str:
    if end.reason is Reason.TAKEN_OVER:
        return "An agent came uncalled and answered."
    spoke = "and answered" if has_person else "and has not answered yet"
    return f"A person was called ({end.why}) {spoke}."


def _felt(start: Mood, end: Mood) -> str:
    if start.label is end.label:
        return f"The customer was {start.label} throughout."
    return f"The customer was {start.label} at first and {end.label} at the end."
