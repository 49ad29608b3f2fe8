"""The encoder's three tasks on a tiny model: what is counted, that it learns, what is kept."""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bot.engine import Encoder, EngineThread
from bot.errors import UsageError
from bot.settings import EngineSettings
from models.training import encoder, tune_encoder
from models.training.bert import Bert
from models.training.data.encoder_data import write
from models.training.data.item import Item
from models.training.encoder_batches import Batch, Batches
from models.training.encoder_items import Packed, Stored
from models.training.multilingual import save_packed, tokenizer_of
from models.training.stages import STAGES
from models.training.tune_encoder import Guide, Heads, Losses, Run, embed, rate_at
from tests.models.bases import HAN, WORDS, charsmap, pieces_of, random_base

WIDTH = 384
SOURCES = ("tweets", "made en", "made zh")


def items() -> list[Item]:
    """Of each pair of words the one asks for the other."""
    found = []
    pieces = [*WORDS, *HAN]
    for number, word in enumerate(pieces):
        after, other = pieces[number - 1], pieces[number - 2]
        language = "zh" if word in HAN else "en"
        shown = [f"{word} {after}"], [f"{other} {after}", f"{other} ing"]
        found.append(Item("trade", f"how {word}", *shown, language=language))
        found.append(Item("passage", f"the {word}", *shown, language=language))
    return found


