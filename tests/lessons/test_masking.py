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
        ("tracking 92001902551559000101352200, please", "tracking [number], please"),
        ("Tel.0301234567 and order no.12345678", "Tel.[number] and order no.[number]"),
        ("call 0170,1234567 or 030 123,4567890", "call [number] or [number]"),
        ("AB1234567 and 1234567kg", "AB[number] and [number]kg"),
        ("my IBAN is de89370400440532013000", "my IBAN is [account]"),
        ("gb29 nwbk 6016 1331 9268 19 is mine", "[account] is mine"),
        ("müller@web.example, müller@bücher.example", "[e-mail], [e-mail]"),
        ("mail:o'neil!x@web.example (a@b.example)", "mail:[e-mail] ([e-mail])"),
        ("我的邮箱是li.wei@例子.中国，张三@b.example", "我的邮箱是[e-mail]，[e-mail]"),
        ("电话０３０１２３４５６７，ａ＠ｂ．ｃｎ", "电话[number]，[e-mail]"),
        ("٠٣٠١٢٣٤٥٦٧", "[number]"),
        ("see HTTPS://shop.example/o or www.shop.example/me", "see [link] or [link]"),
        (
            "in room ab12 word that went with 1,000,000 or 36,37,38,39",
            "in room ab12 word that went with 1,000,000 or 36,37,38,39",
        ),
        ("全角，标点：不变？", "全角，标点：不变？"),
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


def test_a_name_or_a_part_of_a_number_is_no_less_private_where_the_pages_say_it() -> None:
    public = "The Annual plan. Ann and Will refund. Hotline 030 1234567 89, LL44719."
    mask = Mask(["Ann", "Will"], ["LL4471"], public)
    assert mask("Ann here, Will too, no 1234567, LL4471") == (
        "[name] here, [name] too, no [number], [number]"
    )
    assert mask("Call 030 1234567 89.") == "Call 030 1234567 89."


def test_a_name_is_one_however_it_is_written_unless_it_is_a_word() -> None:
    mask = Mask(["Maria", "Will", "Jo", "José"])
    assert mask("maria, MARIA and Mariana") == "[name], [name] and Mariana"
    assert mask("Will or WILL, it will") == "[name] or [name], it will"
    assert mask("Jo, JO, jo") == "[name], [name], jo"
    assert mask("JOSE\u0301 or josé") == "[name] or [name]"


def test_the_small_words_in_a_name_are_nobodys() -> None:
    mask = mask_of(talk(asks("Hi")), agent="Anna von der Berg")
    assert mask("Frage an anna: wo ist der Berg von Ware?") == (
        "Frage an [name]: wo ist der [name] von Ware?"
    )


def test_what_is_private_is_counted_once() -> None:
    mask = Mask(["Ann", "Link"], ["88120045"])
    mask.kept("Hi Ann. It is fine.\nYours is 88120045. Link: https://a.example/ann. Bye.")
    assert mask.found == {"name": 2, "number": 1, "link": 1}


def test_a_number_across_sentences_goes_with_both() -> None:
    assert Mask([]).kept("Call 030. 1234. We are there.") == "We are there."


def test_a_reply_keeps_the_sentences_that_are_nobodys() -> None:
    mask = mask_of(talk(asks("I'm Ann."), writes("Dear Ann,\nShoes: 60 days.")))
    assert mask.kept("Dear Ann,\nShoes can be returned. I wrote to a@b.example.\n\nBye.") == (
        "Shoes can be returned.\n\nBye."
    )
    assert mask.kept("Ann, Ann!") == ""
