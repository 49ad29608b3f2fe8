from __future__ import annotations

import pytest

from bot.evaluation.shops import FOLLOW_UP, PAGES, shops, topic_shops
from models.training.data.businesses import HELD_OUT, load_trades
from models.training.data.topics import load_topics


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


def test_topics_stand_on_pages_of_their_own() -> None:
    found = list(topic_shops("en", 10_000, "measure", seed=1))
    asked = [(shop, *c) for shop in found for c in shop.conversations]
    kept = [topic for topic in load_topics("measure") if topic.language == "en"]
    assert sum(len(shop.pages) for shop in found) == len(kept)
    assert all(len(shop.pages) <= PAGES for shop in found)
    assert sum(len(topic.open) for topic in kept) == sum(not q.wanted for _, q in asked)
    for shop, question in asked:
        assert not question.wanted or question.wanted[0] in "\n".join(shop.pages)


def test_no_more_topics_are_asked_about_than_wanted() -> None:
    found = list(topic_shops("en", 50, "measure", seed=1))
    assert sum(len(shop.conversations) for shop in found) == 50
