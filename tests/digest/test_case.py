from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

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
from bot.demo.world import World
from bot.digest.case import Answer, Case, case_of, questions
from bot.digest.outcome import Outcome, Reason, ending
from bot.skills import handoff

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTES = count(1)
ASKED = "How long do I have for a return?"
PAGE = Citation("returns.md", "Returns", "Deadlines > Shoes", "60 days.")
SHOWN = Citation("stores.md", "Stores", "", "Open on Monday.", cited=False)
CROSS = Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9)
PLEASED = Sentiment(SentimentLabel.POSITIVE, 0.7, 0.9)


def message(role: Role, text: str, **more: Any) -> Message:
    """A minute after the one before."""
    minute = next(MINUTES)
    return Message(f"m{minute}", "talk", role, text, START + timedelta(minutes=minute), **more)


def customer(text: str = ASKED, mood: Sentiment | None = None) -> Message:
    return message(Role.CUSTOMER, text, sentiment=mood, language="en")


def bot(text: str, status: ReplyStatus = ReplyStatus.ANSWERED, **more: Any) -> Message:
    return message(Role.ASSISTANT, text, status=status, **more)


def unknown() -> Message:
    return bot("I do not know.", ReplyStatus.UNKNOWN)


def calling(rule: str = handoff.NOTHING_FOUND) -> Message:
    return bot("I have called a person.", ReplyStatus.HANDED_OFF, rule=rule)


def friendly() -> Message:
    return bot("Hello!", rule=SMALL_TALK)


def agent(text: str = "I have put it right.") -> Message:
    return message(Role.AGENT, text)


def case(*talk: Message) -> Case:
    return case_of(talk, ending(talk))


