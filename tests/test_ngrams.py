import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ngrams import chinese_ngrams, english_ngrams, places


def test_english_takes_words_marks_and_pairs() -> None:
    assert english_ngrams("Don’t wait 3 days!!") == {
        "don't", "wait", "days", "!!", "<s> don't", "don't wait", "wait days", "days !!", "!! </s>",
    }  # fmt: skip


@pytest.mark.parametrize("sign", [":-)", ":(", "😡", "❤", "?!?"])
def test_english_keeps_signs_of_feeling(sign: str) -> None:
    assert sign in english_ngrams(f"hello {sign}")


def test_only_a_shouted_text_is_marked() -> None:
    assert "<shout>" in english_ngrams("WHERE IS IT, Tom")
    assert "<shout>" not in english_ngrams("Where is the TV")
    assert "<shout>" not in english_ngrams("OK DHL")


def test_chinese_takes_one_to_three_characters() -> None:
    assert chinese_ngrams("太 差!") == {"^", "太", "差", "!", "$", "^太", "太差", "差!", "!$",
                                    "^太差", "太差!", "差!$"}  # fmt: skip


def test_chinese_does_not_see_width_case_spaces_or_figures() -> None:
    assert chinese_ngrams("Ａ１２３ 元！") == chinese_ngrams("a7元!")


@given(st.text())
def test_any_text_has_a_place(text: str) -> None:
    for split in (english_ngrams, chinese_ngrams):
        found = places(split(text), 2**10)
        assert found == sorted(set(found))
        assert all(0 <= place < 2**10 for place in found)
        assert found


def test_a_place_is_the_crc_of_utf_8() -> None:
    assert places(["差", "差"], 100) == [zlib.crc32("差".encode()) % 100]
