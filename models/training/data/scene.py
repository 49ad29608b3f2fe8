"""A business with its help pages, and a customer who asks: what is asked, and what is shown."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.training.data import phrases
from models.training.data.businesses import (
    Business,
    HelpPage,
    Told,
    Trade,
    draw_business,
    load_trades,
)
from models.training.data.corpus import Document
from models.training.data.families import draw_family

WITHHELD = 0.2
"""Questions that no passage answers."""
FAMILIES = 0.35
TWO_AT_ONCE = 0.08
LONGER = 0.25
"""Passages with facts of a second page."""
FOLLOWING = 0.7
"""Further questions that lean on the one before."""


@dataclass(frozen=True)
class Made:
    """A document and what it was made of."""

    kind: str
    language: str
    trade: str
    business: str
    document: Document


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

    def __init__(
        self, language: str, rng: random.Random, *, held_out: bool, new_business: bool = False
    ) -> None:
        """As `load_trades` says; families are trained on, so nothing kept out shows any."""
        trades = load_trades(language, held_out=held_out, new_business=new_business)
        self.trade: Trade = rng.choice(trades)
        self.language, self.rng = language, rng
        self.business: Business = draw_business(self.trade, language, rng)
        families = 0 if held_out or new_business else 2
        self._families = [draw_family(language, rng.choice("£$€"), rng) for _ in range(families)]
        self._pages: list[HelpPage] = [*self.business.pages, *self._families]
        self._shown: list[Told] = []
        """In this conversation so far: what was shown once stays in the prompt."""

    def first(self) -> tuple[HelpPage, Asked]:
        page = self._page()
        told = self.rng.choice(page.facts)
        question = self.fill(self.rng.choice(told.fact.ask))
        wanted: tuple[Told, ...] = (told,)
        if self.rng.random() < TWO_AT_ONCE and len(page.facts) > 1:
            second = self.rng.choice([f for f in page.facts if f is not told])
            joined = self.fill(self.rng.choice(second.fact.ask))
            question = f"{question}{'' if self.language == 'zh' else ' '}{joined}"
            wanted = (told, second)
        return page, self.about(question, page, wanted)

    def follow(self, page: HelpPage, before: Sequence[Told]) -> Asked | None:
        """A question that leans on the one before it, about the same page."""
        left = [told for told in page.facts if told not in before]
        if not left:
            return None
        told = self.rng.choice(left)
        return self.about(self.fill(self.rng.choice(told.fact.follow)), page, (told,))

    def _page(self) -> HelpPage:
        is_family = self._families and self.rng.random() < FAMILIES
        return self.rng.choice(self._families if is_family else self.business.pages)

    def fill(self, text: str) -> str:
        return self.business.values.fill(text)

    def about(self, question: str, page: HelpPage, wanted: tuple[Told, ...]) -> Asked:
        """The question, with passages that answer it, most of the time."""
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


def questions(scene: Scene) -> Iterator[Asked]:
    """One after the other, without end."""
    page, asked = scene.first()
    told = list(asked.told)
    while True:
        yield asked
        following = scene.follow(page, told) if scene.rng.random() < FOLLOWING else None
        if following is None:
            page, following = scene.first()
            told = []
        asked = following
        told += asked.told


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
