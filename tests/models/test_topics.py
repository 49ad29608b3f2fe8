from __future__ import annotations

import random
import tomllib
from collections import Counter
from typing import get_args

import pytest

from models.training.data.topics import (
    TOPICS,
    Part,
    Topic,
    asked_of,
    load_topics,
    page_text,
    topic_items,
)

PARTS: tuple[Part, ...] = get_args(Part)
KEPT_OUT_TRADES = (
    "museum", "museo", "musée", "博物馆", "美术馆", "courier", "camping", "outdoor",
    "快递公司", "户外", "kurierdienst", "mensajería", "messagerie", "galerie",
)  # fmt: skip
LANGUAGES = {"en", "zh", "de", "es", "fr", "mixed"}


def every_topic() -> tuple[Topic, ...]:
    return tuple(topic for part in PARTS for topic in load_topics(part))


def test_every_topic_is_in_one_part() -> None:
    stored = [
        topic
        for path in TOPICS.glob("*.toml")
        for topic in tomllib.loads(path.read_text("utf-8"))["topic"]
    ]
    assert len(every_topic()) == len({(t.business, t.title) for t in every_topic()}) == len(stored)
    for part in PARTS:
        languages = LANGUAGES - ({"mixed"} if part == "measure" else set())
        assert {topic.language for topic in load_topics(part)} == languages
    learnt, chosen = len(load_topics()), len(load_topics("choose"))
    assert learnt / (learnt + chosen) == pytest.approx(7 / 8, abs=0.03)


def test_next_to_nothing_that_is_learnt_is_asked_again_to_choose_or_to_measure() -> None:
    def asked(part: Part) -> set[str]:
        return {
            text.lower()
            for topic in load_topics(part)
            for text in (*topic.open, *(text for fact in topic.facts for text in fact.ask))
            if len(text) > 20
        }

    for part in ("choose", "measure"):
        assert len(asked("learn") & asked(part)) < 0.01 * len(asked(part))  # common ones


def test_a_topic_has_near_misses_and_open_questions() -> None:
    for topic in every_topic():
        assert 5 <= len(topic.facts) <= 9, topic.title
        assert len(topic.open) >= 3, topic.title
        for fact in topic.facts:
            assert len(set(fact.says)) >= 2, (topic.title, fact.says)
            assert len(set(fact.ask)) >= 3, (topic.title, fact.ask)
            assert all(text.strip() for text in (*fact.says, *fact.ask))


def test_no_question_is_asked_of_two_facts_of_a_topic() -> None:
    for topic in every_topic():
        asked = Counter(text for fact in topic.facts for text in set(fact.ask))
        asked.update(topic.open)
        assert max(asked.values()) == 1, [text for text, count in asked.items() if count > 1]


def test_no_topic_is_of_a_trade_that_is_kept_out() -> None:
    for topic in every_topic():
        said = topic.business.lower()
        assert not any(word in said for word in KEPT_OUT_TRADES), said


@pytest.mark.parametrize("part", PARTS)
def test_what_answers_stands_against_what_stands_beside_it(part: Part) -> None:
    open_questions = {text for topic in load_topics(part) for text in topic.open}
    items = list(topic_items(random.Random(1), part))
    sentences = [item for item in items if item.kind == "topic"]
    assert {item.kind for item in items} == ({"topic", "passage"} if part == "learn" else {"topic"})
    for item in sentences:
        assert item.right or item.question in open_questions or part == "learn"
        assert not set(item.right) & set(item.wrong)
        assert len(item.wrong) >= 5
        assert bool(item.key) == bool(item.right)
    assert {item.language for item in sentences} == {t.language for t in load_topics(part)}


def test_what_no_page_of_a_business_answers_is_read_against_all_of_them() -> None:
    pages = Counter(topic.business for topic in load_topics())
    business = next(name for name, count in pages.items() if count == 4)
    own = [topic for topic in load_topics() if topic.business == business]
    facts = [fact for topic in own for fact in topic.facts]
    open_questions = {text for topic in own for text in topic.open}
    items = [item for item in topic_items(random.Random(1)) if item.question in open_questions]
    whole = [item for item in items if len(item.wrong) == len(facts)]
    assert {item.question for item in whole} == open_questions
    for item in whole:
        for fact in facts:
            assert any(says in text for text in item.wrong for says in fact.says)


def test_some_questions_are_asked_of_a_page_that_is_about_something_else() -> None:
    answered = {text for t in load_topics() for fact in t.facts for text in fact.ask}
    asked = [i for i in topic_items(random.Random(1)) if i.kind == "topic"]
    asked = [item for item in asked if item.question in answered]
    elsewhere = [item for item in asked if not item.right]
    assert 0.1 < len(elsewhere) / len(asked) < 0.2
    assert all(len(item.wrong) >= 5 for item in elsewhere)


def test_one_fact_asked_in_several_ways_has_one_key() -> None:
    keys = Counter(item.key for item in topic_items(random.Random(1)) if item.kind == "topic")
    keys.pop("")
    facts = sum(len(topic.facts) for topic in load_topics())
    assert len(keys) == facts
    assert min(keys.values()) >= 3


def test_a_follow_up_comes_after_a_question_to_another_fact() -> None:
    topic = next(t for t in load_topics() if any(fact.follow for fact in t.facts))
    fact = next(fact for fact in topic.facts if fact.follow)
    asked = [one for one in asked_of(topic, random.Random(1)) if one.fact is fact and one.before]
    others = {text for other in topic.facts if other is not fact for text in other.ask}
    assert asked
    for one in asked:
        assert one.text == fact.follow
        assert one.before is not None
        assert one.before.text in others
        assert one.folded == f"{one.before.text} {fact.follow}"


def test_a_page_holds_every_fact_in_one_of_its_wordings() -> None:
    for topic in load_topics():
        page = page_text(topic, random.Random(1))
        assert page.startswith(f"{topic.title}: ")
        assert all(any(wording in page for wording in fact.says) for fact in topic.facts)
