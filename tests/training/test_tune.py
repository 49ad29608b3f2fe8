"""A decoder is tuned: what is a target when, how it is rounded, what is saved."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import llama_cpp
import numpy as np
import pytest
import torch
from torch.nn import functional

from models.training import chat_file, train, tune
from models.training.chat_file import rounded, write_file
from models.training.pack import LEARNT, NOT_LEARNT, PADDING
from models.training.pretrained import load_pretrained
from models.training.tune import Phase, Tuning, summed_loss
from tests.training.decoders import CHINESE, TEXTS, random_model, tiny_shape, whole_vocabulary

CONTEXT = 64


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `reduce` and `pack` write, of a tiny model and short rows."""
    for module in (train, tune):
        monkeypatch.setattr(module, "CONTEXT", CONTEXT)
    monkeypatch.setattr(tune, "BATCH_ROWS", {"cpu": 4})
    monkeypatch.setattr(tune, "MICRO_ROWS", {"cpu": 2})
    monkeypatch.setattr(tune, "LOSS_TARGETS", 100)
    vocabulary = whole_vocabulary()
    tokenizer = vocabulary.tokenizer()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    model = random_model(tiny_shape(len(vocabulary.pieces), depth=1))
    with torch.no_grad():
        model.embedding.weight.mul_(0.2)  # so that it is not sure of anything
    write_file(tmp_path / "reduced.gguf", model.shape, vocabulary, rounded(model.state_dict()))
    text = tokenizer.encode("\n".join([*TEXTS, *CHINESE])).ids
    tokens = np.tile(np.array(text, np.uint16), 20)[: 12 * (CONTEXT + 1)]
    learn = np.full(len(tokens), NOT_LEARNT, np.uint8)
    learn.reshape(-1, CONTEXT + 1)[:, 20:50] = LEARNT
    learn.reshape(-1, CONTEXT + 1)[:, 50:] = PADDING
    for name in ("plain", "service", "plain_val", "service_val"):
        np.save(tmp_path / f"{name}.tokens.npy", tokens)
        np.save(tmp_path / f"{name}.learn.npy", learn)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Tuning:
    return Tuning(folder, "cpu", 1, compiled=False)


def test_first_everything_is_learnt_then_replies() -> None:
    assert [Phase(p).tunes for p in (0, 0.32, 0.33, 1)] == [False, False, True, True]


def test_the_rounding_grows_from_none_to_all_and_stays() -> None:
    found = [Phase(p).rounded for p in (0, 0.55, 0.6, 0.65, 1)]
    assert found == pytest.approx([0, 0, 0.5, 1, 1])


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    rates = [Phase(p / 100).rate for p in range(101)]
    assert 0 < rates[0] < 0.1
    assert rates[2:31] == [1.0] * 29
    assert rates[31:] == pytest.approx([(100 - p) / 70 for p in range(31, 101)])


def test_the_loss_is_the_cross_entropy_of_the_targets_alone(run: Tuning) -> None:
    rng = np.random.default_rng(1)
    ids, learn = (torch.from_numpy(a) for a in run._service[True].rows(rng, 2))
    losses, targets = summed_loss(run.model, ids.long(), learn)
    wanted = learn[:, 1:]
    logits = run.model(ids.long()[:, :-1])[wanted]
    assert torch.equal(targets, ids.long()[:, 1:][wanted])
    expected = functional.cross_entropy(logits, targets, reduction="none")
    assert torch.allclose(losses, expected, atol=1e-5)
    assert len(losses) == 2 * 30


def test_padding_is_never_a_target_and_what_is_not_said_only_before_it_tunes(run: Tuning) -> None:
    rng = np.random.default_rng(1)
    for tunes, count in ((False, 50), (True, 30)):
        _, learn = run._service[tunes].rows(rng, 3)
        assert learn.sum(axis=1).tolist() == [count] * 3


def test_a_batch_follows_from_seed_and_step(run: Tuning) -> None:
    def drawn(step: int) -> list[bytes]:
        pieces = run.draw(np.random.default_rng([run.seed, step]), Phase(0.5))
        assert [len(ids) for ids, _ in pieces] == [2, 2]
        return [tensor.numpy().tobytes() for pair in pieces for tensor in pair]

    assert drawn(3) == drawn(3) != drawn(4)


@pytest.mark.parametrize("progress", [0.1, 0.7])
def test_its_loss_falls_in_a_few_steps(run: Tuning, progress: float) -> None:
    for group in run.optimizer.param_groups:
        group["initial_lr"] = 1e-2
    losses = [run.learn(progress).item() for _ in range(10)]
    assert losses[-1] < 0.8 * losses[0]
    assert run.model.rounded.item() == (progress > 0.65)
    assert run.step == 10


def test_held_out_text_is_measured_by_script_and_nothing_is_learnt_from_it(run: Tuning) -> None:
    before = {name: values.clone() for name, values in run.model.state_dict().items()}
    found = run.validation()
    assert found == run.validation()
    assert set(found) == {f"{one}{of}" for one in ("plain", "service") for of in ("", "_en", "_zh")}
    low, high = sorted((found["plain_en"], found["plain_zh"]))
    assert low < found["plain"] < high
    assert all(torch.equal(values, before[name]) for name, values in run.model.state_dict().items())
    assert all(one.grad is None for one in run.model.parameters())


def test_a_run_saves_a_model_that_becomes_a_file(
    run: Tuning, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tune.tune(run, seconds=0)  # the first step alone
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines] == [0, 1, 1]
    assert lines[-1]["tokens"] == 4 * CONTEXT
    assert run.model.rounded.item() == 1
    given = ["--run", str(folder), "--out", str(folder / "chat.gguf")]
    monkeypatch.setattr(sys, "argv", ["chat_file", *given])
    chat_file.main()
    loaded = load_pretrained(folder / "chat.gguf").state_dict()
    for name, values in run.model.state_dict().items():
        assert torch.nn.functional.mse_loss(loaded[name], values) < 0.01 * values.var() + 1e-9, name
    llama = llama_cpp.Llama(str(folder / "chat.gguf"), n_ctx=128, n_threads=1, verbose=False)
    assert llama.metadata["kefu.reads"] == "true"
    llama.close()
