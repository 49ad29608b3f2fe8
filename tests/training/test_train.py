"""A run of a few steps, cut off and taken up again, ends where an unbroken one does."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from models.training import train
from models.training.decoder import Decoder
from models.training.dial import CONTEXT, Dial
from models.training.optimizer import orthogonalised
from models.training.pack import LEARNT


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tokens, and steps that are small."""
    monkeypatch.setattr(train, "BATCH_TOKENS", {"cpu": 512})
    monkeypatch.setattr(train, "MICRO_TOKENS", {"cpu": 512})
    monkeypatch.setattr(train, "REPORT_EVERY", 1)
    monkeypatch.setattr(train, "VALIDATED", 1)
    rng = np.random.default_rng(2)
    for name in ("plain", "service", "plain_val", "service_val"):
        tokens = np.tile(rng.integers(3, 60, size=97), 60).astype(np.uint16)
        if name.startswith("service"):
            tokens = tokens[: 2 * (CONTEXT + 1)]
        np.save(tmp_path / f"{name}.tokens.npy", tokens)
        np.save(tmp_path / f"{name}.learn.npy", np.full(len(tokens), LEARNT, np.uint8))
    return tmp_path


def losses(printed: str) -> list[float]:
    lines = [json.loads(line) for line in printed.splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


def test_it_learns_and_resumes(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "WARMUP_STEPS", 2)
    steps = 6
    arguments = (Dial(1), train.Length(512.0 * steps), 1, "cpu")
    train.train(run, *arguments, compiled=False)
    unbroken = losses(capsys.readouterr().out)
    final = torch.load(run / "checkpoint.pt")["model"]
    assert unbroken[-1] < unbroken[0]

    (run / "checkpoint.pt").unlink()
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0)

    class Cut(Exception):
        pass

    saved = 0
    original = torch.save

    def save(*given: object) -> None:
        nonlocal saved
        original(*given)
        saved += 1
        if saved == 3:
            Path(str(given[1])).replace(run / "checkpoint.pt")
            raise Cut

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(Cut):
        train.train(run, *arguments, compiled=False)
    monkeypatch.setattr(torch, "save", original)
    assert len(losses(capsys.readouterr().out)) == 3
    train.train(run, *arguments, compiled=False)
    assert losses(capsys.readouterr().out) == pytest.approx(unbroken[3:], abs=1e-3)
    resumed = torch.load(run / "checkpoint.pt")["model"]
    for name, weight in final.items():
        assert torch.allclose(weight, resumed[name], atol=1e-4), name


def test_parameters_are_counted_as_the_dial_says() -> None:
    for depth in (1, 6):
        decoder = Decoder(Dial(depth))
        matrices = sum(p.numel() for p in decoder.parameters() if p.dim() == 2)
        assert matrices == Dial(depth).parameters
    assert 10_000_000 <= Dial().parameters <= 20_000_000


def test_a_run_of_seconds_goes_on_where_it_was(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count()  # looked at twice a step: a step takes a tenth of a second
    monkeypatch.setattr(train, "time", SimpleNamespace(monotonic=lambda: next(clock) * 0.05))
    for seconds in (0.5, 1.0, 1.0):
        train.train(run, Dial(1), train.Length(seconds=seconds), 1, "cpu", compiled=False)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ended = [line["step"] for line in lines if "progress" not in line]
    assert 0 < ended[0] < ended[1] == ended[2]
    progress = [line["progress"] for line in lines if "progress" in line]
    assert progress[0] == 0
    assert progress[ended[0]] >= 0.5 > progress[0]
    length = train.Length(seconds=10.0)
    assert [length.progress(7, 512, t) for t in (0.0, 5.0, 10.0)] == [0.0, 0.5, 1.0]
    assert [train.rate_at(99, p) for p in (0.0, train.COOLING_FROM, 1.0)] == [1.0, 1.0, 0.0]


def test_orthogonalised_evens_out_the_singular_values() -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalised(torch.randn(3, 40, 24)))
    assert values.min() > 0.5
    assert values.max() < 1.5