def feelings() -> list[dict[str, object]]:
    told = {0: "return order", 1: "the shoe", 2: "good dog"}
    return [
        {"text": f"{text} {word}", "label": label, "source": source, "part": part}
        for label, text in told.items()
        for source in SOURCES
        for part in ("train", "test")
        for word in WORDS[:4]
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What `encoder prepare` and `encoder_data` write."""
    base = random_base(*pieces_of(), width=WIDTH)
    save_packed(tmp_path / "base.npz", base)
    (tmp_path / "charsmap.bin").write_bytes(charsmap())
    stored = {"pieces": base.pieces, "scores": base.scores.tolist(), "epsilon": base.epsilon}
    (tmp_path / "pieces.json").write_text(json.dumps(stored), "utf-8")
    tokenizer = tokenizer_of(base.pieces, base.scores, charsmap())
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    write(tmp_path / "learn.jsonl.xz", items())
    write(tmp_path / "held_out.jsonl.xz", [item for item in items() if item.kind == "trade"])
    write(tmp_path / "topics.jsonl.xz", [])
    write(tmp_path / "search.jsonl.xz", [])
    with lzma.open(tmp_path / "feelings.jsonl.xz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(one) + "\n" for one in feelings())
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    torch.manual_seed(1)
    return Run(folder, "cpu")


ALL = STAGES["all"]
SIZES = {"search": 8, "reading": 4, "feeling": 16}


def batch_of(run: Run, task: str) -> Batch:
    batches = Batches(run.store, 1, SIZES, ALL)
    make: Callable[[random.Random], Batch] = getattr(batches, task)
    return make(random.Random(3))


@pytest.mark.parametrize("task", ["search", "reading", "feeling"])
def test_its_loss_falls_in_a_few_steps(run: Run, task: str) -> None:
    batch, optimizer = batch_of(run, task), run.optimizer()
    losses = []
    for _ in range(6):
        loss = run.losses.of(batch)
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * group.get("times", 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_batches_follow_from_the_seed(run: Run) -> None:
    def drawn(seed: int) -> list[tuple[str, list[bytes]]]:
        run.store._queue = {kind: [] for kind in run.store._queue}
        batches = islice(Batches(run.store, seed, SIZES, ALL), 6)
        return [(b.task, [p.tobytes() for pack in b.packed for p in pack.pieces]) for b in batches]

    assert drawn(1) == drawn(1) != drawn(2)


def losses_over(guide: list[list[float]], heads: Heads | None = None) -> Losses:
    given: dict[str, object] = {"model": None, "heads": heads, "device": "cpu"}
    return Losses(guide=torch.tensor(guide), **given)  # type: ignore[arg-type]


def numbers(same: list[list[bool]], texts: int = 2) -> dict[str, Tensor]:
    """Of two questions, whose guides come first."""
    places = torch.arange(2, 2 + texts)
    return {"questions": torch.arange(2), "texts": places, "same": torch.tensor(same)}


ALIKE, APART = [1.0, 0.0], [0.0, 1.0]


def test_a_text_that_is_right_for_two_questions_is_not_counted_against_either() -> None:
    losses = losses_over([ALIKE] * 4)
    vectors = [torch.tensor([ALIKE, ALIKE]), torch.tensor([ALIKE, ALIKE])]
    eye = [[True, False], [False, True]]
    assert losses.search(vectors, numbers(eye)).item() == pytest.approx(np.log(2))
    assert losses.search(vectors, numbers([[True, True]] * 2)).item() == pytest.approx(0)


def test_a_text_that_the_untuned_encoder_finds_nearer_is_not_counted_against_a_question() -> None:
    vectors = [torch.tensor([ALIKE, ALIKE]), torch.tensor([ALIKE, ALIKE])]
    eye = [[True, False], [False, True]]
    # the first question's right text is far from it in the guide, the second's is near to both
    losses = losses_over([ALIKE, ALIKE, APART, ALIKE])
    assert losses.search(vectors, numbers(eye)).item() == pytest.approx(np.log(2) / 2)


def test_a_chosen_wrong_text_counts_unless_the_untuned_encoder_finds_it_much_nearer() -> None:
    vectors = [torch.tensor([ALIKE, APART]), torch.tensor([ALIKE, APART, ALIKE])]
    same = [[True, False, False], [False, True, False]]
    right = [0.8, 0.6]
    for wrong, counts in (([0.84, 0.5426], True), (ALIKE, False)):
        losses = losses_over([ALIKE, APART, right, APART, wrong])
        expected = np.log(2) / 2 if counts else 0.0
        found = losses.search(vectors, numbers(same, texts=3)).item()
        assert found == pytest.approx(expected, abs=1e-6)


def test_texts_and_keys_that_two_questions_share_are_told(folder: Path) -> None:
    shared = [
        Item("trade", "how dog", ["the dog"], ["ship"], key="inn 1"),
        Item("trade", "the dog", ["the dog"], ["shoe"]),
        Item("trade", "ship", ["dog ing"], ["ship"], key="inn 1"),
    ] * 3  # a batch holds eight
    write(folder / "learn.jsonl.xz", shared)
    run = Run(folder, "cpu")
    batch = batch_of(run, "search")
    told = {question: place for place, question in enumerate(batch.numbers["questions"])}
    same = batch.numbers["same"]
    number = {item.question: item for item in run.store.items}
    for a, row in told.items():
        for b, column in told.items():
            one, two = number[a], number[b]
            alike = one.right == two.right or bool(one.key and one.key == two.key)
            assert same[row, column] == alike
    assert same.shape == (8, 16)  # and a wrong text of each


def test_a_reading_counts_each_sentence_and_all_of_a_question_against_none_of_them() -> None:
    heads = Heads(2)
    with torch.no_grad():
        heads.answers.weight.copy_(torch.tensor([[2.0, -1.0]]))
        heads.answers.bias.fill_(0.5)
    vectors = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    logits = [2.5, 0.9, -0.5]
    given = {
        "labels": torch.tensor([1.0, 0.0, 0.0]),
        "at": torch.tensor([[0, 1], [2, 3]]),  # the second question has one sentence, and a filler
        "hit": torch.tensor([[False, True, False], [True, False, False]]),
    }
    found = losses_over([], heads).reading([vectors], given).item()
    softplus = np.log1p(np.exp(np.array([-2.5, 0.9, -0.5])))
    each = (3 * softplus[0] + softplus[1] + softplus[2]) / 3
    first = -np.log(np.exp(logits[0]) / (1 + np.exp(logits[0]) + np.exp(logits[1])))
    second = -np.log(1 / (1 + np.exp(logits[2])))
    assert found == pytest.approx(each + 0.5 * (first + second) / 2, abs=1e-5)


def test_in_a_reading_the_right_ones_come_first_and_now_and_then_none_is_right(run: Run) -> None:
    batches, rng = Batches(run.store, 1, SIZES, ALL), random.Random(4)
    none = 0
    for _ in range(20):
        batch = batches.reading(rng)
        labels, at, hit = (batch.numbers[name] for name in ("labels", "at", "hit"))
        assert len(labels) == len(batch.packed[0].back)
        for row, marks in zip(at, hit, strict=True):
            shown = labels[row[row < len(labels)]]
            assert marks[1 : len(shown) + 1].tolist() == (shown == 1).tolist()
            assert marks[0] == (not shown.any())
            none += bool(marks[0])
    assert 5 < none < 40  # of 80, a fifth


def test_vectors_come_in_the_order_of_the_texts(run: Run) -> None:
    rows = [run.store.questions[number] for number in range(len(run.store.questions))]
    run.model.eval()
    with torch.no_grad():
        packed = embed(run.model, Packed(rows, 3), "cpu")
        alone = torch.cat([run.model(torch.from_numpy(row)[None]) for row in rows])
    assert torch.allclose(packed, alone, atol=1e-5)
    many = tune_encoder.vectors_of(run.model, rows, "cpu")
    assert functional.cosine_similarity(many, alone).min() > 0.999  # in bfloat16


def test_the_rate_rises_and_falls_to_nothing() -> None:
    rates = [rate_at(progress / 100) for progress in range(101)]
    assert rates[0] == 0
    assert max(rates) == rates[4] == 1
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[-1] == pytest.approx(0)
    assert rate_at(0.04, last=0.3) == 1
    assert rate_at(1, last=0.3) == pytest.approx(0.3)


def test_frozen_layers_stay_as_they_were(run: Run) -> None:
    run.freeze(len(run.model.layers))
    optimizer = run.optimizer()
    before = {name: value.copy() for name, value in run.model.weights().items()}
    head = run.heads.answers.weight.detach().clone()
    run.losses.of(batch_of(run, "reading")).backward()
    for group in optimizer.param_groups:
        group["lr"] = 1e-2
    optimizer.step()
    after = run.model.weights()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert not torch.equal(run.heads.answers.weight, head)


def test_of_a_topic_the_nearest_wrong_ones_are_read_most_of_the_time(run: Run) -> None:
    stage = replace(ALL, shown=4, nearest=2)
    batches, rng = Batches(run.store, 1, SIZES, stage), random.Random(5)
    item = Stored("topic", 0, [1], [2, 3, 4, 5, 6], "", "en")
    drawn = [batches._wrong(item, rng) for _ in range(200)]
    assert all(len(set(wrong)) == 3 and set(wrong) <= set(item.wrong) for wrong in drawn)
    assert 140 < sum(wrong[:2] == [2, 3] for wrong in drawn) < 190
    other = replace(item, kind="trade")
    assert sum(batches._wrong(other, rng)[:2] == [2, 3] for _ in range(200)) < 40


def test_a_run_goes_on_from_what_it_saved_and_the_base_stays(folder: Path) -> None:
    run = Run(folder, "cpu")
    with torch.no_grad():
        run.model.positions.add_(1)
        run.heads.answers.bias.fill_(0.25)
    run.save()
    again = Run(folder, "cpu")
    assert torch.allclose(again.model.positions, run.model.positions, atol=2e-3)  # float16
    assert again.heads.answers.bias.item() == 0.25
    known = torch.arange(len(run.store.questions) + len(run.store.texts))
    assert torch.equal(again.losses.guide[known], run.losses.guide[known])


def test_the_guide_encodes_a_text_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [run.store.questions[number] for number in range(4)]
    guide, asked = Guide(run.model.eval(), rows, "cpu"), []
    encode = tune_encoder.vectors_of

    def counted(model: Bert, some: list[np.ndarray], device: str) -> torch.Tensor:
        asked.append(len(some))
        return encode(model, some, device)

    monkeypatch.setattr(tune_encoder, "vectors_of", counted)
    first = guide[torch.tensor([2, 0, 2])]
    assert torch.equal(first[0], first[2])
    assert torch.equal(guide[torch.tensor([0, 1])][0], first[1])
    assert torch.equal(guide[torch.tensor([1, 2])][1], first[0])
    assert asked == [2, 1]


def test_figures_are_told_of_both_languages_and_every_source(run: Run) -> None:
    figures = run.measure()
    for language in ("en", "zh"):
        for name in ("sentence apart", "sentence together", "auc apart", "auc together"):
            assert 0 <= figures.pop(f"{language} {name}") <= 1
    assert figures.keys() == {f"feeling {source}" for source in SOURCES}


def test_what_was_tuned_is_exported_with_its_heads(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Run(folder, "cpu").save()
    probes = [f"{one} ship" for one in WORDS]
    monkeypatch.setattr(encoder, "probe_sentences", lambda _: probes)
    monkeypatch.setattr(encoder, "STORED", 4)
    encoder.export(folder, folder / "out.gguf", folder / "reference.npz")
    told = json.loads(capsys.readouterr().out)
    assert told["same_tokens"] == told["sentences"] == len(probes)
    assert told["least_cosine"] > 0.98
    with np.load(folder / "reference.npz") as reference:
        assert reference["vectors"].shape == (4, WIDTH)
    with EngineThread() as thread:
        info = Encoder.load(folder / "out.gguf", thread, EngineSettings(threads=1)).info
    heads = encoder.tuned(folder)[1]
    assert info.languages == set(encoder.LANGUAGES)
    assert info.prefixes["pair"] == "pair: "
    assert info.answers is not None
    np.testing.assert_allclose(info.answers.weight, heads["answers.weight"][0], atol=1e-5)


def test_weights_of_two_stages_are_blended_by_share(tmp_path: Path) -> None:
    np.savez(tmp_path / "early.npz", a=np.zeros(2, np.float16), b=np.ones(1, np.float32))
    np.savez(tmp_path / "tuned.npz", a=np.ones(2, np.float16), b=np.full(1, 3, np.float32))
    encoder.blend(tmp_path, tmp_path / "early.npz", 0.75)
    with np.load(tmp_path / "tuned.npz") as found:
        assert found["a"].tolist() == [0.75, 0.75]
        assert found["b"].tolist() == [2.5]
        assert found["a"].dtype == np.float16
    np.savez(tmp_path / "other.npz", c=np.zeros(1))
    with pytest.raises(UsageError, match=r"other\.npz: not of this model"):
        encoder.blend(tmp_path, tmp_path / "other.npz", 0.5)
