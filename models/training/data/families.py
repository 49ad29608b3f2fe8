"""Pages that tell the same of several things, each with a value of its own (`families.toml`).

Whoever answers must look which of them was asked for: nothing but reading helps.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from models.training.data.businesses import Fact, HelpPage, Told, tidied

_NUMBER = re.compile(r"\{n:(\d+)\.\.(\d+)(?:/(\d+))?\}")
_FILE = Path(__file__).with_name("families.toml")


@cache
def _stored() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text("utf-8"))


def draw_family(language: str, currency: str, rng: random.Random) -> HelpPage:
    """A page of two to six things."""
    family = rng.choice(_stored()["family"][language])
    things = rng.sample(_stored()["things"][language][family["things"]], k=rng.randint(2, 6))
    title, *other = rng.sample(family["title"], k=2)
    pattern, wording = rng.choice(family["value"]), rng.choice(family["page"])
    told = tuple(_told(family, thing, pattern, wording, currency, rng) for thing in things)
    return HelpPage(title, other[0] if rng.random() < 0.5 else "", told)


def _told(
    family: Mapping[str, Sequence[str]],
    thing: str,
    pattern: str,
    wording: str,
    currency: str,
    rng: random.Random,
) -> Told:
    value = _NUMBER.sub(lambda found: _number(found, rng), pattern).replace("{cur}", currency)

    def fill(text: str) -> str:
        named = text.replace("{Thing}", thing[:1].upper() + thing[1:]).replace("{thing}", thing)
        return tidied(named.replace("{value}", value))

    asked = Fact((), tuple(map(fill, family["ask"])), tuple(map(fill, family["follow"])), ())
    # a line of a list is no sentence: it is told in one of the sentences
    answers = tuple(fill(page) for page in family["page"] if _is_sentence(page))
    return Told(asked, fill(wording), answers)


def _is_sentence(page: str) -> bool:
    return page.endswith((".", "。"))


def _number(found: re.Match[str], rng: random.Random) -> str:
    first, last, step = int(found[1]), int(found[2]), int(found[3] or 1)
    return str(rng.randrange(first, last + 1, step))
