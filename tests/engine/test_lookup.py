"""Speculative decoding by prompt lookup: it changes the number of steps, not what is said.

(A step of five tokens may round otherwise than one of one, so that a near tie falls the other way;
the tiny models have none in these texts.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.engine.context import Part
from bot.engine.lookup import Lookup, Trust
from bot.engine.request import Chosen, Finished, Fixed, Written
from tests.engine.asking import LETTERS, answered, ask, together
from tests.engine.conftest import Load
from tests.engine.tiny import write_language_model

AGAIN = 'root ::= ("return the shoe, how? ")+'
"""What it makes the model write repeats itself, so that guesses are right."""


def lookup(most: int = 4) -> Lookup:
    trust = Trust(most)
    for _ in range(3):
        trust.learn(1, 1)
    return Lookup(trust)


def test_what_followed_is_guessed_to_follow_again() -> None:
    found = lookup()
    assert found.draft([0, 1, 2, 3], 4) == []
    assert found.draft([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3], 4) == [4, 5, 6, 0]
    assert found.draft([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3], 2) == [4, 5]
    assert found.draft([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 9], 4) == []


def test_the_last_place_counts() -> None:
    assert lookup().draft([0, 1, 2, 3, 4, 0, 1, 2, 3, 5, 6, 0, 1, 2, 3], 2) == [5, 6]


def test_no_room_is_no_guess_but_the_tokens_are_noted() -> None:
    found = lookup()
    assert found.draft([0, 1, 2, 3, 4, 0, 1, 2, 3], 0) == []
    assert found.draft([0, 1, 2, 3, 4, 0, 1, 2, 3], -3) == []
    assert found.draft([0, 1, 2, 3, 4, 0, 1, 2, 3], 1) == [4]


def test_tokens_may_be_cut() -> None:
    found = lookup()
    found.draft([0, 1, 2, 3, 4, 5, 6], 4)
    assert found.draft([0, 1, 2, 3], 4) == []
    assert found.draft([0, 1, 2, 3, 7, 0, 1, 2, 3], 4) == [7, 0, 1, 2]


def test_trust_grows_with_right_guesses_and_shrinks_with_wrong_ones() -> None:
    trust = Trust(6)
    lengths = []
    for right in (True, True, True, True, False, False, True):
        length = trust.length()
        lengths.append(length)
        trust.learn(length, length if right else 0)
    assert lengths == [1, 2, 4, 6, 6, 3, 1]
    assert Trust(0).length() == 0


def test_too_many_wrong_guesses_bring_a_pause() -> None:
    trust = Trust(4)
    for _ in range(2):
        wrong = 0
        while trust.length():
            trust.learn(1, 0)
            wrong += 1
        assert wrong == 5
        assert [trust.length() for _ in range(127)] == [0] * 127
    assert trust.length() == 1


CASES: dict[str, dict[str, Any]] = {
    "repeating": {"grammar": AGAIN, "max_tokens": 80},
    "free": {"max_tokens": 120},
    "without a grammar": {"grammar": None, "max_tokens": 120},
    "warm": {"temperature": 0.9, "max_tokens": 120, "seed": 3},
    "repeating and warm": {"grammar": AGAIN, "temperature": 0.9, "max_tokens": 120, "seed": 5},
    "stopped": {"grammar": AGAIN, "stop": ("shoe, how? return the s",), "max_tokens": 80},
    "one token": {"grammar": AGAIN, "max_tokens": 1},
    "up to the window": {"grammar": AGAIN, "max_tokens": 2_000},
    "an end": {"grammar": 'root ::= "how? how? how? how? how? how? how?"', "max_tokens": 80},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_same_is_said_with_guesses_and_without(load: Load, case: dict[str, Any]) -> None:
    told = []
    for drafts in (4, 0, 16):
        model = load(drafts=drafts)
        asked = "return the shoe, how? return the shoe"
        first, finished = answered(model, ask(model, asked, conversation="c", **case))
        request = ask(model, asked, first, "more", conversation="c", max_tokens=12)
        second, again = answered(model, request) if len(first) < 400 else ("", finished)
        kept = (finished.reason, finished.reply_tokens, again.reused_tokens)
        told.append((first, second, *kept))
        model.close()
    assert told[0] == told[1] == told[2]


def test_right_guesses_save_steps(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {}
    for drafts in (0, 4):
        model = load(drafts=drafts)
        counts[drafts] = 0
        decode = model._context.decode

        def counted(parts: Sequence[Part], drafts: int = drafts, decode: Any = decode) -> None:
            counts[drafts] += 1
            decode(parts)

        monkeypatch.setattr(model._context, "decode", counted)
        grammar = AGAIN.replace("+", "{40}")
        _, finished = answered(model, ask(model, "hello", grammar=grammar, max_tokens=100))
        assert finished.reply_tokens == 100
    assert finished.accepted_tokens > 10
    assert counts[4] == counts[0] - finished.accepted_tokens
    assert finished.drafted_tokens >= finished.accepted_tokens


def test_wrong_guesses_are_forgotten(load: Load) -> None:
    model = load(drafts=4)
    request = ask(model, "hello there", grammar=LETTERS, max_tokens=200, conversation="c")
    text, finished = answered(model, request)
    assert finished.drafted_tokens > finished.accepted_tokens
    assert answered(model, replace(request, conversation="d"))[0] == text


def test_many_at_once_write_what_they_write_alone(load: Load) -> None:
    model = load(drafts=4, conversations=6)
    requests = [
        ask(
            model,
            f"return the shoe {number}",
            grammar=AGAIN if number % 2 else LETTERS,
            max_tokens=60,
            conversation=str(number),
        )
        for number in range(6)
    ]
    alone = [answered(model, replace(one, conversation=""))[0] for one in requests]
    assert [text for text, _ in together(model, *requests)] == alone


def test_an_outline_with_guesses(load: Load) -> None:
    outline = (
        Written(AGAIN.replace("+", "{3}")),
        Fixed("return the shoe, how? "),
        Chosen(("return", "refund")),
        Written('root ::= " the shoe, how? the shoe, how?"'),
    )
    told = []
    for drafts in (0, 4):
        model = load(drafts=drafts)
        request = replace(ask(model, "hello", max_tokens=80), outline=outline)
        text, finished = answered(model, request)
        told.append((text, finished.reply_tokens))
    assert finished.accepted_tokens
    assert told[0] == told[1]
    assert told[0][0].startswith("return the shoe, how? " * 4)


def test_a_guess_across_the_border_of_a_choice(load: Load) -> None:
    """The reply before makes it guess the label, whose draft the choice cuts off."""
    outline = (
        Written('root ::= "the the the"'),
        Chosen(("on", "in")),
        Written('root ::= "the the the on the the the in the the the"'),
    )
    told = []
    for drafts in (0, 4, 16):
        model = load(drafts=drafts)
        said: list[str] = []
        for _ in range(3):
            turns = [turn for text in said for turn in ("hello", text)]
            request = ask(model, *turns, "hello", conversation="c", max_tokens=80)
            said.append(answered(model, replace(request, outline=outline))[0])
        told.append(said)
    assert told[0] == told[1] == told[2]


def test_a_stop_leaves_nothing_of_a_guess(load: Load) -> None:
    model = load(drafts=4)
    request = ask(model, "hello", grammar=AGAIN, max_tokens=300, conversation="c")
    for pieces in range(1, 30, 4):
        stream = model.generate(request)
        for number, _ in enumerate(stream):
            if number == pieces:
                stream.close()
    text, finished = answered(model, replace(request, max_tokens=60))
    assert text == answered(model, replace(request, max_tokens=60, conversation="d"))[0]
    assert isinstance(finished, Finished)


def test_a_model_that_only_words_replies_makes_none(tmp_path: Path, load: Load) -> None:
    wording = '{"en": {"lead": ["root ::= \\"a\\""]}}'
    metadata: dict[str, str | bool] = {"kefu.reads": False, "kefu.wording": wording}
    model = load(write_language_model(tmp_path / "m.gguf", metadata=metadata))
    _, finished = answered(model, ask(model, "hello", grammar=AGAIN, max_tokens=80))
    assert (model.settings.drafts, finished.drafted_tokens) == (0, 0)
