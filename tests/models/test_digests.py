"""Conversations in words: asked for as in use, and true to what was said."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

import pytest

from bot.conversation import Message, Role
from bot.skills import summary
from bot.skills.summary import Summarizer
from models.training.data import fixed
from models.training.data.digests import digested, shown_to_model
from models.training.data.indirect import indirect
from models.training.data.scene import Scene
from models.training.data.talks import AGENT, BOT, CUSTOMER, draw_talk
from tests.fakes import ScriptedChatModel
from tests.models.documents import LANGUAGES, learnt, text_of

WHO = {CUSTOMER: Role.CUSTOMER, BOT: Role.ASSISTANT, AGENT: Role.AGENT}


def test_words_are_asked_for_as_in_use() -> None:
    assert fixed.SUMMARIZE == summary.SYSTEM


@pytest.mark.parametrize(
    ("direct", "told"),
    [
        ("How long do I have to return shoes?", "how long they have to return shoes"),
        ("How late may I be?", "how late they may be"),
        ("Can I bring my dog?", "whether they can bring their dog"),
        ("Do you give me a discount?", "whether we give them a discount"),
        ("Is there a fee for parcels to Kenya?", "whether there is a fee for parcels to Kenya"),
        ("Where can I reach you?", "where they can reach us"),
        ("My knee hurts. Can I come?", ""),
        ("no-show fee", ""),
    ],
)
def test_a_question_as_somebody_else_tells_it(direct: str, told: str) -> None:
    assert indirect(direct) == told


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_digest_is_asked_for_as_in_use_and_says_nothing_that_nobody_wrote(
    language: str,
) -> None:
    for number in range(60):
        document = digested(Scene(language, random.Random(number), held_out=False))
        talk = draw_talk(Scene(language, random.Random(number), held_out=False))
        at = datetime(2026, 5, 1, tzinfo=UTC)
        messages = [Message("1", "talk", WHO[who], text, at) for who, text in talk.lines]
        (written,) = learnt(document)
        model = ScriptedChatModel(replies=[written])
        prose = await Summarizer(model).write(messages)
        assert prose is not None
        assert prose.issue == json.loads(written)["issue"]
        assert prose.summary == json.loads(written)["summary"]
        asked = [f"<|im_start|>{role}\n{one.text}<|im_end|>\n"
                 for role, one in zip(("system", "user"), model.asked[0], strict=True)]  # fmt: skip
        assert text_of(document).startswith("".join(asked))
        assert shown_to_model(talk) == model.asked[0][1].text


def test_a_digest_tells_the_number_and_what_was_promised() -> None:
    kept = 0
    for number in range(200):
        talk = draw_talk(Scene("en", random.Random(number), held_out=False))
        (written,) = learnt(digested(Scene("en", random.Random(number), held_out=False)))
        assert talk.reference in json.loads(written)["issue"]
        if talk.promise:
            kept += 1
            assert talk.promise in json.loads(written)["summary"]
    assert kept > 10