def asked(*talk: Message) -> list[str]:
    return [question.text for question in questions(talk)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_comes_back_from_json_as_it_went_in(seed: int) -> None:
    told = World(seed, 200, datetime(2026, 11, 1, tzinfo=UTC)).conversations()
    for one in told:
        found = case(*one.messages)
        assert Case.parse(json.loads(json.dumps(found.plain()))) == found


def test_one_without_times_and_reasons_comes_back_too() -> None:
    found = case(friendly())
    assert {found.asked_at, found.replied_at, found.reason, found.mood} == {None}
    assert Case.parse(json.loads(json.dumps(found.plain()))) == found


def test_times() -> None:
    hello, hi, question, call, came = (
        customer("Hello!"),
        friendly(),
        customer(),
        calling(handoff.ANGER),
        agent(),
    )
    last = customer("Thanks!")
    found = case(hello, hi, question, call, came, agent(), last)
    assert found.asked_at == hello.created_at
    assert found.replied_at == hi.created_at
    assert found.called_at == call.created_at
    assert found.person_at == came.created_at
    assert found.ended_at == last.created_at


def test_what_was_said_before_the_customer_wrote_is_no_reply() -> None:
    welcome, question, answer = bot("Welcome!"), customer(), bot("60 days.")
    found = case(welcome, question, answer)
    assert (found.asked_at, found.replied_at) == (question.created_at, answer.created_at)
    assert found.called_at is found.person_at is None
    assert case(question).replied_at is None


def test_how_many_wrote_and_how_it_ended() -> None:
    found = case(customer("Hello!"), friendly(), customer(), bot("60 days."), customer("Thanks!"))
    assert (found.messages, found.by_customer, found.by_agent) == (5, 3, 0)
    assert (found.engaged, found.answered) == (True, True)
    assert (found.outcome, found.confirmed, found.abandoned) == (Outcome.RESOLVED, True, False)
    called = case(customer(), unknown(), customer("yes please"), calling(handoff.ACCEPTED), agent())
    assert (called.by_agent, called.engaged, called.answered) == (1, True, False)
    assert (called.outcome, called.reason) == (Outcome.ESCALATED, Reason.NOTHING_FOUND)
    assert not case(customer("Hello!"), friendly()).engaged


def test_moods_and_the_worst_words() -> None:
    found = case(customer("Nice shop!", PLEASED), customer("It broke!", CROSS), customer("Hm."))
    assert found.mood == pytest.approx(-0.05)
    assert (found.start, found.end) == (0.7, -0.8)
    assert (found.worst, found.worst_text) == (-0.8, "It broke!")
    assert found.untagged == 1
    assert found.language == "en"


def test_what_the_replies_took() -> None:
    found = case(
        *(customer(), bot("60 days.", timing=Timing(40.0, 90.0, 300, 200, 8, 60.0))),
        *(customer(), bot("?", ReplyStatus.UNKNOWN, timing=Timing(0.0, 20.0))),
        *(customer("Thanks!"), bot("Welcome!", rule=SMALL_TALK, timing=Timing(1.0, 2.0))),
        bot("60", state=MessageState.STOPPED, timing=Timing(9.0, 9.0, 9, 9, 9)),
    )
    assert found.first_token_ms == (40.0,)
    assert found.total_ms == (90.0, 20.0)
    assert (found.prompt_tokens, found.reused_tokens, found.reply_tokens) == (300, 200, 8)


@pytest.mark.parametrize(
    ("replies", "answer", "page"),
    [
        (
            [bot("60 days.", citations=(SHOWN, PAGE))],
            Answer.ANSWERED,
            "Returns › Deadlines › Shoes",
        ),
        ([bot("60 days.", citations=(SHOWN,))], Answer.ANSWERED, None),
        ([unknown()], Answer.UNKNOWN, None),
        ([calling(handoff.ANGER)], Answer.CALLED, None),
        ([agent()], Answer.PERSON, None),
        ([bot("60", state=MessageState.FAILED), calling(handoff.FAILED)], Answer.CALLED, None),
        ([bot("60", state=MessageState.STOPPED)], Answer.NONE, None),
        ([customer("Hello?"), bot("60 days.")], Answer.NONE, None),
        ([], Answer.NONE, None),
    ],
)
def test_what_became_of_a_question(
    replies: list[Message], answer: Answer, page: str | None
) -> None:
    question = customer()
    first = questions([question, *replies])[0]
    assert (first.message, first.text, first.answer, first.page) == (
        *(question.id, ASKED),
        *(answer, page),
    )


@pytest.mark.parametrize(
    "text",
    [
        *("Where is my parcel?", "how do i pay", "return deadline", "我的包裹到哪了", "能退吗？"),
        *("I already reset it, what now?", "Kann ich das umtauschen?"),
    ],
)
def test_what_is_a_question(text: str) -> None:
    assert asked(customer(text), bot("60 days.")) == [text]


@pytest.mark.parametrize(
    "text",
    [
        *("Hello!", "Thanks!", "ok", "你好", "谢谢"),
        *(
            "I want to talk to a person.",
            "human please!!",
            "Can I speak to someone real?",
            "转人工",
        ),
        *("yes please", "sure, that would be great", "当然可以"),
        *("That does not help.", "Not what I asked", "das hilft mir nicht", "没有回答我的问题"),
        *(
            "I already reset the password twice.",
            "I've tried it on my phone.",
            "密码我已经重置两次了",
        ),
        " \n ",
    ],
)
def test_what_is_no_question(text: str) -> None:
    assert asked(customer(text), bot("60 days.")) == []


@pytest.mark.parametrize("mood", [CROSS, PLEASED])
def test_praise_and_complaints_are_none_unless_they_ask(mood: Sentiment) -> None:
    assert asked(customer("Such a shop I have never seen", mood), bot("60 days.")) == []
    assert asked(customer("Such a shop! Where is my lamp?", mood), bot("60 days.")) != []


def test_what_is_said_to_an_agent_is_none() -> None:
    talk = customer(), calling(), customer("And for lamps?"), agent(), customer("And for hats?")
    assert asked(*talk) == [ASKED, "And for lamps?"]
    assert asked(agent("Hello!"), customer()) == []


def test_what_the_bot_took_for_manners_is_none() -> None:
    assert asked(customer("Moin zusammen"), friendly(), customer(), unknown()) == [ASKED]


def test_a_wish_for_a_person_is_none_in_whatever_words() -> None:
    said = customer("Gibt es hier auch echte Menschen?")
    assert asked(customer(), unknown(), said, calling(handoff.ASKED), agent()) == [ASKED]
