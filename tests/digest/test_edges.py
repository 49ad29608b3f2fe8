"""What the rules once read wrongly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any

import pytest

from bot.conversation import Message, MessageState, ReplyStatus, Role
from bot.digest.case import case_of, questions
from bot.digest.digest import digest
from bot.digest.facts import READ, Kind, facts
from bot.digest.outcome import Outcome, asking, ending
from bot.skills import handoff

C, B, A = Role.CUSTOMER, Role.ASSISTANT, Role.AGENT


def m(minute: int, role: Role, text: str, **more: Any) -> Message:
    at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return Message(f"m{minute}", "talk", role, text, at, **more)


def found(kind: Kind, text: str, role: Role = C) -> list[str]:
    return [f.text for f in facts([m(0, role, text)]) if f.kind is kind]


@pytest.mark.parametrize("of", [ending, digest, questions, asking])
def test_empty_conversation(of: Callable[..., object]) -> None:
    of([])


@pytest.mark.parametrize(
    "text", ["我的订单LL48213377现在还来得及退吗？", "我的LL48213377还没到", "订单是LL48213377吗"]
)
def test_order_in_chinese(text: str) -> None:
    assert found(Kind.ORDER, text) == ["LL48213377"]


def test_order_number_then_chinese() -> None:
    assert found(Kind.ORDER, "订单号12345还没到") == ["12345"]


def test_date_in_chinese() -> None:
    assert found(Kind.DATE, "我2026-05-01买的") == ["2026-05-01"]


def test_name_before_order() -> None:
    assert found(Kind.NAME, "我叫小雨订单12345") == ["小雨"]


@pytest.mark.parametrize(
    ("kind", "fact"), [(Kind.ORDER, "order 48213377"), (Kind.AMOUNT, "€1234567.50")]
)
def test_cut_at_read(kind: Kind, fact: str) -> None:
    for shown in range(1, 16):
        text = "x" * (READ - shown) + " " + fact + " is mine"
        assert all(one in text.split() for one in found(kind, text)), found(kind, text)


def test_promise_late_in_a_sentence() -> None:
    text = "Thank you for waiting " + "and waiting " * 20 + "and I will call you tomorrow."
    assert len(found(Kind.PROMISE, text, A)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "It is still not solved.",
        "The problem is not fixed",
        "It is not sorted yet",
        "Das Problem ist nicht gelöst",
        "Thanks but I still need the refund",
        "Thanks, but it is still not there",
    ],
)
def test_negated_is_not_confirmed(text: str) -> None:
    talk = [m(0, C, "How long?"), m(1, B, "60 days.", status=ReplyStatus.ANSWERED), m(2, C, text)]
    assert ending(talk).outcome is Outcome.UNRESOLVED


@pytest.mark.parametrize(
    "text",
    [
        "My parcel has not arrived, please help. Thanks",
        "我的包裹没到，谢谢",
        "mein Paket ist nicht da, danke",
        "Please cancel order LL48213377, thanks",
    ],
)
def test_a_polite_question_asks(text: str) -> None:
    assert asking([m(0, C, text)])
    assert ending([m(0, C, text)]).outcome is Outcome.UNRESOLVED


@pytest.mark.parametrize(
    "text",
    [
        "hat nicht geklappt",
        "Es hat leider nicht funktioniert",
        "It still isn't fixed",
        "It's not working",
    ],
)
def test_what_denies_more(text: str) -> None:
    talk = [m(0, C, "How long?"), m(1, B, "60 days.", status=ReplyStatus.ANSWERED), m(2, C, text)]
    assert ending(talk).why.startswith("the customer said that it did not")


TWICE = [
    m(0, C, "Where is my parcel?"),
    m(1, A, "On its way."),
    m(2, C, "I want to talk to a person."),
    m(3, B, "ok", status=ReplyStatus.HANDED_OFF, rule=handoff.ASKED),
]


def test_person_at_is_after_the_call() -> None:
    talk = [*TWICE, m(9, A, "Hello")]
    assert case_of(talk, ending(talk)).person_at == talk[-1].created_at


def test_called_again_and_nobody_came() -> None:
    assert ending(TWICE).abandoned


def test_failed_is_no_reply() -> None:
    talk = [
        m(0, C, "How long?"),
        m(1, B, "", state=MessageState.FAILED),
        m(2, B, "60 days.", status=ReplyStatus.ANSWERED),
    ]
    assert case_of(talk, ending(talk)).replied_at == talk[2].created_at


def test_language_where_the_first_is_untagged() -> None:
    assert digest([m(0, C, "How long?"), m(1, C, "And hats?", language="en")]).language == "en"


def test_both_things_tried() -> None:
    talk = [m(0, C, "I already reset it twice. I've tried another browser.")]
    assert "reset it twice" in str(digest(talk).tried)


def test_what_customers_tried_is_kept() -> None:
    talk = [m(0, C, "I already reset it twice.")]
    talk += [m(n, B, "60 days.", status=ReplyStatus.ANSWERED) for n in range(1, 14)]
    assert "reset it twice" in str(digest(talk).tried)


def test_action_names_the_open_question() -> None:
    talk = [*TWICE, m(9, A, "Hello"), m(10, C, "And what about the socks?")]
    assert "socks" in digest(talk).actions[0].text


def test_taken_over_is_not_called() -> None:
    talk = [m(0, C, "How long?"), m(1, A, "60 days.")]
    assert "was called" not in digest(talk).summary.text


def test_what_is_asked_after_an_agent_handed_back_is_a_question() -> None:
    talk = [
        m(0, C, "Where is my parcel?"),
        m(1, A, "It comes tomorrow."),
        m(2, C, "Which street, please?"),
        m(3, A, "Yours."),
        m(4, C, "What does shipping cost?"),
        m(5, B, "?", status=ReplyStatus.UNKNOWN),
    ]
    assert [one.message for one in questions(talk)] == ["m0", "m4"]


def test_a_long_text_without_spaces_has_facts() -> None:
    text = "我叫王小明，订单号是LL12345678" + "谢" * 5_000
    assert found(Kind.ORDER, text) == ["LL12345678"]
    assert found(Kind.NAME, text) == ["王小明"]


@pytest.mark.parametrize(
    "text",
    [
        "habe " * 200_000,
        "I have used " * 80_000,
        "单" + " " * 1_000_000,
        "1." * 500_000,
        "1" * 10**6,
    ],
)
def test_no_text_holds_up_who_reads_it(text: str) -> None:
    began = process_time()
    talk = [m(0, C, text), m(1, B, "?", status=ReplyStatus.UNKNOWN)]
    questions(talk)
    digest(talk)
    assert process_time() - began < 1
