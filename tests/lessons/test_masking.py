from __future__ import annotations

import pytest

from bot.lessons.masking import Mask, mask_of
from tests.lessons.talking import asks, talk, writes


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("write to anna.lee+shop@mail.example.org, please", "write to [e-mail], please"),
        ("call +44 (0)20 7946 0991 or 0151-23456789", "call [number] or [number]"),
        ("card 4111 1111 1111 1111 was charged", "card [number] was charged"),
        ("DE89 3704 0044 0532 0130 00 is mine", "[account] is mine"),
        ("see https://shop.example/o?id=77.", "see [link]."),
        ("我的电话是13812345678，谢谢", "我的电话是[number]，谢谢"),
        ("it came on 2026-01-05 or 05.01.2026", "it came on 2026-01-05 or 05.01.2026"),
        ("60 days, €1,250.50, room 42 and 5 pm", "60 days, €1,250.50, room 42 and 5 pm"),
    ],
)
def test_what_is_private_and_what_is_not(said: str, masked: str) -> None:
    assert Mask([])(said) == masked


def test_names_and_orders_of_a_conversation_are_masked_wherever_they_stand() -> None:
    messages = talk(
        asks("My name is Anna Lee and order LL4471 is late"),
        writes("Hello Anna, this is Tom from the shop. Anna, LL4471 is on its way.\nRegards, Tom"),
    )
    mask = mask_of(messages, agent="Beate")
    assert mask(messages[0].text) == "My name is [name] and order [number] is late"
    assert "Anna" not in mask(messages[1].text)
    assert "Tom" not in mask(messages[1].text)
    assert mask("Beate asked Annabel") == "[name] asked Annabel"
    assert mask.found["name"] >= 4


def test_a_chinese_name_needs_no_space() -> None:
    mask = mask_of(talk(asks("我叫王小明，订单号是88120045"), writes("王小明您好")))
    assert mask("王小明您好，88120045已发货") == "[name]您好，[number]已发货"


def test_what_the_pages_say_is_no_secret() -> None:
    mask = Mask([], public="Write to help@shop.example or call 020 7946 0991.")
    said = "Write to help@shop.example, not to me@home.example."
    assert mask(said) == "Write to help@shop.example, not to [e-mail]."


def test_a_reply_keeps_the_sentences_that_are_nobodys() -> None:
    mask = mask_of(talk(asks("I'm Ann."), writes("Dear Ann,\nShoes: 60 days.")))
    assert mask.kept("Dear Ann,\nShoes can be returned. I wrote to a@b.example.\n\nBye.") == (
        "Shoes can be returned.\n\nBye."
    )
    assert mask.kept("Ann, Ann!") == ""
