"""A run of a few steps, cut off and taken up again, ends where an unbroken one does."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bot.errors import UsageError
from models.training import train
from models.training.decoder import Decoder
from models.training.dial import Dial
from models.training.optimizer import orthogonalised
from models.training.pack import LEARNT

EAGER = train.Manner(compiled=False)
CONTEXT = 64
BATCH = 128
TINY = Dial(1, vocabulary=64)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tokens, and steps that are small."""
    monkeypatch.setattr(train, "CONTEXT", CONTEXT)
    monkeypatch.setattr(train, "PLAIN_LENGTH", {"cpu": CONTEXT // 2})
    monkeypatch.setattr(train, "BATCH_TOKENS", {"cpu": BATCH})
    monkeypatch.setattr(train, "MICRO_TOKENS", {"cpu": BATCH})
    monkeypatch.setattr(train, "REPORT_EVERY", 1)
    monkeypatch.setattr(train, "VALIDATED_MEANWHILE", {"cpu": 1})
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


def logged(run: Path) -> list[train.Line]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_it_learns_and_resumes(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "WARMUP_STEPS", 2)
    steps = 6
    arguments = (TINY, train.Length(BATCH * steps), 1, "cpu", EAGER)
    train.train(run, *arguments)
    unbroken = losses(capsys.readouterr().out)
    final = torch.load(run / "checkpoint.pt")["model"]
    assert unbroken[-1] < unbroken[0]

    (run / "checkpoint.pt").unlink()
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0)

    class Cut(Exception):
        pass

    def cut_at(step: int) -> Callable[[train.Line], None]:
        def tell(line: train.Line) -> None:
            if line["step"] == step:
                raise Cut

        return tell

    with pytest.raises(Cut):
        train.train(run, *arguments, tell=cut_at(4))
    with (run / "log.jsonl").open("a") as log:
        log.write('{"step": 4, "lo')
    train.train(run, *arguments)
    assert losses(capsys.readouterr().out) == pytest.approx(unbroken[3:], abs=1e-3)
    assert losses((run / "log.jsonl").read_text()) == pytest.approx(unbroken, abs=1e-3)
    train.train(run, *arguments)
    assert [line["step"] for line in logged(run)] == [
        1,
        2,
        3,
        4,
        5,
        6,
        6,
    ]  # the last tells how it ended
    resumed = torch.load(run / "checkpoint.pt")["model"]
    for name, weight in final.items():
        assert torch.allclose(weight, resumed[name], atol=1e-4), name


@pytest.mark.parametrize("name", ["checkpoint.pt", "best.pt"])
def test_a_checkpoint_that_cannot_be_read_is_named(run: Path, name: str) -> None:
    arguments = (TINY, train.Length(BATCH * 8), 1, "cpu", EAGER)
    train.train(run, *arguments)
    whole = (run / name).read_bytes()
    (run / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=f"{name} cannot be read: .* delete .*{name}"):
        train.train(run, *arguments)


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
        train.train(run, TINY, train.Length(seconds=seconds), 1, "cpu", EAGER)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ended = [line["step"] for line in lines if "progress" not in line]
    assert 0 < ended[0] < ended[1] == ended[2]
    progress = [line["progress"] for line in lines if "progress" in line]
    assert progress[0] == 0
    assert progress[ended[0]] >= 0.5 > progress[0]
    length = train.Length(seconds=10.0)
    assert [length.progress(7, BATCH, t) for t in (0.0, 5.0, 10.0)] == [0.0, 0.5, 1.0]
    assert [train.rate_at(99, p) for p in (0.0, train.COOLING_FROM, 1.0)] == [1.0, 1.0, 0.0]


def test_orthogonalised_evens_out_the_singular_values() -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalised(torch.randn(3, 40, 24)))
    assert values.min() > 0.5
    assert values.max() < 1.5


def validated_as(monkeypatch: pytest.MonkeyPatch, replies: list[float]) -> None:
    """One after the other, in the order of the validations."""
    found = iter(replies)
    monkeypatch.setattr(
        train, "validation", lambda *_, **__: {"plain": 1.0, "service": next(found)}
    )


def test_the_best_weights_of_the_cool_down_are_kept(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated_as(monkeypatch, [0.1, 0.2, 5.0, 3.0, 4.0, 4.5])
    ended = train.train(run, TINY, train.Length(BATCH * 6), 1, "cpu", EAGER)
    assert (ended["step"], ended["stopped"]) == (6, False)
    assert ended["best"] == {"step": 4, "validation": {"plain": 1.0, "service": 3.0}}
    kept, last = (torch.load(run / name)["model"] for name in ("best.pt", "checkpoint.pt"))
    assert not torch.equal(kept["embedding.weight"], last["embedding.weight"])
    phases = [line["phase"] for line in logged(run)[:6]]
    assert phases == ["reading, warming up"] * 2 + ["tuning, warming up"] * 4
    told = [train.phase_at(train.WARMUP_STEPS, progress) for progress in (0.29, 0.31)]
    assert told == ["reading, full rate", "tuning, cooling down"]


def test_a_report_is_of_several_steps(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "REPORT_EVERY", 4)
    validated_as(monkeypatch, [3.0, 2.0])
    train.train(run, TINY, train.Length(BATCH * 11), 1, "cpu", EAGER)
    lines = logged(run)[:-1]
    assert [line["step"] for line in lines] == [4, 8, 11]
    assert [line["step"] for line in lines if "validation" in line] == [8, 11]


def test_it_stops_where_replies_get_no_better(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0)
    manner = train.Manner(compiled=False, patience=2)
    arguments = (TINY, train.Length(BATCH * 20), 1, "cpu", manner)
    validated_as(monkeypatch, [*[9.0] * 6, 3.0, 2.0, 2.5, 2.0])
    ended = train.train(run, *arguments)
    assert (ended["step"], ended["stopped"]) == (10, True)
    assert ended["best"]["step"] == 8
    assert train.train(run, *arguments) == ended

    (run / "checkpoint.pt").unlink()
    validated_as(monkeypatch, [9.0] * 9)
    manner = train.Manner(compiled=False, patience=0)
    ended = train.train(run, TINY, train.Length(BATCH * 9), 1, "cpu", manner)
    assert (ended["step"], ended["best"]["step"], ended["stopped"]) == (9, 4, False)


def test_ctrl_c_is_heard_behind_a_step(run: Path) -> None:
    def press(line: train.Line) -> None:
        if line["step"] == 3:
            os.kill(os.getpid(), signal.SIGINT)

    arguments = (TINY, train.Length(BATCH * 5), 1, "cpu", EAGER)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train.train(run, *arguments, tell=press)
    assert torch.load(run / "checkpoint.pt")["step"] == 3
    assert signal.getsignal(signal.SIGINT) is before
    assert train.train(run, *arguments)["step"] == 5


def test_either_optimizer_learns(run: Path) -> None:
    steps = {}
    for kind in ("muon", "adamw"):
        (run / "checkpoint.pt").unlink(missing_ok=True)
        told: list[train.Line] = []
        manner = train.Manner(kind, compiled=False)
        train.train(run, TINY, train.Length(BATCH * 12), 1, "cpu", manner, told.append)
        steps[kind] = [line["loss"] for line in told if "loss" in line]
        assert steps[kind][-1] < steps[kind][0] - 0.3
    assert steps["muon"] != steps["adamw"]
