"""The invented businesses that models are trained and measured on: whole, and apart."""

from __future__ import annotations

import random
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from models.training.data.businesses import HELD_OUT, TRADES, draw_business, load_trades
from models.training.data.families import draw_family
from models.training.data.scene import Scene

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
    assert len(PATHS) == 26
    for language in LANGUAGES:
        trained, unseen = load_trades(language), load_trades(language, held_out=True)
        assert len(trained) + len(unseen) == len(PATHS)
        assert len(unseen) == len(HELD_OUT) == 3
        assert not {trade.name for trade in trained} & {trade.name for trade in unseen}
        assert sum(len(page.facts) for trade in trained for page in trade.pages) >= 900


def test_businesses_differ_and_each_is_of_one_mind() -> None:
    trade = load_trades("en")[0]
    one, other = (draw_business(trade, "en", random.Random(seed)) for seed in (1, 2))
    assert [page.facts for page in one.pages] != [page.facts for page in other.pages]
    slot, values = next(iter(trade.numbers.items()))
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_some_names_and_figures_of_trades_to_train_on_are_kept_out(language: str) -> None:
    trained, kept_out = load_trades(language), load_trades(language, new_business=True)
    assert [trade.file for trade in trained] == [trade.file for trade in kept_out]
    names = {name for trade in trained for name in trade.businesses}
    for one, other in zip(trained, kept_out, strict=True):
        assert len(one.businesses) > 5 * len(other.businesses) > 0
        assert not names & set(other.businesses)
        apart = [slot for slot, to in one.numbers.items() if set(to) != set(other.numbers[slot])]
        assert len(apart) > 10
        assert not [slot for slot in apart if set(one.numbers[slot]) & set(other.numbers[slot])]


def test_of_trades_that_are_held_out_every_name_and_figure_is_drawn() -> None:
    for trade in load_trades("en", held_out=True):
        stored = tomllib.loads((TRADES / f"{trade.file}.toml").read_text("utf-8"))
        assert list(trade.businesses) == stored["trade"]["names_en"]
        first, last, *step = next(iter(stored["numbers"].values()))
        values = next(iter(trade.numbers.values()))
        assert list(values) == list(range(first, last + 1, *step))
