"""The invented businesses that models are trained and measured on: whole, and apart."""

from __future__ import annotations

import random
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from models.training.data.businesses import HELD_OUT, TRADES, draw_business, load_trades
from models.training.data.conversations import Scene, conversations
from models.training.data.families import draw_family

EVERYWHERE = {
    "business", "cur", "email", "phone", "url", "city", "opens", "closes", "weekday", "weekday2",
    "month",
}  # fmt: skip
PATHS = sorted(TRADES.glob("*.toml"))
LANGUAGES = ("en", "zh")


def slots(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)!?\}", text))


def facts(stored: dict[str, Any]) -> list[dict[str, Any]]:
    return [fact for page in stored["page"] for fact in page["fact"]]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_slot_is_declared_and_every_wording_tells_the_same_values(path: Path) -> None:
    stored = tomllib.loads(path.read_text("utf-8"))
    for language in LANGUAGES:
        known = EVERYWHERE | set(stored["numbers"]) | set(stored["words"][language])
        for fact in facts(stored):
            told = fact[language]
            assert {"page", "ask", "follow", "answer"} <= set(told)
            assert slots(" ".join(text for texts in told.values() for text in texts)) <= known
            wordings = [slots(text) - {"business"} for text in (*told["page"], *told["answer"])]
            assert all(one == wordings[0] for one in wordings), told["page"]


def test_there_are_enough_of_them() -> None:
    assert len(PATHS) == 24
    for language in LANGUAGES:
        trained, unseen = load_trades(language), load_trades(language, held_out=True)
        assert len(trained) + len(unseen) == len(PATHS)
        assert len(unseen) == len(HELD_OUT) == 3
        assert not {trade.name for trade in trained} & {trade.name for trade in unseen}
        assert sum(len(page.facts) for trade in trained for page in trade.pages) >= 800


def test_businesses_differ_and_each_is_of_one_mind() -> None:
    trade = load_trades("en")[0]
    one, other = (draw_business(trade, "en", random.Random(seed)) for seed in (1, 2))
    assert [page.facts for page in one.pages] != [page.facts for page in other.pages]
    slot, values = next((slot, list(range(*to[:2]))) for slot, to in trade.numbers.items())
    filled = {one.values.fill(f"{{{slot}}}") for _ in range(20)}
    assert len(filled) == 1
    assert int(one.values.fill(f"{{{slot}!}}")) > int(filled.pop()) >= values[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_family_gives_each_thing_a_value_and_asks_for_one(language: str) -> None:
    rng = random.Random(4)
    for _ in range(200):
        page = draw_family(language, "£", rng)
        text = " ".join([t.page for t in page.facts])
        assert len(page.facts) == len({told.page for told in page.facts})
        for told in page.facts:
            every = (*told.fact.ask, *told.fact.follow, *told.answers, text, page.title)
            assert not re.search(r"[{}\[\]]", " ".join(every))


def test_a_reply_is_learnt_and_rests_on_what_is_shown() -> None:
    for document in conversations(400, seed=3):
        assert not re.search(r"\{\w+!?\}", "".join(text for text, _ in document))
        shown = ""
        for text, learnt in document:
            if not learnt:
                shown += text
                continue
            figures = set(re.findall(r"\d+", text.replace("\n1. ", "\n")))
            assert figures <= set(re.findall(r"\d+", shown)), text


@pytest.mark.parametrize("held_out", [False, True])
def test_what_is_withheld_is_shown_nowhere(held_out: bool) -> None:
    rng = random.Random(6)
    withheld = 0
    for _ in range(300):
        scene = Scene("en", rng, held_out=held_out)
        page, asked = scene.first()
        shown = ""
        for _ in range(3):
            shown += " ".join(text for _, text in asked.passages)
            if not asked.told:
                withheld += 1
                assert all(told.page not in shown for told in asked.wanted)
            following = scene.follow(page, [])
            if following is None:
                break
            asked = following
    assert withheld > 50


def test_conversations_follow_from_the_seed_and_held_out_ones_are_of_other_businesses() -> None:
    assert list(conversations(20, 7)) == list(conversations(20, 7))
    assert list(conversations(20, 7)) != list(conversations(20, 8))
    names = {name for language in LANGUAGES for trade in load_trades(language, held_out=True)
             for name in trade.businesses}  # fmt: skip
    asked_of = [document[0][0] for document in conversations(50, 7, held_out=True)]
    assert all(any(f"assistant of {name}." in system for name in names) for system in asked_of)
