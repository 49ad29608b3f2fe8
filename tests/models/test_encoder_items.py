"""Texts in memory: tokens as the tokenizer reads them, items in turn, batches in order."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from bot.reading import together
from models.training.data.encoder_data import write
from models.training.data.item import Item
from models.training.encoder_items import (
    FEELING,
    FEELINGS,
    LONGEST,
    PAIR,
    PASSAGE,
    QUERY,
    Feeling,
    Kind,
    Packed,
    Rows,
    Store,
)
from models.training.multilingual import END, PAD, tokenizer_of
from models.training.stages import STAGES, WEIGHT
from tests.models.bases import charsmap, pieces_of

ITEMS = [
    Item("trade", "how to return the shoe?", ["shoe: return it", "both"], ["the dog"], "shop"),
    Item("grounded", "退货  how\n||", ["退 货: 你好 |"], ["ship it"], language="zh"),
    Item("passage", "how to ship", ["ship the order"], ["the dog", "shoe: return it"]),
    Item("dstc9", "a dog?", [], ["the shoe"], "inn"),
    Item("cue", "shoe", ["the shoe"], ["the dog"]),
]


def store_of(folder: Path, items: list[Item], feelings: list[Feeling] | None = None) -> Store:
    pieces, scores = pieces_of()
    tokenizer_of(pieces, scores, charsmap()).save(str(folder / "tokenizer.json"))
    write(folder / "learn.jsonl.xz", items)
    write(folder / "held_out.jsonl.xz", items[:1])
    write(folder / "topics.jsonl.xz", [])
    write(folder / "search.jsonl.xz", [])
    return Store(folder, feelings or [])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return store_of(tmp_path_factory.mktemp("run"), ITEMS)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tokenizer_of(*pieces_of(), charsmap())


def test_texts_are_tokenized_once_with_what_stands_before_them(
    store: Store, tokenizer: Tokenizer
) -> None:
    assert len(store.questions) == 5
    assert len(store.texts) == 7  # the dog and the shoes stand in more than one item
    item = store.items[2]
    assert store.questions[item.question].tolist() == tokenizer.encode("query: how to ship").ids
    found = [store.texts[number].tolist() for number in (*item.right, *item.wrong)]
    texts = ("ship the order", "the dog", "shoe: return it")
    assert found == [tokenizer.encode(PASSAGE + text).ids for text in texts]
    assert store.held_out[0].right == store.items[0].right


def test_a_pair_is_read_as_the_tokenizer_reads_it_in_one_line(
    store: Store, tokenizer: Tokenizer
) -> None:
    compared = 0
    for item, given in zip(store.items, ITEMS, strict=True):
        texts = [*given.right, *given.wrong]
        for number, text in zip((*item.right, *item.wrong), texts, strict=True):
            line = PAIR + together(given.question, text)
            assert store.pair_tokens(item.question, number).tolist() == tokenizer.encode(line).ids
            compared += 1
    assert compared == 11


def test_what_is_cut_keeps_its_end(tmp_path: Path, tokenizer: Tokenizer) -> None:
    asked, shown = "how " * 200, "dog " * 400
    items, feelings = [Item("trade", asked, [shown], [])], [Feeling(asked, 0, "", "train")]
    store = store_of(tmp_path, items, feelings)
    (item,) = store.items
    question, text = store.questions[item.question], store.texts[item.right[0]]
    pair = store.pair_tokens(item.question, item.right[0])
    assert [len(row) for row in (question, text, pair)] == list(LONGEST.values())
    assert {row[-1] for row in (question, text, pair, store.felt[0])} == {END}
    assert [row.tolist().count(END) for row in (question, text, pair, store.felt[0])] == [1] * 4
    how, dog = (tokenizer.token_to_id(f"\u2581{word}") for word in ("how", "dog"))
    assert question.tolist()[:-1] == tokenizer.encode(QUERY + asked).ids[: LONGEST["query"] - 1]
    assert pair.tolist().count(how) == LONGEST["pair"] // 2
    assert pair.tolist().count(dog) > 60


def test_a_message_is_read_as_a_feeling(tmp_path: Path, tokenizer: Tokenizer) -> None:
    store = store_of(tmp_path, ITEMS, [Feeling(" the dog! ", 2, "tweets", "train")])
    assert store.felt[0].tolist() == tokenizer.encode(f"{FEELING}the dog!").ids


def test_every_item_is_drawn_once_before_one_comes_again(store: Store) -> None:
    weights, rng = dict.fromkeys(WEIGHT, 1.0), random.Random(1)
    for kind, kinds in (
        (Kind.SEARCH, ["trade", "grounded", "passage"]),
        (Kind.READING, ["trade", "grounded", "dstc9", "cue"]),
    ):
        for _ in range(3):
            drawn = store.draw(kind, len(kinds), rng, weights)
            assert sorted(item.kind for item in drawn) == sorted(kinds)


def test_an_item_comes_as_often_as_its_kind_weighs(tmp_path: Path) -> None:
    weights = {"trade": 1.0, "grounded": 2.0, "cue": 0.25}
    kinds = ["trade"] * 100 + ["grounded"] * 100 + ["cue"] * 100
    store = store_of(tmp_path, [Item(k, f"{n}", ["the"], ["dog"]) for n, k in enumerate(kinds)])
    (drawn,) = store.draw(Kind.READING, 1, random.Random(2), weights)
    turn = [drawn, *store._queue[Kind.READING]]
    counts = Counter(item.kind for item in turn)
    assert (counts["trade"], counts["grounded"]) == (100, 200)
    assert 10 <= counts["cue"] <= 40
    assert max(Counter(item.question for item in turn if item.kind != "grounded").values()) == 1


def test_every_stage_weighs_every_kind_and_shares_out_all_steps() -> None:
    for stage in STAGES.values():
        assert set(stage.weight) == set(WEIGHT)
        assert sum(stage.tasks.values()) == pytest.approx(1)
        assert {task for sizes in stage.batch.values() for task in sizes} == set(stage.tasks)
        assert stage.nearest < stage.shown


def test_the_wrong_sentences_of_topics_stand_in_order_of_nearness(tmp_path: Path) -> None:
    wrong = ["the dog", "the shoe", "ship it"]
    store = store_of(tmp_path, [Item(kind, "shoe", ["x"], wrong) for kind in ("topic", "trade")])

    def encode(rows: list[np.ndarray]) -> np.ndarray:
        """By the pieces that they share."""
        vectors = np.zeros((len(rows), 400))
        for row, ids in zip(vectors, rows, strict=True):
            row[ids] = 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    store.hardest_first(encode)
    texts = [store.texts[n].tolist() for n in store.items[0].wrong]
    shoe = store.questions[store.items[0].question].tolist()
    shared = [len(set(shoe) & set(text)) / len(text) ** 0.5 for text in texts]
    assert shared == sorted(shared, reverse=True)
    first = store.items[0].wrong[0]
    assert store.items[1].wrong.index(first) == 1  # others stay as they were


def test_rows_are_given_back_one_by_one() -> None:
    rows = Rows([[1, 2], [], [3]])
    assert [rows[number].tolist() for number in range(len(rows))] == [[1, 2], [], [3]]
    assert len(Rows([])) == 0


@pytest.mark.parametrize("pieces", [1, 3, 7, 50])
def test_packed_texts_come_back_in_order(pieces: int) -> None:
    dice = random.Random(pieces)
    rows = [np.full(dice.randint(1, 40), number + 5, np.int32) for number in range(20)]
    packed = Packed(rows, pieces)
    assert len(packed.pieces) <= pieces
    flat = [row for piece in packed.pieces for row in piece]
    restored = [flat[place] for place in packed.back]
    for row, padded in zip(rows, restored, strict=True):
        assert padded[: len(row)].tolist() == row.tolist()
        assert set(padded[len(row) :]) <= {PAD}
    assert all(piece.shape[1] % 8 == 0 for piece in packed.pieces)


def test_in_pieces_less_is_padded() -> None:
    rows = [np.full(length, 5, np.int32) for length in (3, 60, 4, 58, 5, 62)]
    one, three = (sum(piece.size for piece in Packed(rows, n).pieces) for n in (1, 3))
    assert three < 0.75 * one


def test_feelings_are_drawn_by_their_sources_and_from_the_part_that_is_trained_on(
    tmp_path: Path,
) -> None:
    sources = ("tweets", "made en", "elsewhere")
    feelings = [
        Feeling(f"{source} {part} {n}", n % 3, source, part)
        for source in sources
        for part in ("train", "test")
        for n in range(3)
    ]
    store = store_of(tmp_path, ITEMS, feelings)
    rows, labels = store.draw_feelings(400, random.Random(1))
    of = {store.felt[number].tobytes(): one for number, one in enumerate(feelings)}
    drawn = [of[row.tobytes()] for row in rows]
    assert [one.label for one in drawn] == labels
    counts = Counter((one.source, one.part) for one in drawn)
    assert set(counts) == {("tweets", "train"), ("made en", "train")}
    share = counts["tweets", "train"] / 400
    expected = FEELINGS["tweets"] / (FEELINGS["tweets"] + FEELINGS["made en"])
    assert share == pytest.approx(expected, abs=0.08)
