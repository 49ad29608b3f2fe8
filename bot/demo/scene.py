"""One conversation of the demo world while it is being made: who says what, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.conversation import (
    SMALL_TALK,
    Citation,
    Message,
    MessageState,
    ReplyStatus,
    Role,
    Sentiment,
    SentimentLabel,
    Timing,
)
from bot.demo.content import Content, Subject
from bot.hours import BusinessHours
from bot.skills import handoff, replies
from bot.store.feedback import Feedback
from bot.store.ratings import Rating

MODEL, VERSION = "kefu-small", "demo"
MOODS = {
    "question": (-0.35, 0.15),
    "thanks": (0.4, 0.85),
    "pleased": (0.6, 0.95),
    "annoyed": (-0.75, -0.4),
    "still": (-0.8, -0.45),
    "not_helped": (-0.65, -0.3),
    "angry": (-0.98, -0.78),
}
"""Between which two the scores of a kind of line lie; of others, around 0."""
_LABEL_FROM = 0.33


@dataclass(slots=True)
class Scene:
    content: Content
    dice: random.Random
    conversation: str
    customer: str
    name: str
    language: str
    now: datetime
    hours: BusinessHours
    gloom: float = 0.0
    """How much worse than usual the customer's mood is."""
    messages: list[Message] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    rating: Rating | None = None
    order: str = ""
    agent: str = ""

    def __post_init__(self) -> None:
        self.order = f"LL{self.dice.randrange(10_000_000, 99_999_999)}"

    # --- the customer

    def says(self, kind: str) -> Message:
        return self._say(self._line(kind), kind)

    def asks(self, subject: Subject, *, again: bool = False) -> Message:
        lines = subject.follow_ups if again and self.language in subject.follow_ups else None
        text = self._filled(self.dice.choice((lines or subject.questions)[self._of(subject)]))
        return self._say(text, "question", self._of(subject))

    def _of(self, subject: Subject) -> str:
        return self.language if self.language in subject.questions else "en"

    def _say(self, text: str, kind: str, language: str = "") -> Message:
        self._pass(8, 90)
        low, high = MOODS.get(kind, (-0.15, 0.2))
        score = max(-1.0, min(1.0, self.dice.uniform(low, high) - self.gloom))
        language = language or self.language
        return self._add(Role.CUSTOMER, text, language=language, sentiment=sentiment_of(score))

    def rates(self, score: int) -> None:
        remark = ""
        if self.dice.random() < 0.4:
            remark = self._line("remark_good" if score > 3 else "remark_bad")
        self.rating = Rating(score, remark, self.now + timedelta(minutes=3))

    def marks(self, reply: Message, *, helpful: bool) -> None:
        remark = "" if helpful or self.dice.random() < 0.5 else self._line("remark_bad")
        at = self.now + timedelta(seconds=20)
        self.feedback.append(Feedback(reply.id, self.customer, helpful, remark, at))

    # --- the bot

    def answers(self, subject: Subject) -> Message:
        cited = subject.citation(self.language)
        return self._replies(cited.quote, ReplyStatus.ANSWERED, citations=(cited,))

    def knows_nothing(self) -> Message:
        text = replies.fixed(replies.UNKNOWN, self.language)
        return self._replies(text, ReplyStatus.UNKNOWN, rule="nothing found")

    def is_friendly(self, kind: str) -> Message:
        text = replies.fixed(replies.SMALL_TALK[kind], self.language)
        return self._replies(text, ReplyStatus.ANSWERED, rule=SMALL_TALK)

    def calls_a_person(self, rule: str) -> Message:
        said = {
            handoff.ANGER: replies.ANGER,
            handoff.NOTHING_FOUND: replies.NOTHING_FOUND,
            handoff.FAILED: replies.FAILED,
        }.get(rule, replies.POLICY if rule.startswith(handoff.POLICY) else replies.HANDED_OFF)
        text = replies.fixed(said, self.language)
        if opens := self.hours.next_opening(self.now):
            text = f"{text} {replies.closed_until(opens, self.language)}"
        return self._replies(text, ReplyStatus.HANDED_OFF, rule=rule)

    def fails(self) -> Message:
        self._pass(5, 30)
        return self._add(
            Role.ASSISTANT,
            "",
            language=self.language,
            state=MessageState.FAILED,
            status=ReplyStatus.UNKNOWN,
            rule="the model did not answer",
        )

    def _replies(
        self,
        text: str,
        status: ReplyStatus,
        *,
        rule: str | None = None,
        citations: tuple[Citation, ...] = (),
    ) -> Message:
        first = self.dice.lognormvariate(5.8, 0.45)
        whole = first + self.dice.lognormvariate(5.6, 0.5)
        self.now += timedelta(milliseconds=whole)
        prompt = self.dice.randrange(180, 900)
        written = bool(citations)
        timing = Timing(
            first_token_ms=round(first, 1),
            total_ms=round(whole, 1),
            prompt_tokens=prompt if written else 0,
            reused_tokens=int(prompt * self.dice.uniform(0.4, 0.9)) if written else 0,
            reply_tokens=len(text) // 4 if written else 0,
            tokens_per_second=round(self.dice.uniform(45, 75), 1) if written else 0.0,
        )
        return self._add(
            Role.ASSISTANT,
            text,
            language=self.language,
            status=status,
            rule=rule,
            citations=citations,
            model=MODEL if written else None,
            timing=timing,
        )

    # --- a person

    def comes(self, agent: str, minutes: float) -> None:
        """After so many minutes of business hours; from now on they write."""
        self.agent = agent
        opens = self.hours.next_opening(self.now)
        self.now = (opens or self.now).astimezone(UTC) + timedelta(minutes=minutes)
        if later := self.hours.next_opening(self.now):
            self.now = later.astimezone(UTC) + timedelta(minutes=self.dice.uniform(2, 40))

    def writes(self, kind: str) -> Message:
        self._pass(20, 150)
        return self._add(Role.AGENT, self._line(kind), language=self.language)

    # --- time and words

    def _pass(self, low: float, high: float) -> None:
        self.now += timedelta(seconds=self.dice.uniform(low, high))

    def _line(self, kind: str) -> str:
        return self._filled(self.dice.choice(self.content.talk[self.language][kind]))

    def _filled(self, text: str) -> str:
        if "{" not in text:
            return text
        day = self.now - timedelta(days=self.dice.randrange(2, 20))
        products = self.content.products.get(self.language, self.content.products["en"])
        return text.format(
            order=self.order,
            name=self.name,
            product=self.dice.choice(products),
            date=f"{day.day} {day:%B}",
            amount=f"€{self.dice.randrange(9, 240)}.{self.dice.choice(('00', '50', '90', '95'))}",
        )

    def _add(self, role: Role, text: str, **more: object) -> Message:
        message = Message(
            id=id_at(self.now, self.dice),
            conversation=self.conversation,
            role=role,
            text=text,
            created_at=self.now,
            **more,  # type: ignore[arg-type]
        )
        self.messages.append(message)
        return message


def sentiment_of(score: float) -> Sentiment:
    if abs(score) < _LABEL_FROM:
        return Sentiment(SentimentLabel.NEUTRAL, round(score, 4), round(1 - abs(score), 4))
    label = SentimentLabel.POSITIVE if score > 0 else SentimentLabel.NEGATIVE
    return Sentiment(label, round(score, 4), round(0.5 + abs(score) / 2, 4))


def id_at(at: datetime, dice: random.Random) -> str:
    """A UUIDv7 of that moment: 32 hex digits that sort by time."""
    stamp = int(at.timestamp() * 1000)
    random_bits = dice.getrandbits(74)
    high = (stamp << 16) | 0x7000 | (random_bits >> 62)
    low = (0b10 << 62) | (random_bits & ((1 << 62) - 1))
    return f"{high:016x}{low:016x}"
