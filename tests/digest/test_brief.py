from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from bot.conversation import (
    Citation,
    Message,
    MessageState,
    ReplyStatus,
    Role,
    Sentiment,
    SentimentLabel,
)
from bot.digest.brief import brief

NUMBERS = count(1)
CALM = Sentiment(SentimentLabel.NEUTRAL, 0.1, 0.8)
CROSS = Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9)


def message(role: Role, text: str, **more: Any) -> Message:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    return Message(str(next(NUMBERS)), "talk", role, text, at, **more)


def customer(text: str, mood: Sentiment = CALM) -> Message:
    return message(Role.CUSTOMER, text, sentiment=mood, language="en")


def bot(text: str, status: ReplyStatus = ReplyStatus.ANSWERED, **more: Any) -> Message:
    return message(Role.ASSISTANT, text, status=status, **more)


def test_a_conversation_that_was_handed_off() -> None:
    page = Citation("r.md", "Returns", "Deadlines", "60 days.")
    hello, hi = customer("Hello!"), bot("Hello!", rule="small talk")
    shoes, days = customer("How long for shoes?"), bot("60 days.", citations=(page,))
    lost, unknown = customer("And a lost label?", CROSS), bot("?", ReplyStatus.UNKNOWN)
    person = customer("A person, please!", CROSS)
    called = bot("Of course.", ReplyStatus.HANDED_OFF, rule="asked for a person")
    found = brief([hello, hi, shoes, days, lost, unknown, person, called])
    assert found.lines == (
        "“How long for shoes?” … “And a lost label?”",
        "1 answer by the bot from Returns › Deadlines; nothing found for “And a lost label?”",
        "Called because: asked for a person; neutral, then negative, worst at "
        "“And a lost label?”; writes en",
    )
    assert found.issue.messages == (shoes.id, lost.id)
    assert found.tried.messages == (days.id, unknown.id)
    assert found.state.messages == (called.id, lost.id)


def test_not_enough_content_is_said() -> None:
    assert brief([]).lines == ("Not enough content", "Nothing answered yet", "Not enough content")


def test_manners_alone_are_quoted_for_want_of_more() -> None:
    found = brief([customer("Hello"), bot("Hello!", rule="small talk")])
    assert found.issue.text == "“Hello”"
    assert found.tried.text == "Nothing answered yet"


def test_long_messages_are_cut_and_stopped_replies_answer_nothing() -> None:
    asked = customer("why\n" * 100)
    said = bot("because", state=MessageState.STOPPED)
    by_person = message(Role.AGENT, "I will see to it.", status=ReplyStatus.ANSWERED)
    found = brief([asked, said, by_person])
    assert len(found.issue.text) <= 162
    assert "\n" not in found.issue.text
    assert found.tried.text == "1 answer by a person"
