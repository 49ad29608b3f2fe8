from __future__ import annotations

from collections import Counter

import pytest

from bot.evaluation.shops import FOLLOW_UP, PAGES, WRITTEN_LANGUAGES, shops, written_shops
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


def test_whole_businesses_are_written_to_measure_by() -> None:
    kept = [topic for topic in load_topics("measure") if topic.language == "en"]
    found = list(written_shops("en", 10_000, "measure", seed=1))
    assert len(found) == len({topic.business for topic in kept})
    assert all(len(shop.pages) == 4 for shop in found)
    asked = [(shop, q) for shop in found for c in shop.conversations for q in c]
    assert sum(len(topic.open) for topic in kept) == sum(not q.wanted for _, q in asked)
    for shop, question in asked:
        assert not question.wanted or question.wanted[0] in "\n".join(shop.pages)
        assert (question.kind == FOLLOW_UP) == bool(question.earlier)


@pytest.mark.parametrize("language", WRITTEN_LANGUAGES)
def test_no_more_is_asked_than_wanted_and_of_all_pages(language: str) -> None:
    found = list(written_shops(language, 40, "measure", seed=1))
    assert sum(len(shop.conversations) for shop in found) == 40
    assert len(found) > 1


def test_topics_to_choose_by_stand_a_few_together() -> None:
    found = list(written_shops("en", 10_000, "choose", seed=1))
    assert all(1 <= len(shop.pages) <= PAGES for shop in found)


def test_pages_of_a_business_stay_together() -> None:
    for language in WRITTEN_LANGUAGES:
        topics = [topic for topic in load_topics("choose") if topic.language == language]
        businesses = Counter(topic.business for topic in topics)
        found = {
            shop.name: len(shop.pages) for shop in written_shops(language, 10_000, "choose", 1)
        }
        for business, count in businesses.items():
            if count > 1:
                assert found[business] == count
