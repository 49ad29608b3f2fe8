"""What the figures of a report need to know of one conversation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from bot.conversation import Message, MessageState, ReplyStatus, Role, Sentiment
from bot.course import course
from bot.digest.brief import short
from bot.digest.facts import READ, TRIED
from bot.digest.outcome import Ending, Outcome, Reason, asking, denies, is_answer, is_engaging
from bot.skills import handoff
from bot.skills.wishes import says_yes, wishes_for_a_person

_FEELS = 0.5
"""A message that asks nothing, with a score beyond this, is praise or a complaint."""


class Answer(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    UNKNOWN = "unknown"
    CALLED = "called"
    """A person was called."""
    PERSON = "person"
    """An agent answered."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Question:
    message: str
    text: str
    answer: Answer
    page: str | None = None
    """The first one cited, such as "Returns › How long you have"."""


@dataclass(frozen=True, slots=True)
class Case:
    messages: int
    by_customer: int
    by_agent: int
    engaged: bool
    answered: bool
    outcome: Outcome
    why: str
    reason: Reason | None
    confirmed: bool
    abandoned: bool
    asked_at: datetime | None
    """When the customer wrote first."""
    replied_at: datetime | None
    """When they were answered first, by whomever."""
    called_at: datetime | None
    """When a person was called."""
    person_at: datetime | None
    """When the person answered first after that."""
    ended_at: datetime | None
    questions: tuple[Question, ...]
    language: str | None
    mood: float | None
    """The mean of the customer's scores."""
    start: float | None
    end: float | None
    worst: float | None
    worst_text: str
    first_token_ms: tuple[float, ...]
    total_ms: tuple[float, ...]
    prompt_tokens: int
    reused_tokens: int
    reply_tokens: int
    untagged: int
    """Messages of the customer's without a sentiment."""

    def plain(self) -> dict[str, Any]:
        data = asdict(self)
        for name in _TIMES:
            at: datetime | None = data[name]
            data[name] = None if at is None else at.isoformat()
        return data

    @classmethod
    def parse(cls, data: dict[str, Any]) -> Case:
        """Of `plain`."""
        times = {name: data[name] and datetime.fromisoformat(data[name]) for name in _TIMES}
        more = {
            "outcome": Outcome(data["outcome"]),
            "reason": data["reason"] and Reason(data["reason"]),
            "questions": tuple(
                Question(q["message"], q["text"], Answer(q["answer"]), q["page"])
                for q in data["questions"]
            ),
            "first_token_ms": tuple(data["first_token_ms"]),
            "total_ms": tuple(data["total_ms"]),
        }
        return cls(**{**data, **times, **more})


_TIMES = ("asked_at", "replied_at", "called_at", "person_at", "ended_at")


def case_of(messages: Sequence[Message], end: Ending) -> Case:
    """`messages`: oldest first."""
    said = [m for m in messages if m.role is Role.CUSTOMER]
    scored = [(m.sentiment.score, m) for m in said if m.sentiment]
    scores = [score for score, _ in scored]
    worst = min(scored, key=lambda one: one[0], default=None)
    asked = said[0].created_at if said else None
    replies = [m for m in messages if _is_reply(m)]
    at = next((i for i, m in enumerate(messages) if m.status is ReplyStatus.HANDED_OFF), None)
    called = None if at is None else messages[at]
    agents = [m for m in messages if m.role is Role.AGENT]
    came = next((m for m in islice(messages, at or 0, None) if m.role is Role.AGENT), None)
    run = course(scores)
    timings = [m.timing for m in messages if is_engaging(m) and m.timing]
    return Case(
        messages=len(messages),
        by_customer=len(said),
        by_agent=len(agents),
        engaged=any(is_engaging(m) for m in messages),
        answered=any(is_answer(m) for m in messages),
        outcome=end.outcome,
        why=end.why,
        reason=end.reason,
        confirmed=end.confirmed,
        abandoned=end.abandoned,
        asked_at=asked,
        replied_at=next((m.created_at for m in replies if asked and m.created_at >= asked), None),
        called_at=called.created_at if called else None,
        person_at=came.created_at if came else None,
        ended_at=messages[-1].created_at if messages else None,
        questions=questions(messages),
        language=next((m.language for m in said if m.language), None),
        mood=_mean(scores),
        start=round(run.start, 4) if run else None,
        end=round(run.end, 4) if run else None,
        worst=worst[0] if worst else None,
        worst_text=short(worst[1].text) if worst else "",
        first_token_ms=tuple(t.first_token_ms for t in timings if t.first_token_ms),
        total_ms=tuple(t.total_ms for t in timings),
        prompt_tokens=sum(t.prompt_tokens for t in timings),
        reused_tokens=sum(t.reused_tokens for t in timings),
        reply_tokens=sum(t.reply_tokens for t in timings),
        untagged=sum(1 for m in said if m.sentiment is None and m.text.strip()),
    )


def _is_reply(message: Message) -> bool:
    whole = message.state is MessageState.COMPLETE and bool(message.text.strip())
    return whole and message.role is not Role.CUSTOMER


def questions(messages: Sequence[Message]) -> tuple[Question, ...]:
    """Of the customer to the bot, with what became of each: what is said to an agent is theirs."""
    found = []
    asked = {message.id for message in asking(messages)}
    has_agent = False
    for place, message in enumerate(messages):
        has_agent = has_agent or message.role is Role.AGENT
        if message.id in asked and _is_question(message) and not _was_wish(messages, place):
            answer, page = _answer(islice(messages, place + 1, None))
            if not (has_agent and answer in (Answer.PERSON, Answer.NONE)):
                found.append(Question(message.id, short(message.text), answer, page))
    return tuple(found)


def _was_wish(messages: Sequence[Message], place: int) -> bool:
    """For a person, in whatever words: it was heard when it was said."""
    reply = messages[place + 1] if place + 1 < len(messages) else None
    return reply is not None and reply.rule == handoff.ASKED


def _is_question(message: Message) -> bool:
    text = message.text[:READ]
    if wishes_for_a_person(text) or says_yes(text) or denies(text):
        return False
    if "?" in text or "？" in text:
        return True
    return not (_only_feels(message.sentiment) or TRIED.search(text))


def _only_feels(mood: Sentiment | None) -> bool:
    return mood is not None and abs(mood.score) > _FEELS


def _answer(following: Iterable[Message]) -> tuple[Answer, str | None]:
    """By what was said before the customer wrote again."""
    for reply in following:
        if reply.role is Role.CUSTOMER:
            break
        if reply.role is Role.AGENT:
            return Answer.PERSON, None
        if is_engaging(reply) and reply.status is ReplyStatus.HANDED_OFF:
            return Answer.CALLED, None
        if is_answer(reply):
            return Answer.ANSWERED, next((c.place for c in reply.citations if c.cited), None)
        if is_engaging(reply) and reply.status is ReplyStatus.UNKNOWN:
            return Answer.UNKNOWN, None
    return Answer.NONE, None


def _mean(scores: Sequence[float]) -> float | None:
    return round(sum(scores) / len(scores), 4) if scores else None
