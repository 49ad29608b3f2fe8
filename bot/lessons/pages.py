"""Lessons from the help pages: questions of them, answered in their words, or withheld where the
answer was taken away: a model that learns to answer is to go on saying that it does not know."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

from bot.conversation import Citation, Passage, SentimentLabel
from bot.lessons.gathering import LookUp
from bot.lessons.lesson import Kind, Lesson
from bot.sentences import split_sentences
from bot.skills import replies
from bot.skills.prompt import Turn
from bot.store import Store
from knowledge.splitter import passage_id
from models.training.data.phrases import phrase
from models.training.data.reading import holds, question_to

WITHHELD = 0.25
"""Of the questions to a model that reads; one that only words replies is shown no question
without an answer."""
ANSWER_CHARACTERS = 300
ASKED_IN = ("en", "zh")
"""Languages in which questions are made of a page's words."""
_ASKS = re.compile(
    r"[?？]\s*$|^(?:how|what|when|where|which|who|why|can|do|does|is|are|may|will)\b|什么|怎|哪|吗|如何|多少|多久",
    re.IGNORECASE,
)

Wordings = Mapping[str, Mapping[str, Sequence[str]]]


async def page_lessons(
    store: Store,
    look_up: LookUp,
    wording: Wordings,
    *,
    seed: int,
    most: int,
    more: Callable[[int], None] = lambda _: None,
) -> list[Lesson]:
    """`wording`: of a model that only words replies, what it says around them."""
    rng = random.Random(f"pages {seed}")  # noqa: S311 - chance that can be had again
    passages = [one for one in await all_passages(store) if one.language in ASKED_IN]
    asked = [(passage, *one) for passage in passages for one in _questions(passage, rng)]
    rng.shuffle(asked)
    found = []
    for passage, question, answer in asked[:most]:
        if look_up.reads:
            lesson = await _read(passage, question, answer, look_up, rng)
        else:
            lesson = _worded(passage, question, answer, wording, rng)
        found += [lesson] if lesson else []
        more(1)
    return found


async def all_passages(store: Store) -> list[Passage]:
    """In the order of the documents' names."""
    documents = await store.passages.documents()
    ids = [passage_id(one.source, place) for one in documents for place in range(one.passages)]
    return await store.passages.passages(ids)


def _questions(passage: Passage, rng: random.Random) -> list[tuple[str, str]]:
    """One by its heading, where that asks, and one or two by the words of a sentence."""
    found = []
    heading = passage.heading.split(" > ")[-1] or passage.title
    if _ASKS.search(heading):
        found.append((heading, _beginning(passage.text)))
    for _ in range(2):
        if (made := question_to(passage.text, passage.language, rng)) and made not in found:
            found.append(made)
    return found


async def _read(
    passage: Passage, question: str, answer: str, look_up: LookUp, rng: random.Random
) -> Lesson | None:
    """With what the search finds for it. The passage stays in the prompt, or is taken out with all
    others that hold the answer; what else its page says may stay, as it may in a turn."""
    wanted = look_up.passages
    found = await look_up.knowledge.search(question, k=3 * wanted, language=passage.language)
    others = [p for p in found if p.id != passage.id and not holds(p.text, answer)]
    withheld = rng.random() < WITHHELD
    if withheld:
        shown = others[:wanted]
    else:
        place = next((n for n, p in enumerate(found[:wanted]) if p.id == passage.id), None)
        shown = others[: wanted - 1]
        shown.insert(rng.randint(0, len(shown)) if place is None else place, passage)
    if not shown:
        return None
    said = replies.fixed(replies.UNKNOWN, passage.language) if withheld else answer
    citations = tuple(Citation(p.source, p.title, p.heading, p.text) for p in shown)
    return _lesson(Kind.WITHHELD if withheld else Kind.PAGE, passage, question, citations, said)


def _worded(
    passage: Passage, question: str, answer: str, wording: Wordings, rng: random.Random
) -> Lesson | None:
    """Laid out as such a model lays its replies out, in words that it knows: what it learns from
    people must not cost it those."""
    spoken = wording.get(passage.language)
    if not spoken:
        return None
    mood = rng.choice(list(SentimentLabel))
    opening, closing = (
        phrase(list(spoken[f"{part}.{mood}"]), passage.language, rng)
        for part in ("opening", "closing")
    )
    cited = (Citation(passage.source, passage.title, passage.heading, answer),)
    said = f"{opening}\n\n{answer}\n\n{closing}"
    return _lesson(Kind.PAGE, passage, question, cited, said, mood)


def _lesson(
    kind: Kind,
    passage: Passage,
    question: str,
    shown: tuple[Citation, ...],
    reply: str,
    mood: SentimentLabel | None = None,
) -> Lesson:
    asked = Turn(question, mood, shown)
    return Lesson(kind, passage.source, (), asked, reply, passage.language)


def _beginning(text: str) -> str:
    """Its first sentences, as they stand in it."""
    end = 0
    for sentence in split_sentences(text):
        after = text.index(sentence, end) + len(sentence)
        if end and after > ANSWER_CHARACTERS:
            break
        end = after
    return text[:end].strip()
