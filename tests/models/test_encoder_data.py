"""What the encoder is tuned on: reproducible, apart from what is held out, and of one mind."""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.reading import told
from bot.sentences import split_sentences
from knowledge.followup import fold, is_follow_up
from models.training.data import encoder_data
from models.training.data.businesses import Business, HelpPage, Told, draw_business, load_trades
from models.training.data.encoder_data import (
    UNSEEN,
    cue_items,
    faq_items,
    grounded_items,
    heading_items,
    search_items,
    trade_items,
    twin_items,
    write,
)
from models.training.data.item import Item
from models.training.encoder_items import read_items

RETURNS = (
    "Shoes can be returned within sixty days of delivery. Lamps must go back in their box. "
    "A refund arrives five days after the parcel does. Gift cards cannot be sent back at all."
)
PARCELS = (
    "Parcels to the islands travel by ferry twice a week. The harbour office keeps them for "
    "fourteen days. Letters of every size are carried by bicycle through the old town."
)


def stored(data: Path, task: str, name: str, records: list[dict[str, Any]]) -> None:
    (data / task).mkdir(parents=True, exist_ok=True)
    with lzma.open(data / task / f"{name}.jsonl.xz", "wt", encoding="utf-8", preset=0) as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)


def grounded(**changed: Any) -> dict[str, Any]:
    return {
        "question": "May lamps go back in any box?",
        "passages": [PARCELS, RETURNS],
        "answer": "Lamps must go back in their box.",
        "title": "Returns",
    } | changed


def every(data: Path, seed: int = 1) -> list[Item]:
    """The items of all readers of the data folder."""
    rng = random.Random(seed)
    readers = (grounded_items, faq_items, cue_items, heading_items, twin_items)
    return [item for reader in readers for item in reader(data, rng)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    stored(data, "grounded_qa", "shop_grounded", [grounded()])
    faq = [{"question": f"What is {n}?", "answer": f"{RETURNS} No. {n}."} for n in range(3)]
    stored(data, "faq", "shop_faq", faq)
    text = {"text": f"How to return shoes\n\n{RETURNS}\n\n{PARCELS}", "title": "Help"}
    stored(data, "text", "shop_text", [text])
    stored(data, "translation", "ui", [{"en": "Good day.", "zh": "你好，您好。"}] * 5)
    stored(data, "intent", "bank", [{"label": "card", "text": f"card {n}"} for n in range(4)])
    return data


def trade_set(businesses: int, seed: int, *, held_out: bool = False) -> list[Item]:
    return list(trade_items(businesses, random.Random(seed), held_out=held_out))


def test_items_follow_from_the_seed(data: Path) -> None:
    assert trade_set(6, 1) == trade_set(6, 1) != trade_set(6, 2)
    assert every(data) == every(data)


def test_every_kind_is_made(data: Path) -> None:
    kinds = {item.kind for item in (*trade_set(6, 1), *every(data))}
    assert kinds == {"trade", "family", "passage", "grounded", "cue", "twin", "same"}


def names(*, held_out: bool) -> tuple[set[str], set[str]]:
    """Of trades and their businesses."""
    trades = [t for lang in ("en", "zh") for t in load_trades(lang, held_out=held_out)]
    return {t.name for t in trades}, {name for t in trades for name in t.businesses}


def test_held_out_trades_are_in_no_learning_item_and_alone_in_those_that_measure() -> None:
    learnt, measured = trade_set(50, 1), trade_set(12, 1, held_out=True)
    trades, businesses = names(held_out=True)
    of = [item.key.split(" (")[0] for item in learnt if item.kind != "family"]
    assert set(of) <= names(held_out=False)[0]
    assert not set(of) & trades
    said = " ".join(" ".join([i.question, *i.right, *i.wrong]) for i in learnt)
    businesses -= {"Swiftbox"}  # a shop's courier, too
    assert not [name for name in businesses if name in said]
    assert {item.key.split(" (")[0] for item in measured} <= trades
    assert {item.kind for item in measured} == {"trade"}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Business]:
    """The businesses that are drawn: first the one that is asked, then its like abroad."""
    businesses: list[Business] = []

    def draw(*given: Any) -> Business:
        businesses.append(draw_business(*given))
        return businesses[-1]

    monkeypatch.setattr(encoder_data, "draw_business", draw)
    return businesses


