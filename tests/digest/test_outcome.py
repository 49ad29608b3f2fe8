from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.conversation import SMALL_TALK, Message, MessageState, ReplyStatus, Role
from bot.demo.world import World
from bot.digest.outcome import (
    ASSUMED,
    CONFIRMED,
    DENIED,
    NOTHING_FOUND,
    ONLY_MANNERS,
    UNANSWERED,
    UNHELPFUL,
    Ending,
    Outcome,
    Reason,
    asking,
    confirms,
    denies,
    ending,
    is_answer,
    is_engaging,
    reason_of,
)
from bot.skills import handoff
from tests.digest.test_brief import bot, customer, message

NOT_ENOUGH = Ending(Outcome.NOT_ENOUGH_CONTENT, ONLY_MANNERS)


def asked() -> Message:
    return customer("How long do I have for a return?")


def calling(rule: str | None = handoff.ASKED) -> Message:
    return bot("I have called a person.", ReplyStatus.HANDED_OFF, rule=rule)


def agent(text: str = "I have put it right.") -> Message:
    return message(Role.AGENT, text)


def friendly() -> Message:
    return bot("Hello!", rule=SMALL_TALK)


def unresolved(why: str, on: Message, *, abandoned: bool = True) -> Ending:
    return Ending(Outcome.UNRESOLVED, why, abandoned=abandoned, messages=(on.id,))


@pytest.mark.parametrize(
    "talk",
    [
        [customer("Hello!"), friendly()],
        [customer("你好"), friendly(), customer("谢谢"), friendly()],
        [customer("Guten Tag zusammen"), friendly()],
        [customer("Hello!")],
        [customer(" \n ")],
        [friendly()],
    ],
)
def test_manners_alone(talk: list[Message]) -> None:
    assert ending(talk) == NOT_ENOUGH


@pytest.mark.parametrize(
    "thanks", ["Thanks!", "that worked", "Danke, hat geklappt", "解决了，谢谢"]
)
def test_a_resolution_that_was_confirmed(thanks: str) -> None:
    answer, thanked = bot("60 days."), customer(thanks)
    for goodbye in ([], [friendly()]):
        assert ending([asked(), answer, thanked, *goodbye]) == Ending(
            Outcome.RESOLVED, CONFIRMED, confirmed=True, messages=(answer.id, thanked.id)
        )


@pytest.mark.parametrize("tail", [[], [customer("ok"), friendly()]])
def test_a_resolution_that_is_assumed(tail: list[Message]) -> None:
    answer = bot("60 days.")
    assert ending([asked(), bot("?"), asked(), answer, *tail]) == Ending(
        Outcome.RESOLVED, ASSUMED, messages=(answer.id,)
    )


@pytest.mark.parametrize(
    "text",
    ["That did not help.", "Not what I asked", "das hilft mir nicht weiter", "没有回答我的问题"],
)
def test_a_denial(text: str) -> None:
    denied = customer(text)
    assert ending([asked(), bot("60 days."), denied]) == unresolved(DENIED, denied)


def test_a_denial_outweighs_thanks() -> None:
    denied = customer("Thanks, but that does not help.")
    talk = [asked(), bot("60 days."), customer("Thanks!"), friendly(), denied]
    assert ending(talk) == unresolved(DENIED, denied)


def test_a_denial_that_was_answered_is_over() -> None:
    answer, thanked = bot("For shoes, 90 days."), customer("Thanks!")
    talk = [asked(), bot("60 days."), customer("Not what I asked"), answer, thanked]
    assert ending(talk).outcome is Outcome.RESOLVED


def test_nobody_answered_the_last_question() -> None:
    last = asked()
    assert ending([last]) == unresolved(UNANSWERED, last)
    assert ending([asked(), bot("60 days."), customer("Thanks!"), friendly(), last]) == unresolved(
        UNANSWERED, last
    )


@pytest.mark.parametrize("state", [MessageState.FAILED, MessageState.STOPPED])
def test_a_reply_that_was_cut_off_answers_nothing(state: MessageState) -> None:
    question, half = asked(), bot("60", state=state)
    assert not is_engaging(half)
    assert ending([question, half]) == unresolved(UNANSWERED, question)


def test_nothing_was_found() -> None:
    unknown = bot("I do not know.", ReplyStatus.UNKNOWN)
    assert not is_answer(unknown)
    assert ending([asked(), bot("60 days."), asked(), unknown]) == unresolved(
        NOTHING_FOUND, unknown
    )
    assert ending([asked(), unknown, customer("ok"), friendly()]) == unresolved(
        NOTHING_FOUND, unknown
    )


