from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from bot.aide import open_question
from bot.conversation import Message, ReplyStatus, Role

NUMBERS = count(1)


def customer(text: str) -> Message:
    return _message(Role.CUSTOMER, text)


def bot(text: str, status: ReplyStatus = ReplyStatus.ANSWERED, rule: str | None = None) -> Message:
    return _message(Role.ASSISTANT, text, status=status, rule=rule)


def _message(role: Role, text: str, **more: Any) -> Message:
    return Message(str(next(NUMBERS)), "talk", role, text, datetime(2026, 5, 1, tzinfo=UTC), **more)


SHOES = customer("How long can shoes be returned?")
PERSON = customer("I want to talk to a person")
YES = customer("All right, do so")
ACCEPTED = bot("A person is called.", ReplyStatus.HANDED_OFF, "accepted the offer of a person")
THANKS = customer("Thank you!")
CALLED = bot("A person is called.", ReplyStatus.HANDED_OFF)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], None),
        ([SHOES], SHOES),
        ([SHOES, bot("?", ReplyStatus.UNKNOWN), PERSON, CALLED], SHOES),
        ([SHOES, bot("?", ReplyStatus.UNKNOWN), YES, ACCEPTED], SHOES),
        ([SHOES, bot("60 days."), PERSON, CALLED], PERSON),
        ([SHOES, bot("60 days."), THANKS, bot("Gladly!", rule="small talk")], THANKS),
        ([PERSON, CALLED, SHOES, THANKS], SHOES),
        ([SHOES, _message(Role.AGENT, "I look."), THANKS], THANKS),
    ],
)
def test_what_is_answered(messages: list[Message], expected: Message | None) -> None:
    assert open_question(messages) is expected