@dataclass
class Scene:
    """An item, and the page and the facts that it was made from."""

    item: Item
    page: HelpPage
    wanted: list[Told]
    business: Business


def sentences(page: HelpPage, fact: Told) -> list[str]:
    """Of a fact, as they may be shown: with the headings of their page, and without."""
    shown = ((page.title, page.heading), ("", ""))
    return [told(*above, one) for above in shown for one in split_sentences(fact.page)]


def first(page: HelpPage, fact: Told) -> set[str]:
    one = split_sentences(fact.page)[0]
    return {one, told(page.title, page.heading, one)}


@pytest.fixture
def scenes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Scene]]:
    drawn: list[Business] = []

    def draw(*given: Any) -> Business:
        drawn.append(draw_business(*given))
        return drawn[-1]

    def made(seed: int, *, held_out: bool = False) -> list[Scene]:
        monkeypatch.setattr(encoder_data, "draw_business", draw)
        found = []
        for item in trade_items(12, random.Random(seed), held_out=held_out):
            if item.kind == "trade":
                business = drawn[-2]  # the last one is its like in the other language
                rights = set(item.right)
                (page,) = {
                    id(p): p for p in business.pages for f in p.facts if first(p, f) & rights
                }.values()
                wanted = [fact for fact in page.facts if first(page, fact) & rights]
                found.append(Scene(item, page, wanted, business))
        return found

    return made


@pytest.mark.parametrize("held_out", [False, True])
def test_the_right_sentence_is_among_those_of_the_page(
    scenes: Callable[..., list[Scene]], held_out: bool
) -> None:
    found = scenes(3, held_out=held_out)
    assert len(found) > 40
    for scene in found:
        assert len(scene.wanted) == len(scene.item.right)


def test_when_measured_all_else_that_the_page_tells_is_wrong_and_nothing_of_the_right_fact(
    scenes: Callable[..., list[Scene]],
) -> None:
    for scene in scenes(4, held_out=True):
        wrong = set(scene.item.wrong)
        for fact in scene.page.facts:
            shown = sentences(scene.page, fact)
            assert len(wrong.intersection(shown)) == (
                0 if fact in scene.wanted else len(split_sentences(fact.page))
            )


