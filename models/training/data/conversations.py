"""Conversations with the customer service of invented businesses, as kefu's prompt lays them out.

Replies tell what the passages tell, most of the time in the page's own words; where no passage
answers, they say so. Everything follows from the generator that is passed in.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.training.data import phrases
from models.training.data.businesses import Business, HelpPage, Told, draw_business, load_trades
from models.training.data.corpus import Document, exchange, question_with_passages, system_of
from models.training.data.families import draw_family

VERBATIM = 0.8
"""Replies in the very words of the page; the rest in others that mean the same."""
WITHHELD = 0.2
"""Questions that no passage answers."""
FAMILIES = 0.35
CHINESE = 0.35
OUTLINED = 0.3
"""Replies laid out as `bot.skills.wording` does for models that do not read."""
LEADS = {"negative": 0.75, "positive": 0.6, "neutral": 0.1}
"""How often a reply begins with a few words to the customer."""
CLOSINGS = 0.1
TWO_AT_ONCE = 0.08
LONGER = 0.25
"""Passages with facts of a second page."""


@dataclass(frozen=True)
class Asked:
    """One turn: what is asked for, and what is shown."""

    question: str
    passages: list[tuple[str, str]]
    wanted: tuple[Told, ...]
    told: tuple[Told, ...]
    """What of it is shown: all or nothing."""


class Scene:
    """A business with its pages, and a customer who asks."""

    def __init__(self, language: str, rng: random.Random, *, held_out: bool) -> None:
        trade = rng.choice(load_trades(language, held_out=held_out))
        self.language, self.rng = language, rng
        self.business: Business = draw_business(trade, language, rng)
        self._families = [
            draw_family(language, rng.choice("£$€"), rng) for _ in range(0 if held_out else 2)
        ]
        self._pages: list[HelpPage] = [*self.business.pages, *self._families]
        self._shown: list[Told] = []
        """In this conversation so far: what was shown once stays in the prompt."""

    def first(self) -> tuple[HelpPage, Asked]:
        page = self._page()
        told = self.rng.choice(page.facts)
        question = self._fill(self.rng.choice(told.fact.ask))
        wanted: tuple[Told, ...] = (told,)
        if self.rng.random() < TWO_AT_ONCE and len(page.facts) > 1:
            second = self.rng.choice([f for f in page.facts if f is not told])
            joined = self._fill(self.rng.choice(second.fact.ask))
            question = f"{question}{'' if self.language == 'zh' else ' '}{joined}"
            wanted = (told, second)
        return page, self._asked(question, page, wanted)

    def follow(self, page: HelpPage, before: Sequence[Told]) -> Asked | None:
        """A question that leans on the one before it, about the same page."""
        left = [told for told in page.facts if told not in before]
        if not left:
            return None
        told = self.rng.choice(left)
        return self._asked(self._fill(self.rng.choice(told.fact.follow)), page, (told,))

    def _page(self) -> HelpPage:
        is_family = self._families and self.rng.random() < FAMILIES
        return self.rng.choice(self._families if is_family else self.business.pages)

    def _fill(self, text: str) -> str:
        return self.business.values.fill(text)

    def _asked(self, question: str, page: HelpPage, wanted: tuple[Told, ...]) -> Asked:
        withheld = self.rng.random() < WITHHELD and not any(t in self._shown for t in wanted)
        left_out = wanted if withheld else ()
        shown = [self._passage(page, left_out)]
        if withheld and self.rng.random() < 0.4:
            shown = []
        others = [p for p in self._pages if p is not page]
        count = self.rng.choices((0, 1, 2, 3), weights=(2, 3, 4, 4))[0]
        shown += [self._passage(p, left_out) for p in self.rng.sample(others, k=count)]
        if self.rng.random() < 0.4:  # otherwise the search has put the right one first
            self.rng.shuffle(shown)
        if not shown:
            shown = [self._passage(self.rng.choice(others), left_out)]
        return Asked(question, shown, wanted, () if withheld else wanted)

    def _passage(self, page: HelpPage, left_out: Sequence[Told]) -> tuple[str, str]:
        facts = [told for told in page.facts if told not in left_out]
        if page not in self._families and self.rng.random() < LONGER:
            other = self.rng.choice([p for p in self.business.pages if p is not page])
            facts += [told for told in other.facts[:3] if told not in left_out]
        self.rng.shuffle(facts)
        self._shown += facts
        title = f"{page.title} › {page.heading}" if page.heading else page.title
        return title, laid_out([told.page for told in facts], self.language, self.rng)


def laid_out(sentences: list[str], language: str, rng: random.Random) -> str:
    """As a page has them: running text, a list, or paragraphs; filled up with words that tell
    nothing."""
    if rng.random() < 0.35 or not sentences:
        filler = phrases.phrase(phrases.FILLERS[language], language, rng)
        sentences = [filler, *sentences] if rng.random() < 0.5 else [*sentences, filler]
    style = rng.choices(("running", "list", "paragraphs"), weights=(5, 2, 2))[0]
    text = ""
    for before, sentence in zip(["", *sentences], sentences, strict=False):
        own = "\n" in sentence or "\n" in before
        listed = sentence.startswith("- ") or before.startswith("- ")
        if not text:
            gap = ""
        elif own or style == "paragraphs":
            gap = "\n\n"
        elif style == "list" or listed:
            gap = "\n"
        else:
            gap = "" if language == "zh" else " "
        bullet = "- " if style == "list" and "\n" not in sentence and sentence[:2] != "- " else ""
        text += f"{gap}{bullet}{sentence}"
    return text


def reply(asked: Asked, mood: str, language: str, rng: random.Random) -> str:
    if asked.told and rng.random() < OUTLINED:
        opening = phrases.phrase(phrases.OPENINGS[language][mood], language, rng)
        closing = phrases.phrase(phrases.CLOSINGS[language][mood], language, rng)
        return "\n\n".join([opening, *(_answer(told, rng) for told in asked.told), closing])
    lead = ""
    if rng.random() < LEADS[mood]:
        lead = phrases.phrase(phrases.LEADS[language][mood], language, rng)
    gap = "" if language == "zh" else " "
    said = [_answer(told, rng) for told in asked.told]
    if not said:
        said = [phrases.UNKNOWN[language]]
    if lead:
        said.insert(0, lead)
    if asked.told and "\n" not in said[-1] and rng.random() < CLOSINGS:
        said.append(phrases.phrase(phrases.CLOSINGS[language][mood], language, rng))
    return gap.join(said)


def _answer(told: Told, rng: random.Random) -> str:
    if rng.random() < VERBATIM and not (told.page.startswith("- ") and rng.random() < 0.5):
        return told.page.removeprefix("- ")
    return rng.choice(told.answers)


def as_typed(question: str, mood: str, language: str, rng: random.Random) -> str:
    """With what people write around a question, and how they write it in a hurry."""
    remarks = phrases.MOOD_REMARKS[language].get(mood)
    if remarks and rng.random() < 0.7:
        remark = phrases.phrase(remarks, language, rng)
        question = f"{remark} {question}" if language == "en" else f"{remark}{question}"
    if rng.random() < 0.12:
        greeting = rng.choice(phrases.GREETINGS[language])
        question = f"{greeting}{question}"
    if rng.random() < 0.08:
        question += rng.choice(phrases.THANKS[language])
    if rng.random() < 0.12:
        question = question.lower()
    if rng.random() < 0.12:
        question = question.rstrip("?？.。!！")
    if rng.random() < 0.12:
        question = _mistyped(question, rng)
    return question


def _mistyped(text: str, rng: random.Random) -> str:
    """One or two slips in letters: swapped, left out, doubled. Figures stay."""
    letters = list(text)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(letters) - 1) if len(letters) > 4 else 0
        if not (letters[at].isalpha() and letters[at + 1 : at + 2] and letters[at + 1].isalpha()):
            continue
        slip = rng.randrange(3)
        if slip == 0:
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif slip == 1:
            del letters[at]
        else:
            letters.insert(at, letters[at])
    return "".join(letters)


def conversation(rng: random.Random, *, held_out: bool = False, language: str = "") -> Document:
    """One to three turns; each reply is learnt."""
    language = language or ("zh" if rng.random() < CHINESE else "en")
    scene = Scene(language, rng, held_out=held_out)
    spans: Document = [(system_of(scene.business.name), False)]
    page, asked = scene.first()
    told = list(asked.told)
    for number in range(rng.choices((1, 2, 3), weights=(5, 3, 2))[0]):
        if number:
            following = scene.follow(page, told) if rng.random() < 0.7 else None
            if following is None:
                page, following = scene.first()
                told = []
            asked = following
            told += asked.told
        mood = rng.choices(phrases.MOODS, weights=(3, 6, 1))[0]
        question = as_typed(asked.question, mood, language, rng)
        shown = question_with_passages(asked.passages, question, mood)
        spans += exchange(shown, reply(asked, mood, language, rng))
    return spans


def conversations(count: int, seed: int, *, held_out: bool = False) -> Iterator[Document]:
    rng = random.Random(f"conversations {seed} {held_out}")
    for _ in range(count):
        yield conversation(rng, held_out=held_out)
