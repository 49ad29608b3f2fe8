"""Invented businesses: a trade's help pages with figures, words and wordings drawn anew.

A trade is a TOML file in `trades/`: pages of facts, each fact with its wordings on a page, what
customers ask about it, and replies. `{slot}` is a value that differs from business to business;
`{slot!}` stands for another value than the true one, `{a!}` for a larger number.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

TRADES = Path(__file__).with_name("trades")
HELD_OUT = ("museum", "outdoor_shop", "parcel")
"""Trades that are never trained on: what a model makes of them is what it can do on new pages."""
KEPT_OUT, FIRST_KEPT_OUT = 8, 3
"""Of the other trades every eighth name, and every eighth figure of a slot that has eight or more,
is never trained on either."""

_SLOT = re.compile(r"\{(\w+)(!?)\}")
_CITIES = {
    "en": (
        "Leeds", "Bristol", "Toronto", "Denver", "Dublin", "Hamburg", "Lyon", "Perth", "Oslo",
        "Austin", "Ghent", "Porto", "Turin", "Krakow", "Bergen", "Utrecht", "Cardiff", "Boston",
    ),
    "zh": (
        "杭州", "成都", "南京", "武汉", "西安", "青岛", "厦门", "长沙", "苏州", "天津", "大连",
        "昆明", "郑州", "合肥",
    ),
}  # fmt: skip
WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
}
MONTHS = {
    "en": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ),
    "zh": tuple(f"{n}月" for n in range(1, 13)),
}  # fmt: skip
_PLACES = ("help", "returns", "contact", "forms", "account", "service", "faq", "portal", "my")


@dataclass(frozen=True)
class Fact:
    """How one fact may be told and asked for, in one language; all with slots."""

    page: tuple[str, ...]
    ask: tuple[str, ...]
    follow: tuple[str, ...]
    answer: tuple[str, ...]
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    """Those of `ask` that could be answered with a yes or a no."""


@dataclass(frozen=True)
class Page:
    titles: tuple[str, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Trade:
    """In one language."""

    file: str
    name: str
    businesses: tuple[str, ...]
    numbers: Mapping[str, Sequence[int]]
    """What each slot may hold."""
    words: Mapping[str, Sequence[str]]
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class Told:
    """A fact of one business: the sentences on its page, and other ways to tell them."""

    fact: Fact
    page: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class HelpPage:
    title: str
    heading: str
    facts: tuple[Told, ...]


class Values:
    """What stands in the slots of one business."""

    def __init__(self, trade: Trade, name: str, language: str, rng: random.Random) -> None:
        self._rng = rng
        # those held out stay as they are: what was measured on them is to be comparable
        self._tidies = trade.file not in HELD_OUT
        self._options: dict[str, Sequence[str]] = {**trade.words, **_everyday(language, rng)}
        self._options["business"] = [name]
        for slot, numbers in trade.numbers.items():
            self._options[slot] = list(map(str, numbers))
        self._chosen: dict[str, str] = {}

    def fill(self, text: str) -> str:
        filled = _SLOT.sub(lambda found: self._value(found[1], other=bool(found[2])), text)
        return tidied(filled) if self._tidies else filled

    def wrong(self, slot: str, rng: random.Random) -> str:
        """Any other than the true one, smaller numbers included; the true one where there is but
        that."""
        true = self._value(slot, other=False)
        return rng.choice([o for o in self._options[slot] if o != true] or [true])

    def _value(self, slot: str, *, other: bool) -> str:
        options = self._options[slot]
        true = self._chosen.setdefault(slot, self._rng.choice(options))
        if not other:
            return true
        if true.isdigit():
            larger = [o for o in options if int(o) > int(true)]
            return self._rng.choice(larger) if larger else str(2 * int(true) + 1)
        return self._rng.choice([o for o in options if o != true] or [true])


def tidied(text: str) -> str:
    """ "8 p.m.." has a stop too many."""
    return text.replace(".m..", ".m.")


def _everyday(language: str, rng: random.Random) -> dict[str, Sequence[str]]:
    """The slots that every trade has. Addresses and numbers are drawn from wide ranges."""
    opens, closes = rng.randint(6, 11), rng.randint(4, 10)
    word = "".join(rng.choices("bcdfghklmnprstvw", k=2)) + rng.choice("aeiou")
    host = f"{word}{rng.choice(('shop', 'care', 'direct', 'line', 'hub', 'point'))}.example"
    days = rng.sample(WEEKDAYS[language], 2)
    clock = rng.random() < 0.5
    half = rng.choice(("", "", ":30"))
    if language == "zh" or clock:
        hours = f"{opens}{half or ':00'}", f"{closes + 12}{half or ':00'}"
    else:
        hours = f"{opens}{half} a.m.", f"{closes}{half} p.m."
    return {
        "cur": [rng.choice("£$€")],
        "email": [f"{rng.choice(_PLACES)}@{host}"],
        "phone": [f"0{rng.randint(100, 999)} {rng.randint(100_000, 999_999)}"],
        "url": [f"{host}/{rng.choice(_PLACES)}"],
        "city": _CITIES[language],
        "opens": [hours[0]],
        "closes": [hours[1]],
        "weekday": [days[0]],
        "weekday2": [days[1]],
        "month": MONTHS[language],
    }


@dataclass(frozen=True)
class Business:
    name: str
    language: str
    pages: tuple[HelpPage, ...]
    values: Values


def draw_business(trade: Trade, language: str, rng: random.Random) -> Business:
    """Some of the trade's pages, in an order of their own; each fact in one wording."""
    name = rng.choice(trade.businesses)
    values = Values(trade, name, language, rng)
    pages = []
    for page in rng.sample(trade.pages, k=min(len(trade.pages), rng.randint(5, 8))):
        titles = [values.fill(t) for t in rng.sample(page.titles, k=min(2, len(page.titles)))]
        facts = rng.sample(page.facts, k=rng.randint(2, len(page.facts)))
        told = tuple(
            Told(fact, values.fill(rng.choice(fact.page)), tuple(map(values.fill, fact.answer)))
            for fact in facts
        )
        heading = titles[1] if len(titles) > 1 and rng.random() < 0.5 else ""
        pages.append(HelpPage(titles[0], heading, told))
    return Business(name, language, tuple(pages), values)