def test_a_follow_up_is_folded_as_the_product_folds_it(
    scenes: Callable[..., list[Scene]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_data, "FOLLOW_UPS", 1.0)
    monkeypatch.setattr(encoder_data, "OTHER_LANGUAGE", 0.0)
    monkeypatch.setattr(encoder_data, "as_typed", lambda question, *_: question)
    folded = 0
    for scene in scenes(5):
        (wanted,), fill = scene.wanted, scene.business.values.fill
        befores = [ask for fact in scene.page.facts if fact is not wanted for ask in fact.fact.ask]
        pairs = [(ask, one) for ask in befores for one in wanted.fact.follow]
        if any("!}" in ask + follow for ask, follow in pairs):  # filled anew each time
            continue
        filled = [(fill(ask), fill(follow)) for ask, follow in pairs]
        before, follow = next(pair for pair in filled if " ".join(pair) == scene.item.question)
        if is_follow_up(follow) and not is_follow_up(before):
            folded += 1
            assert fold(follow, [before]) == scene.item.question
    assert folded > 10


def test_the_passage_that_answers_holds_the_right_sentence() -> None:
    for one, passage in pairwise(trade_set(12, 3)):
        if one.kind == "trade":
            assert (passage.kind, passage.question) == ("passage", one.question)
            bare = [right.rpartition(": ")[2] for right in one.right]
            assert all(sentence in passage.right[0] for sentence in bare)


def test_a_real_question_is_folded_where_it_leans_on_the_one_before(tmp_path: Path) -> None:
    history = [
        {"role": "customer", "text": "How do I send lamps back?"},
        {"role": "agent", "text": "By post."},
    ]
    asked = {"And in which box?": [], "May lamps go back in any box?": []}
    for question, found in asked.items():
        stored(tmp_path, "grounded_qa", "shop", [grounded(question=question, history=history)] * 40)
        items = grounded_items(tmp_path, random.Random(1))
        found += [item.question for item in items if item.kind == "grounded"]
    leaning, plain = asked.values()
    assert set(leaning) == {"How do I send lamps back? And in which box?"}
    folded = sum(question.startswith("How") for question in plain)
    assert 0 < folded < len(plain) / 2


def test_sets_for_measuring_are_never_learnt_and_search_has_nothing_else(data: Path) -> None:
    for number, name in enumerate(UNSEEN):
        marked = f"{RETURNS} Unseen {number}."
        stored(data, "grounded_qa", f"{name}_grounded", [grounded(passages=[marked, PARCELS])])
        faq = [{"question": f"Unseen {number}?", "answer": marked, "title": "Unseen"}]
        stored(data, "faq", f"{name}_faq", faq)
        stored(data, "text", f"{name}_text", [{"text": f"Unseen\n\n{marked}"}])
    learnt = json.dumps([vars(item) for item in every(data)])
    assert "Shoes" in learnt
    assert "Unseen" not in learnt
    searched = list(search_items(data))
    assert sorted(item.key for item in searched) == sorted(f"{name}_faq" for name in UNSEEN)
    assert all(item.right[0].startswith("Unseen: Shoes") for item in searched)


def spoilt(items: list[Item]) -> list[Item]:
    """Those with a text that is right and wrong at once."""

    def plain(texts: list[str]) -> set[str]:
        return {" ".join(text.split()) for text in texts}

    return [item for item in items if plain(item.right) & plain(item.wrong)]


def test_what_is_right_is_not_wrong_as_well(data: Path) -> None:
    assert spoilt(trade_set(40, 1)) == []
    assert spoilt(trade_set(20, 1, held_out=True)) == []
    assert spoilt(every(data)) == []


def test_of_a_place_with_questions_the_right_one_is_not_wrong_as_well(tmp_path: Path) -> None:
    passages = [
        "Do you have a pool? The pool is open until nine.",
        "Do you have a gym? The gym is open until ten.",
        "Is the gym free? The gym is open until ten.",
    ]
    record = grounded(passages=passages, question="Gym?", answer="The gym is open until ten.")
    stored(tmp_path, "grounded_qa", "dstc9_faq_grounded", [record | {"title": "The Inn"}] * 20)
    items = list(grounded_items(tmp_path, random.Random(2)))
    assert {item.kind for item in items} == {"dstc9"}
    assert all(item.right and "gym" in item.right[0] for item in items)
    assert spoilt(items) == []


def test_an_unanswered_question_has_wrong_texts_alone(tmp_path: Path) -> None:
    record = grounded(answerable=False, answer="")
    stored(tmp_path, "grounded_qa", "dstc9_faq_unanswerable", [record])
    stored(tmp_path, "grounded_qa", "shop", [record])
    (item,) = grounded_items(tmp_path, random.Random(1))
    assert (item.kind, item.right, len(item.wrong)) == ("dstc9", [], 2)


def test_a_sentence_that_the_answer_tells_in_other_words_is_not_wrong_as_well(
    tmp_path: Path,
) -> None:
    record = grounded(answer="Lamps must be in their box to go back.")
    stored(tmp_path, "grounded_qa", "shop", [record])
    assert spoilt(list(grounded_items(tmp_path, random.Random(1)))) == []


def test_a_sentence_that_another_passage_repeats_is_not_wrong_as_well(tmp_path: Path) -> None:
    record = grounded(passages=[RETURNS, f"Lamps must go back in their box. {PARCELS}"])
    stored(tmp_path, "grounded_qa", "shop", [record])
    assert spoilt(list(grounded_items(tmp_path, random.Random(1)))) == []


def test_what_is_written_is_read_back_and_counted(tmp_path: Path) -> None:
    items = trade_set(3, 1)
    counts = write(tmp_path / "learn.jsonl.xz", items)
    assert list(read_items(tmp_path / "learn.jsonl.xz")) == items
    assert sum(counts.values()) == len(items)
    assert counts["passage"] == counts["trade"]
