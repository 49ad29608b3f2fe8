from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sentences import split_sentences


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(
    "sentences",
    [
        ["You can return shoes.", "Keep the box!", "Is it worn?", "Then we cannot take it back."],
        ["Ask Mr. Webb or Dr. Chen at No. 5 King St. by the river.", "They know."],
        ["Bring a photo, e.g. your passport, i.e. something with a face.", "Thanks."],
        ["It costs €4.90 or $1,299.50.", "Version 2.1.3 is free."],
        ["Write to help@lantern.example or see https://lantern.example/a.b?c=d.", "We answer."],
        ["Open www.lantern.example.", "Sign in."],
        ["We sell lamps, rugs, etc. and more.", "We ship lamps, rugs, etc.", "Ask us."],
        ["We are open from 9 a.m. to 5 p.m. Monday to Friday.", "Closed on holidays."],
        ["The shop closes at 5 p.m.", "Orders placed later wait."],
        ["Call tel. 555 0100 or ext. 12.", "See p. 3 and Fig. 4."],
        ["Is it no?", "No.", "It is yes."],
        ["Wait... it is coming.", "Wait...", "It came."],
        ['She asked "Is it free?" and left.', '"It is free."', "Good."],
        ["is it free?", "how long does it take?", "thanks"],
        ["J. R. Smith signs for it.", "So do I.", "So does Ann."],
        ["Do this.", "1. Open the app.", "2. Choose the order."],
        ["Send it back.", "iPhones are sent insured."],
        ["收到商品后30天内可以退货。", "鞋子也可以吗？", "可以！", "运费由我们承担"],
        ["他说：“我要退货。”", "我们同意了。"],
        ['他说："我要退货。"', "我们同意了。"],
        ["（周末除外。）", "请联系 help@lantern.example。", "谢谢"],
        ["价格是 4.90 欧元。", "版本 2.1 免费"],
        ["退货期为三十天.", "请保留包装"],
        ["真的吗？！", "是的……"],
    ],
)
def test_running_text(sentences: list[str]) -> None:
    stripped = [sentence.strip() for sentence in sentences]
    assert split_sentences(" ".join(stripped)) == stripped


def test_chinese_needs_no_spaces() -> None:
    assert split_sentences("可以退货。三十天内！好吗？") == ["可以退货。", "三十天内！", "好吗？"]


def test_a_list_item_is_one_sentence() -> None:
    text = (
        "You need:\n- Your order number. It starts with L.\n* A photo\n2) the box\n（1）包装。标签"
    )
    assert split_sentences(text) == [
        "You need:",
        "- Your order number. It starts with L.",
        "* A photo",
        "2) the box",
        "（1）包装。标签",
    ]


def test_a_table_row_is_one_sentence() -> None:
    text = "Way | Days | Price\nStandard | 3–5. Or 7. | €4.90\nExpress\t1\t€9\nFree from €50."
    assert split_sentences(text) == [
        "Way | Days | Price",
        "Standard | 3–5. Or 7. | €4.90",
        "Express\t1\t€9",
        "Free from €50.",
    ]


def test_a_wrapped_line_goes_on_and_a_heading_does_not() -> None:
    long = "You can send back anything that you bought from us within a period of"
    assert split_sentences(f"Returns\n{long}\n30 days. Keep\nthe box.\n\nShoes") == [
        "Returns",
        f"{long}\n30 days.",
        "Keep\nthe box.",
        "Shoes",
    ]


@pytest.mark.parametrize("text", ["", " \n\t ", "\n\n"])
def test_nothing(text: str) -> None:
    assert split_sentences(text) == []


def test_a_megabyte_on_one_line() -> None:
    assert len(split_sentences("Mr. X says no to it all, every day. " * 30_000)) == 30_000


@pytest.mark.parametrize("piece", [".", "e.g. ", '。"', "|", "(", "- ", "\n", "! "])
def test_a_long_run_of_one_mark(piece: str) -> None:
    text = piece * (200_000 // len(piece)) + "x"
    assert squeezed("".join(split_sentences(text))) == squeezed(text)


@given(
    st.text(alphabet=st.sampled_from("aB1 .!?…\n\t|-*“”\"'()。！？）」退"), max_size=80) | st.text()
)
def test_nothing_is_lost_and_all_is_verbatim(text: str) -> None:
    sentences = split_sentences(text)
    assert squeezed("".join(sentences)) == squeezed(text)
    assert all(sentence and sentence == sentence.strip() for sentence in sentences)
    assert all(sentence in text for sentence in sentences)