@cache
def load_trades(
    language: str, *, held_out: bool = False, new_business: bool = False
) -> tuple[Trade, ...]:
    """Those to train on, or those kept out; `new_business`: those to train on, with the names and
    figures that are kept out."""
    paths = [p for p in sorted(TRADES.glob("*.toml")) if (p.stem in HELD_OUT) is held_out]
    return tuple(_trade(p, language, new_business) for p in paths)


@cache
def _stored(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def _trade(path: Path, language: str, new_business: bool) -> Trade:
    stored = _stored(path)
    names = stored["trade"][f"names_{language}"]
    numbers = {slot: _range(*to) for slot, to in stored.get("numbers", {}).items()}
    if path.stem not in HELD_OUT:
        names = _part(names, kept_out=new_business)
        numbers = {
            slot: _part(to, kept_out=new_business) if len(to) >= KEPT_OUT else to
            for slot, to in numbers.items()
        }
    return Trade(
        file=path.stem,
        name=stored["trade"][language],
        businesses=tuple(names),
        numbers=numbers,
        words=stored.get("words", {}).get(language, {}),
        pages=tuple(
            Page(tuple(page[language]), tuple(_fact(fact[language]) for fact in page["fact"]))
            for page in stored["page"]
        ),
    )


def _range(first: int, last: int, step: int = 1) -> list[int]:
    return list(range(first, last + 1, step))


def _part(options: list[T], *, kept_out: bool) -> list[T]:
    return [o for i, o in enumerate(options) if (i % KEPT_OUT == FIRST_KEPT_OUT) is kept_out]


def _fact(stored: dict[str, list[str]]) -> Fact:
    # questions that could be answered with yes or no are answered with the fact, too: it holds the
    # answer, and of a small model's yes or no nobody could tell whether the page says so
    yes, no = stored.get("yes", ()), stored.get("no", ())
    asked = (*stored["ask"], *yes, *no)
    page, follow, answer = (tuple(stored[name]) for name in ("page", "follow", "answer"))
    return Fact(page, asked, follow, answer, tuple(yes), tuple(no))
