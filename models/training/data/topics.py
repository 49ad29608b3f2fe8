"""Help-page topics written by hand: facts that stand close together, what customers ask about each,
and what they ask that none of them answers.

A topic is one page of one invented business, `topics/*_LANGUAGE.toml`; every fact of it is a near
miss for the questions to the others. In `business*`, each has four pages, and what is `open` is
answered by none of them. In `mixed`, pages in English are asked about in other languages. One
business in eight is kept to choose by; nothing is trained on it. To measure, there are businesses
in files of their own (`measure_LANGUAGE.toml`).
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from bot.reading import told
from models.training.data.item import BARE, Item

TOPICS = Path(__file__).parent / "topics"
KEPT_OUT = 8
"""Of each file, the last of every so many businesses is not learnt."""
MEASURED = "measure"
Part: TypeAlias = Literal["learn", "choose", "measure"]
ELSEWHERE = 0.15
"""Questions that are asked of another page, too, which does not answer them: one of the same
business, where it has several."""
FOLLOWED = 2
"""Questions that a follow-up is asked after."""


@dataclass(frozen=True)
class Fact:
    says: tuple[str, ...]
    """Wordings; each answers every question of `ask`."""
    ask: tuple[str, ...]
    follow: str
    """Leans on a question to another fact of the topic; "" where there is none."""


@dataclass(frozen=True)
class Topic:
    language: str
    business: str
    title: str
    facts: tuple[Fact, ...]
    open: tuple[str, ...]
    """Questions that no fact of its business answers."""


@dataclass(frozen=True)
class Asked:
    text: str
    fact: Fact | None
    """None: no fact answers it."""
    before: Asked | None = None
    """The question that it follows on."""

    @property
    def folded(self) -> str:
        """With what it leans on, as kefu puts the two together where it sees that they belong."""
        return f"{self.before.text} {self.text}" if self.before else self.text


@cache
def load_topics(part: Part = "learn") -> tuple[Topic, ...]:
    paths = [
        path
        for path in sorted(TOPICS.glob("*.toml"))
        if path.stem.startswith(MEASURED) is (part == "measure")
    ]
    found: list[Topic] = []
    for path in paths:
        language = path.stem.rpartition("_")[2]
        topics = [_topic(one, language) for one in tomllib.loads(path.read_text("utf-8"))["topic"]]
        businesses = list(dict.fromkeys(topic.business for topic in topics))
        kept = businesses[KEPT_OUT - 1 :: KEPT_OUT]
        found += [
            topic
            for topic in topics
            if part == "measure" or (topic.business in kept) is (part == "choose")
        ]
    return tuple(found)


def _topic(stored: dict[str, Any], language: str) -> Topic:
    return Topic(
        language=language,
        business=stored["business"],
        title=stored["title"],
        facts=tuple(
            Fact(tuple(fact["says"]), tuple(fact["ask"]), fact.get("follow", ""))
            for fact in stored["fact"]
        ),
        open=tuple(stored["open"]),
    )


def asked_of(topic: Topic, rng: random.Random) -> Iterator[Asked]:
    """All that is asked of it; a follow-up comes after a question to another fact."""
    for fact in topic.facts:
        for text in fact.ask:
            yield Asked(text, fact)
        if fact.follow:
            others = [other for other in topic.facts if other is not fact]
            before = [Asked(text, other) for other in others for text in other.ask]
            for first in rng.sample(before, k=min(FOLLOWED, len(before))):
                yield Asked(fact.follow, fact, first)
    for text in topic.open:
        yield Asked(text, None)


def page_text(topic: Topic, rng: random.Random) -> str:
    """Headed by its title, the facts in an order of their own, each in one wording."""
    facts = [rng.choice(fact.says) for fact in topic.facts]
    rng.shuffle(facts)
    between = "\n" if rng.random() < 0.5 else "" if topic.language == "zh" else " "
    return told(topic.title, "", between.join(facts))


def topic_items(rng: random.Random, part: Part = "learn") -> Iterator[Item]:
    """Questions to the topics, each against the other facts of its business, or of a few others
    where the business has one page; those that nothing answers, against all facts."""
    topics = load_topics(part)
    for topic in topics:
        others = [t for t in topics if t.language == topic.language and t is not topic]
        pages = [t for t in others if t.business == topic.business]
        elsewhere = [t for t in others if t.business != topic.business]
        beside_it = pages or elsewhere
        for asked in asked_of(topic, rng):
            title = "" if rng.random() < BARE else topic.title
            near = [fact for fact in topic.facts if fact is not asked.fact]
            wrong = [told(title, "", rng.choice(fact.says)) for fact in near]
            if pages:
                wrong += [text for page in pages for text in _sentences(page, rng)]
            else:
                far = rng.sample(elsewhere, k=min(2, len(elsewhere)))
                wrong += [told(title, "", rng.choice(rng.choice(t.facts).says)) for t in far]
            right, key = [], ""
            if asked.fact:
                right = [told(title, "", rng.choice(asked.fact.says))]
                key = f"topic {topic.business} {topic.title} {asked.fact.says[0]}"
            yield Item("topic", asked.folded, right, wrong, key, topic.language)
            if part == "learn" and rng.random() < ELSEWHERE:
                shown = _sentences(rng.choice(beside_it), rng)
                yield Item("topic", asked.folded, [], shown, "", topic.language)
            if asked.fact and part == "learn":
                chosen = rng.sample(beside_it, k=min(2, len(beside_it)))
                beside = [page_text(page, rng) for page in chosen]
                yield Item(
                    "passage", asked.folded, [page_text(topic, rng)], beside, key, topic.language
                )


def _sentences(topic: Topic, rng: random.Random) -> list[str]:
    """Every fact of it, in one of its wordings."""
    title = "" if rng.random() < BARE else topic.title
    return [told(title, "", rng.choice(fact.says)) for fact in topic.facts]