def test_an_answer_that_was_marked_as_not_helpful() -> None:
    first, last = bot("60 days."), bot("90 days.")
    talk = [asked(), first, asked(), last]
    assert ending(talk, frozenset({last.id})) == unresolved(UNHELPFUL, last, abandoned=False)
    assert ending(talk, frozenset({first.id})).why == ASSUMED
    assert ending([*talk, customer("Thanks!")], frozenset({last.id})).why == CONFIRMED


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (handoff.ASKED, Reason.ASKED),
        (handoff.ACCEPTED, Reason.NOTHING_FOUND),
        (handoff.ANGER, Reason.ANGER),
        (handoff.NOTHING_FOUND, Reason.NOTHING_FOUND),
        (handoff.POLICY + "legal", Reason.POLICY),
        (handoff.FAILED, Reason.ERROR),
        ("a rule of later days", Reason.ERROR),
    ],
)
def test_why_a_person_was_called(rule: str, reason: Reason) -> None:
    call, came = calling(rule), agent()
    assert reason_of(rule) is reason
    assert ending([asked(), call, agent(), came]) == Ending(
        Outcome.ESCALATED, rule, reason, messages=(call.id, came.id)
    )


def test_a_person_was_called_without_a_rule() -> None:
    call = calling(None)
    assert ending([asked(), call]) == Ending(
        Outcome.ESCALATED, "error", Reason.ERROR, abandoned=True, messages=(call.id,)
    )


def test_a_person_came_uncalled() -> None:
    came = agent()
    assert ending([asked(), bot("60 days."), came]) == Ending(
        Outcome.ESCALATED, "taken over", Reason.TAKEN_OVER, messages=(came.id,)
    )


@pytest.mark.parametrize(
    ("tail", "abandoned"),
    [
        ([], True),
        ([customer("Is anybody there?")], True),
        ([agent()], False),
        ([agent(), customer("Thanks!")], False),
        ([agent(), customer("And my other order?")], True),
        ([agent(), customer("And my other order?"), agent()], False),
    ],
)
def test_a_customer_whom_no_person_answered_is_abandoned(
    tail: list[Message], abandoned: bool
) -> None:
    end = ending([asked(), calling(), *tail])
    assert end.outcome is Outcome.ESCALATED
    assert end.abandoned is abandoned


def test_what_asks_is_more_than_manners() -> None:
    moin, first, last = customer("Moin"), asked(), customer("And for lamps?")
    talk = [
        *(customer("Hello!"), friendly(), moin, friendly(), first, bot("60 days.")),
        *(customer("Thanks!"), customer(" "), last),
    ]
    assert asking(talk) == [first, last]
    assert asking([moin]) == [moin], "only the bot's reply tells"


@pytest.mark.parametrize(
    "text",
    [
        *("thanks", "Thank you so much!", "That worked", "this answers it", "all sorted now"),
        *("exactly what I needed", "problem gone", "Danke", "es funktioniert jetzt", "merci"),
        *("谢谢", "解决了", "明白了，这下清楚了", "搞定"),
    ],
)
def test_what_confirms(text: str) -> None:
    assert confirms(text)
    assert not denies(text)


@pytest.mark.parametrize(
    "text",
    [
        *("That doesn’t help", "this did not work", "it still doesn't work", "useless"),
        *("Thanks, but that is not what I asked", "wrong answer", "das war nicht meine frage"),
        *("没用", "还没解决", "答非所问", "我问的不是这个，不是我想要的"),
    ],
)
def test_what_denies(text: str) -> None:
    assert denies(text)
    assert not confirms(text)


@pytest.mark.parametrize(
    "text",
    ["Has it worked?", "解决了吗？", "Thanks. " + "My parcel is still lost. " * 5, "Hello", ""],
)
def test_what_does_neither(text: str) -> None:
    assert not confirms(text)
    assert not denies(text)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_read_off_the_log_is_what_happened(seed: int) -> None:
    told = World(seed, 600, datetime(2026, 11, 1, tzinfo=UTC)).conversations()
    right = 0
    for one in told:
        unhelpful = frozenset(given.message for given in one.feedback if not given.helpful)
        end = ending(one.messages, unhelpful)
        right += (end.outcome, end.reason) == (one.truth.outcome, one.truth.reason)
    assert len(told) > 500
    assert right / len(told) >= 0.95
