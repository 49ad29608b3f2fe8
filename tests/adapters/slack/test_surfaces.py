from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters.slack.surfaces import HELPFUL, PERSON, UNHELPFUL, buttons_of, label_of_person
from bot.conversation import Message, ReplyStatus, Role
from bot.skills.wishes import wishes_for_a_person

ANSWER = Message(
    "1", "c", Role.ASSISTANT, "60 days.", datetime.now(UTC), status=ReplyStatus.ANSWERED
)


def test_under_an_answer() -> None:
    (block,) = buttons_of(replace(ANSWER, language="de"))
    assert [one["action_id"] for one in block["elements"]] == [HELPFUL, UNHELPFUL, PERSON]
    assert block["elements"][1]["text"]["text"] == "👎 Nicht hilfreich"
    assert buttons_of(replace(ANSWER, status=ReplyStatus.UNKNOWN))


@pytest.mark.parametrize(
    "changed",
    [{"rule": "small talk"}, {"role": Role.AGENT}, {"status": ReplyStatus.HANDED_OFF}],
)
def test_under_nothing_else(changed: dict[str, Any]) -> None:
    assert buttons_of(replace(ANSWER, **changed)) == []


@pytest.mark.parametrize("language", ["en", "zh", "de", "fr", "es", "pt", None])
def test_what_the_button_says_is_the_wish(language: str | None) -> None:
    assert wishes_for_a_person(label_of_person(language))
