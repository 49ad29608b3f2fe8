from __future__ import annotations

import pytest

from knowledge.followup import fold, is_follow_up

FIRST = "How long do I have to return clothes?"


@pytest.mark.parametrize(
    "query",
    [
        "and for shoes?",
        "what about Germany?",
        "ok and on sundays?",
        "shoes?",
        "to the UK?",
        "for sale items?",
        "why?",
        "how long?",
        "in which stores?",
        "Can I return it?",
        "How much does that cost?",
        "Do they work in stores?",
        "even if I opened it?",
        "那鞋子呢？",
        "鞋子呢",
        "那德国呢",
        "多久？",
        "多少钱",
        "它可以退吗",
        "这个可以退吗",
        "还有礼品卡",
        "und für Schuhe?",
        "ja, aber am Sonntag?",
        "nach Österreich?",
        "¿Y para zapatos?",
        "también en rebajas?",
        "et pour les chaussures ?",
    ],
)
def test_follow_ups(query: str) -> None:
    assert is_follow_up(query)
    assert fold(query, [FIRST]) == f"{FIRST} {query}"


@pytest.mark.parametrize(
    "query",
    [
        FIRST,
        "where is my order",
        "how do I pay?",
        "gift cards",
        "shipping costs",
        "Is it possible to pay by invoice?",
        "I lost my password, can I reset it",
        "My lamp arrived broken, what do I do with it",
        "And another thing: can I pay my next order by bank transfer instead?",
        "For how long are gift cards valid",
        "怎么退货",
        "我的订单在哪里呢",
        "那个灯坏了怎么办",
        "可以用支付宝付款吗",
        "Wo bleibt mein Paket?",
        "Nach der Bestellung habe ich keine Bestätigung bekommen",
        "¿Cómo puedo pagar mi pedido?",
        "Où est mon colis ?",
        "ou puis-je rendre mes chaussures",
        "Pour combien de temps est valable une carte cadeau",
    ],
)
def test_questions_of_their_own(query: str) -> None:
    assert not is_follow_up(query)
    assert fold(query, ["Do you ship to Norway?"]) == query


def test_a_chain_goes_back_to_where_it_began() -> None:
    context = ["gift cards", FIRST, "and for shoes?", "ok thanks"]
    assert fold("and lamps?", context) == f"{FIRST} and for shoes? and lamps?"


def test_nothing_to_lean_on() -> None:
    assert fold("and for shoes?", []) == "and for shoes?"
    assert fold("and for shoes?", ["hello", "thank you"]) == "and for shoes?"


def test_a_megabyte() -> None:
    assert not is_follow_up("my order number is wrong and so on " * 30_000)
