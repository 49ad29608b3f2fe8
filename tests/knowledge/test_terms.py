from __future__ import annotations

import pytest

from knowledge.terms import content_terms, query_terms, terms_of


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Returning shoes", "return shoe"),
        ("Don't wait: pick-up", "dont wait pick up pickup"),
        ("E-mail Loom's team", "e mail email loom team"),
        ("€4.90 ＡＢＣ", "4 90 abc"),
        ("退货", "退 货 退货"),
        ("买iPhone15", "买 iphone15"),
        ("", ""),
    ],
)
def test_terms_of_a_passage(text: str, terms: str) -> None:
    assert terms_of(text).split() == terms.split()


def test_stop_words_go_from_questions_only() -> None:
    assert query_terms("How long do I have to return the shoes?") == ["long", "return", "shoe"]
    assert query_terms("请问怎么退货") == ["退", "货", "退货"]
    assert "the" in terms_of("the shoes").split()


def test_what_looks_like_a_stop_word_inside_of_another() -> None:
    assert "申请" in query_terms("申请退货")
    assert "在线" in query_terms("在线支付")


def test_a_question_of_stop_words_keeps_them() -> None:
    assert query_terms("how do I do it") == ["how", "do", "i", "it"]
    assert content_terms("how do I do it") == []


def test_both_sides_meet() -> None:
    passage = set(terms_of("You can return your email orders. 收货之后可以退货").split())
    for question in ("RETURNS?", "e-mails", "退货吗", "收到货"):
        assert passage & set(query_terms(question)), question


def test_repeated_words_count_once_in_a_question() -> None:
    assert query_terms("refund refunds refunded " * 1000) == ["refund"]
