from __future__ import annotations

import pytest

from bot.evaluation.shops import FOLLOW_UP, shops
from models.training.data.businesses import HELD_OUT, load_trades


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_answer_stands_on_the_pages_or_on_none(language: str) -> None:
    found = list(shops(language, 150, seed=2))
    questions = [(s, q) for s in found for c in s.conversations for q in c]
    assert len(questions) == 150
    for shop, question in questions:
        pages = "\n".join(shop.pages)
        if question.wanted:
            assert question.wanted[0].removeprefix("- ") in pages
    gone = [q for _, q in questions if not q.wanted]
    assert 10 < len(gone) < 60


def test_follow_ups_know_what_was_asked() -> None:
    asked = [q for s in shops("en", 100, seed=3) for c in s.conversations for q in c]
    follow_ups = [q for q in asked if q.kind == FOLLOW_UP]
    assert len(follow_ups) > 15
    assert all(q.earlier and q.wanted for q in follow_ups)


def test_it_is_the_seed_that_chooses() -> None:
    assert list(shops("en", 30, seed=1)) == list(shops("en", 30, seed=1))
    assert list(shops("en", 30, seed=1)) != list(shops("en", 30, seed=2))


def test_the_trades_are_those_that_were_kept_out() -> None:
    names = {name for trade in load_trades("en", held_out=True) for name in trade.businesses}
    assert len(load_trades("en", held_out=True)) == len(HELD_OUT)
    assert {shop.name for shop in shops("en", 60, seed=1)} <= names
