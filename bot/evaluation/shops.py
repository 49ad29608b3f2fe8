"""Businesses that no model was trained on, their help pages, and customers who ask.

Some facts are left out of the pages: questions about these must go unanswered.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from models.training.data import phrases
from models.training.data.businesses import Business, HelpPage, Told, draw_business, load_trades
from models.training.data.conversations import as_typed, laid_out
from models.training.data.topics import Fact, Part, Topic, asked_of, load_topics

CONVERSATIONS = 6
"""With one business."""
LEFT_OUT = 0.25
FOLLOWED = 0.5
"""Conversations that go on with a question that leans on the first."""

SINGLE, FOLLOW_UP = "single question", "follow-up"
PAGES = 6
"""Topics of several businesses that make one knowledge base."""
WRITTEN_LANGUAGES = ("en", "zh", "de", "es", "fr")


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    language: str
    kind: str
    wanted: tuple[str, ...]
    """Ways to tell the answer, the page's own first; empty where the pages do not have it."""
    earlier: tuple[str, ...] = ()
    """What the customer asked before it in the same conversation."""


@dataclass(frozen=True, slots=True)
class Shop:
    name: str
    language: str
    pages: tuple[str, ...]
    """In Markdown."""
    conversations: tuple[tuple[Question, ...], ...]


def shops(language: str, questions: int, seed: int) -> Iterator[Shop]:
    """Until there are so many questions, follow-ups among them."""
    rng = random.Random(f"unseen shops {language} {seed}")
    while questions > 0:
        shop = _shop(language, rng)
        kept = []
        for conversation in shop.conversations:
            if questions > 0:
                kept.append(conversation[:questions])
                questions -= len(kept[-1])
        yield Shop(shop.name, language, shop.pages, tuple(kept))


def _shop(language: str, rng: random.Random) -> Shop:
    trade = rng.choice(load_trades(language, held_out=True))
    business = draw_business(trade, language, rng)
    gone = {id(f) for p in business.pages for f in p.facts[1:] if rng.random() < LEFT_OUT}
    pages = tuple(_page(page, gone, language, rng) for page in business.pages)
    asked = tuple(_conversation(business, gone, language, rng) for _ in range(CONVERSATIONS))
    return Shop(business.name, language, pages, asked)


def _page(page: HelpPage, gone: set[int], language: str, rng: random.Random) -> str:
    told = [fact.page for fact in page.facts if id(fact) not in gone]
    rng.shuffle(told)
    heading = f"## {page.heading}\n\n" if page.heading else ""
    return f"# {page.title}\n\n{heading}{laid_out(told, language, rng)}\n"


def _conversation(
    business: Business, gone: set[int], language: str, rng: random.Random
) -> tuple[Question, ...]:
    page = rng.choice(business.pages)
    first = rng.choice(page.facts)
    mood = rng.choices(phrases.MOODS, weights=(2, 7, 1))[0]
    fill = business.values.fill
    text = as_typed(fill(rng.choice(first.fact.ask)), mood, language, rng)
    asked = Question(text, language, SINGLE, _wanted(first, gone))
    left = [fact for fact in page.facts if fact is not first and id(fact) not in gone]
    if not asked.wanted or not left or rng.random() > FOLLOWED:
        return (asked,)
    second = rng.choice(left)
    text = as_typed(fill(rng.choice(second.fact.follow)), "neutral", language, rng)
    return (asked, Question(text, language, FOLLOW_UP, _wanted(second, gone), (asked.text,)))


def _wanted(told: Told, gone: set[int]) -> tuple[str, ...]:
    return () if id(told) in gone else (told.page, *told.answers)


def written_shops(language: str, most: int, part: Part, seed: int) -> Iterator[Shop]:
    """Topics written by hand: the pages of whole businesses and, of businesses that have one page,
    a few beside each other. `most` conversations, drawn from all of them."""
    rng = random.Random(f"written {language} {seed}")
    own = [topic for topic in load_topics(part) if topic.language == language]
    together = [list(some) for _, some in groupby(own, key=lambda topic: topic.business)]
    alone = [some[0] for some in together if len(some) == 1]
    rng.shuffle(alone)
    together = [some for some in together if len(some) > 1]
    together += [alone[start : start + PAGES] for start in range(0, len(alone), PAGES)]
    found = [_written_shop(topics, rng) for topics in together]
    places = [(n, c) for n, shop in enumerate(found) for c in shop.conversations]
    chosen = rng.sample(places, k=min(most, len(places)))
    for number, shop in enumerate(found):
        asked = tuple(conversation for n, conversation in chosen if n == number)
        if asked:
            yield Shop(shop.name, language, shop.pages, asked)


def _written_shop(topics: Sequence[Topic], rng: random.Random) -> Shop:
    language = topics[0].language
    pages: list[str] = []
    conversations: list[tuple[Question, ...]] = []
    for topic in topics:
        said = [rng.choice(fact.says) for fact in topic.facts]
        pages.append(f"# {topic.title}\n\n" + "\n\n".join(said) + "\n")
        wanted: dict[Fact | None, tuple[str, ...]] = {None: ()}
        wanted |= {fact: (own, *fact.says) for fact, own in zip(topic.facts, said, strict=True)}
        for one in asked_of(topic, rng):
            if first := one.before:
                begun = Question(first.text, language, SINGLE, wanted[first.fact])
                then = Question(one.text, language, FOLLOW_UP, wanted[one.fact], (first.text,))
                conversations.append((begun, then))
            else:
                conversations.append((Question(one.text, language, SINGLE, wanted[one.fact]),))
    return Shop(topics[0].business, language, tuple(pages), tuple(conversations))


def answerable(questions: Sequence[Question]) -> list[Question]:
    return [question for question in questions if question.wanted]
