"""The figures, over an encoder of which they are known: a bag of words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.training.data.encoder_data import write
from models.training.data.item import Item
from models.training.encoder_items import Feeling, Store
from models.training.encoder_measures import measure
from models.training.multilingual import tokenizer_of
from models.training.tune_encoder import Heads
from tests.models.bases import HAN, WORDS, charsmap, pieces_of

PIECES, SCORES = pieces_of()


class Bag(nn.Module):
    """Unit vectors of the pieces that a text has; those of the prefixes are left out."""

    def forward(self, tokens: Tensor) -> Tensor:
        counts = torch.zeros(len(tokens), 384)
        counts.scatter_add_(1, tokens.long(), torch.ones(tokens.shape))
        counts[
            :, [place for place, piece in enumerate(PIECES) if piece.strip("\u2581") in SHARED]
        ] = 0
        return nn.functional.normalize(counts, dim=-1)


SHARED = {"<s>", "<pad>", "</s>", ":", "query", "passage", "pair", "|", ""}


def store_of(
    folder: Path, held_out: list[Item], searched: list[Item], topics: list[Item] | None = None
) -> Store:
    tokenizer_of(PIECES, SCORES, charsmap()).save(str(folder / "tokenizer.json"))
    write(folder / "learn.jsonl.xz", [])
    write(folder / "held_out.jsonl.xz", held_out)
    write(folder / "topics.jsonl.xz", topics or [])
    write(folder / "search.jsonl.xz", searched)
    feelings = [Feeling(text, n, "tweets", "test") for n, text in enumerate(("dog", "ship", "the"))]
    return Store(folder, [*feelings, Feeling("shoe", 0, "tweets", "train")])


def test_what_shares_the_words_of_a_question_is_found(tmp_path: Path) -> None:
    held = [
        Item("trade", word, [f"{word} x"], ["y z", "q"], language=language)
        for language, words in (("en", WORDS[:5]), ("zh", HAN))
        for word in words
    ]
    words = [f"{one} {two}" for one in "abcdefgh" for two in "ijklmnop"]
    searched = [Item("search", word, [f"{word} 1"], [], "easy") for word in words]
    searched += [Item("search", "x", [f"{n}"], [], "hard") for n in range(60)]
    searched += [Item("search", "x", ["x"], [], "few")] * 49
    heads = Heads(384)
    with torch.no_grad():
        heads.feeling.weight.zero_()
        heads.feeling.bias.zero_()
        for label, word in enumerate(("dog", "ship", "the")):
            heads.feeling.weight[label, PIECES.index(f"\u2581{word}")] = 1
        heads.answers.weight.zero_()
        heads.answers.weight[0, PIECES.index("\u2581x")] = 1  # only the right ones have it
    figures = measure(Bag(), heads, store_of(tmp_path, held, searched), "cpu")  # type: ignore[arg-type]
    for language in ("en", "zh"):
        for name in ("sentence apart", "sentence together", "auc apart", "auc together"):
            assert figures.pop(f"{language} {name}") == pytest.approx(1)
    assert (figures.pop("easy hit@1"), figures.pop("easy hit@5")) == (1, 1)
    assert {figures.pop("hard hit@1"), figures.pop("hard hit@5")} == {1}  # all are as near
    assert figures == {"feeling tweets": 1}


def test_of_topics_an_open_question_is_one_whose_best_sentence_does_not_answer(
    tmp_path: Path,
) -> None:
    held = [Item("trade", "x", ["x"], ["y"], language=language) for language in ("en", "zh")]
    topics = [Item("topic", word, [f"{word} x"], ["y z", "q"], language="de") for word in WORDS[:5]]
    topics += [Item("topic", word, [], ["y z", "q"], language="de") for word in WORDS[5:9]]
    heads = Heads(384)
    with torch.no_grad():
        heads.answers.weight.zero_()
        heads.answers.weight[0, PIECES.index("\u2581x")] = 1
    figures = measure(Bag(), heads, store_of(tmp_path, held, [], topics), "cpu")  # type: ignore[arg-type]
    for name in ("sentence apart", "sentence together", "auc apart", "auc together"):
        assert figures[f"topics de {name}"] == pytest.approx(1)
    with torch.no_grad():
        heads.answers.weight.mul_(-1)
    figures = measure(Bag(), heads, store_of(tmp_path, held, [], topics), "cpu")  # type: ignore[arg-type]
    assert figures["topics de sentence together"] == 0
    assert figures["topics de auc together"] == pytest.approx(0.5)  # nothing has the x any more
