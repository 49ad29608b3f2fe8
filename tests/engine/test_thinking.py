from __future__ import annotations

import pytest

from bot.engine.reply_text import ReplyText
from bot.engine.thinking import Thinking, closed


def said(*pieces: str) -> str:
    thinking = Thinking()
    return "".join(thinking.add(piece) for piece in pieces) + thinking.rest()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Sixty days.", "Sixty days."),
        ("<think>\nWhat do they want?\n</think>\n\nSixty days.", "Sixty days."),
        ("\n<think></think>\n\nSixty days.", "Sixty days."),
        ("[THINK]hm[/THINK]Sixty days.", "Sixty days."),
        ("Sixty <think>or not</think> days.", "Sixty days."),
        ("a thought without a beginning</think>\n\nSixty", "a thought without a beginningSixty"),
        ("<think>one</think><think>two</think>Sixty", "Sixty"),
        ("<think>never ends", ""),
        ("  two spaces stay", "  two spaces stay"),
        ("a < b <thin ice", "a < b <thin ice"),
        ("ends with <thi", "ends with <thi"),
        (" \n", " \n"),
        ("", ""),
    ],
)
def test_thoughts_are_taken_out_however_the_text_is_cut(text: str, shown: str) -> None:
    assert said(text) == shown
    assert said(*text) == shown
    for cut in range(len(text)):
        assert said(text[:cut], text[cut:]) == shown


def test_a_prompt_that_opens_a_thought_gets_an_empty_one() -> None:
    assert closed("<assistant><think>\n") == "<assistant><think>\n\n</think>\n\n"
    assert closed("<assistant>[THINK]") == "<assistant>[THINK]\n\n[/THINK]\n\n"
    assert closed("<assistant>") == "<assistant>"
    assert closed("<think>\n\n</think>\n\n") == "<think>\n\n</think>\n\n"


def test_stop_strings_in_a_thought_stop_nothing() -> None:
    text = ReplyText(stop=["STOP"])
    assert text.add(b"<think>shall I STOP?</think>Sixty") == "Sixty"
    assert not text.stopped
    assert text.add(b" days STOP") == " days "
    assert text.stopped


def test_text_that_was_given_is_shown_as_it_stands() -> None:
    text = ReplyText()
    assert text.add(b"Write <thi") == "Write "
    assert text.add(b"<think>like this</think>", given=True) == "<thi<think>like this</think>"
    assert text.rest() == ""
