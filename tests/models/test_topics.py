from __future__ import annotations

import random
import tomllib
from collections import Counter
from typing import get_args

import pytest

from bot.sentences import split_sentences
from models.training.data.topics import TOPICS, Part, Topic, load_topics, questions, topic_items

PARTS: tuple[Part, ...] = get_args(Part)
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
        assert {topic.language for topic in load_topics(part)} == LANGUAGES
    assert len(load_topics()) / len(stored) == pytest.approx(7 / 8, abs=0.03)


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
        assert not any(word in said for word in ("museum", "courier", "camping", "outdoor")), said


@pytest.mark.parametrize("part", PARTS)
def test_what_answers_stands_against_what_stands_beside_it(part: Part) -> None:
    topics = {(t.language, t.title): t for t in load_topics(part)}
    open_questions = {text for topic in topics.values() for text in topic.open}
    items = list(topic_items(random.Random(1), part))
    sentences = [item for item in items if item.kind == "topic"]
    assert {item.kind for item in items} == ({"topic", "passage"} if part == "learn" else {"topic"})
    for item in sentences:
        assert item.right or item.question in open_questions
        assert not set(item.right) & set(item.wrong)
        assert len(item.wrong) >= 5
        assert bool(item.key) == bool(item.right)
    assert {item.language for item in sentences} == LANGUAGES


def test_one_fact_asked_in_several_ways_has_one_key() -> None:
    keys = Counter(item.key for item in topic_items(random.Random(1)) if item.kind == "topic")
    keys.pop("")
    facts = sum(len(topic.facts) for topic in load_topics())
    assert len(keys) == facts
    assert min(keys.values()) >= 3


def test_a_follow_up_comes_behind_a_question_to_another_fact() -> None:
    topic = next(t for t in load_topics() if any(fact.follow for fact in t.facts))
    fact = next(fact for fact in topic.facts if fact.follow)
    asked = [q.text for q in questions(topic, random.Random(1)) if q.fact is fact]
    folded = [text for text in asked if text.endswith(f" {fact.follow}")]
    others = {text for other in topic.facts if other is not fact for text in other.ask}
    assert folded
    assert all(text.removesuffix(f" {fact.follow}") in others for text in folded)


def test_a_passage_holds_every_fact_in_one_of_its_wordings() -> None:
    passages = [item for item in topic_items(random.Random(1)) if item.kind == "passage"]
    assert passages
    for item in passages[:50]:
        assert all(len(split_sentences(text)) >= 3 for text in (*item.right, *item.wrong))
