"""Runs over rows of one's own: what they learn, when they stop, how they go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bot.errors import UsageError
from bot.lessons.verdict import Curve, fit_of
from models.training.own import VALIDATED, OwnRun, Recipe, RowParts, Tuned, rate_at, spread
from tests.training.open_models import write_open_model

RECIPE = Recipe(rank=8, dropout=0.0, rate=2e-2, batch=4, epochs=8, patience=0, validations=8)


def rows(count: int, seed: int, said: int) -> list[tuple[list[int], int]]:
    """Whatever is asked, the reply is one token, again and again."""
    dice = np.random.default_rng(seed)
    return [([*dice.integers(0, 256, 8).tolist(), *[said] * 6], 8) for _ in range(count)]


PARTS = RowParts(rows(8, 1, said=7), rows(6, 2, said=9), rows(5, 3, said=9))
"""What is learnt is not what is right elsewhere."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_open_model(tmp_path_factory.mktemp("base") / "base.gguf", "qwen3")


def never() -> bool:
    return False


def after(steps: int) -> Callable[[], bool]:
    """Interrupts at the end of so many."""
    left: Iterator[bool] = iter([False] * (steps - 1) + [True])
    return lambda: next(left)


def tuned(folder: Path, base: Path, recipe: Recipe, parts: RowParts = PARTS) -> Tuned:
    folder.mkdir(exist_ok=True)
    found = OwnRun(folder, base, parts, recipe, "cpu", "mark").run(never, lambda _: None)
    assert found is not None
    return found


def curve(found: Tuned) -> Curve:
    points = found.points
    return Curve(
        tuple(p.step for p in points),
        tuple(p.train for p in points),
        tuple(p.validation for p in points),
    )


@pytest.fixture(scope="module")
def by_heart(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Tuned:
    return tuned(tmp_path_factory.mktemp("by_heart"), base, RECIPE)


def test_what_is_learnt_by_heart_is_told_to_be(by_heart: Tuned) -> None:
    assert by_heart.points[-1].train < 0.3 * by_heart.points[0].train
    assert by_heart.points[-1].validation > 1.2 * by_heart.best.validation
    overfits, told = fit_of(curve(by_heart))
    assert overfits
    assert "the validation loss rose" in told


def test_the_best_weights_are_kept(by_heart: Tuned, tmp_path: Path, base: Path) -> None:
    assert by_heart.best.validation == min(point.validation for point in by_heart.points)
    assert by_heart.best.step < by_heart.steps
    assert len(by_heart.before) == len(by_heart.after) == len(PARTS.kept_out)
    useless = replace(RECIPE, epochs=1, rate=1e-9)
    assert tuned(tmp_path, base, useless).after == pytest.approx(by_heart.before, abs=1e-3)


@pytest.mark.parametrize("all_weights", [False, True])
def test_what_has_a_pattern_is_learnt(tmp_path: Path, base: Path, all_weights: bool) -> None:
    """Replies that repeat the last token of their prompt."""
    dice = np.random.default_rng(5)
    some = [
        ([*dice.integers(0, 256, 5).tolist(), *[token] * 4], 6)
        for token in dice.integers(0, 40, 120).tolist()
    ]
    parts = RowParts(some[:90], some[90:105], some[105:])
    rate = 3e-3 if all_weights else 2e-2
    recipe = replace(RECIPE, all_weights=all_weights, epochs=6, rate=rate, batch=8)
    found = tuned(tmp_path, base, recipe, parts)
    assert np.mean(found.after) < 0.7 * np.mean(found.before)


def test_it_stops_early_where_nothing_gets_better(tmp_path: Path, base: Path) -> None:
    found = tuned(tmp_path, base, replace(RECIPE, patience=2))
    assert found.stopped_early
    assert found.steps < 16
    assert found.points[-1].step - found.best.step <= 3 * 2


def test_a_run_that_was_cut_off_goes_on_as_if_it_was_not(tmp_path: Path, base: Path) -> None:
    recipe = replace(RECIPE, dropout=0.1)
    whole = tuned(tmp_path / "whole", base, recipe)
    folder = tmp_path / "cut"
    folder.mkdir()
    begun = OwnRun(folder, base, PARTS, recipe, "cpu", "mark")
    assert begun.run(after(5), lambda _: None) is None
    assert (folder / "checkpoint.pt").exists()
    resumed = tuned(folder, base, recipe)
    assert [p.step for p in resumed.points] == [p.step for p in whole.points]
    for one, other in zip(resumed.points, whole.points, strict=True):
        assert one.validation == pytest.approx(other.validation, abs=1e-4)
    assert resumed.after == pytest.approx(whole.after, abs=1e-4)
    assert resumed.before == whole.before
    lines = (folder / "curves.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [p.step for p in whole.points]


@pytest.mark.parametrize(("recipe", "mark"), [({"rank": 4}, "mark"), ({}, "other")])
def test_another_run_does_not_go_on_from_it(
    tmp_path: Path, base: Path, recipe: dict[str, int], mark: str
) -> None:
    OwnRun(tmp_path, base, PARTS, RECIPE, "cpu", "mark").save()
    with pytest.raises(UsageError, match="is of a run over other conversations"):
        OwnRun(tmp_path, base, PARTS, replace(RECIPE, **recipe), "cpu", mark)


def test_a_run_that_is_through_comes_to_its_end_again(tmp_path: Path, base: Path) -> None:
    recipe = replace(RECIPE, epochs=2)
    whole = tuned(tmp_path, base, recipe)
    assert (tmp_path / "checkpoint.pt").exists()
    again = OwnRun(tmp_path, base, PARTS, recipe, "cpu", "mark")
    again._learn = lambda: pytest.fail("it learns again")  # type: ignore[method-assign]
    found = again.run(never, lambda _: None)
    assert found is not None
    assert found.points == whole.points
    assert found.after == pytest.approx(whole.after, abs=1e-5)


def test_an_interrupt_at_the_opening_is_heard(tmp_path: Path, base: Path) -> None:
    run = OwnRun(tmp_path, base, PARTS, RECIPE, "cpu", "mark")
    assert run.run(lambda: True, lambda _: None) is None
    assert run.state.step == 0
    assert OwnRun(tmp_path, base, PARTS, RECIPE, "cpu", "mark").state.before == run.state.before


@pytest.mark.parametrize("harm", ["cut", "empty", "old", "no checkpoint"])
def test_a_checkpoint_that_cannot_be_read_is_named(tmp_path: Path, base: Path, harm: str) -> None:
    OwnRun(tmp_path, base, PARTS, RECIPE, "cpu", "mark").save()
    file = tmp_path / "checkpoint.pt"
    if harm == "old":
        saved = torch.load(file)
        saved["state"]["gone"] = 1
        torch.save(saved, file)
    else:
        held = file.read_bytes()
        broken = {"cut": held[: len(held) // 2], "empty": b"", "no checkpoint": b"gone away"}
        file.write_bytes(broken[harm])
    with pytest.raises(UsageError, match=r"checkpoint.pt cannot be read: .* give --fresh"):
        OwnRun(tmp_path, base, PARTS, RECIPE, "cpu", "mark")


@pytest.mark.parametrize("batch", [2, 5, 8])
def test_every_row_is_learnt_in_each_epoch(tmp_path: Path, base: Path, batch: int) -> None:
    parts = replace(PARTS, train=PARTS.train[:5])
    run = OwnRun(tmp_path, base, parts, replace(RECIPE, batch=batch, epochs=4), "cpu", "mark")
    drawn: list[int] = []
    for step in range(run.steps):
        run.state.step = step
        drawn += run._drawn()
    assert len(drawn) == 4 * 5
    for epoch in range(4):
        assert sorted(drawn[5 * epoch : 5 * epoch + 5]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [1, VALIDATED, VALIDATED + 50, 9 * VALIDATED])
def test_rows_are_looked_at_from_front_to_back(count: int) -> None:
    some = [([number], 0) for number in range(count)]
    seen = [tokens[0] for tokens, _ in spread(some)]
    assert len(set(seen)) == len(seen) == min(count, VALIDATED)
    late = sum(number >= count / 2 for number in seen)
    assert abs(late - len(seen) / 2) <= 1


def test_both_losses_are_of_rows_of_all_kinds(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.training.own.VALIDATED", 4)
    both = [*rows(6, 1, said=7), *rows(6, 2, said=9)]
    run = OwnRun(tmp_path, base, RowParts(both, both, both), RECIPE, "cpu", "mark")
    run._validate(lambda _: None)
    (point,) = run.state.points
    assert point.train == point.validation == run._mean([both[n] for n in (0, 3, 6, 9)])


def test_a_run_of_seconds_ends(tmp_path: Path, base: Path) -> None:
    found = tuned(tmp_path, base, replace(RECIPE, epochs=1e6, seconds=0.5))
    assert 1 < found.steps < 5_000
    assert found.points[-1].step == found.steps


def test_lora_alone_is_learnt(tmp_path: Path, base: Path) -> None:
    run = OwnRun(tmp_path, base, PARTS, RECIPE, "cpu", "mark")
    assert {name.split(".")[-2] for name in run._learnt} == {"lora"}
    before = {name: weight.clone() for name, weight in run.model.tensors()}
    run.run(never, lambda _: None)
    assert all(torch.equal(before[name], weight) for name, weight in run.model.tensors())


def test_rows_of_any_length_weigh_by_their_targets(tmp_path: Path, base: Path) -> None:
    run = OwnRun(tmp_path, base, PARTS, RECIPE, "cpu", "mark")
    some = [([1, 2, 3, 4], 2), ([5, 6, 7, 8, 9, 10, 11, 12], 3)]
    alone = [run.losses([one])[0] for one in some]
    assert run.losses(some) == pytest.approx(alone, abs=1e-5)
    assert run._mean(some) == pytest.approx((2 * alone[0] + 5 * alone[1]) / 7, abs=1e-5)


def test_the_rate_warms_up_and_cools_down() -> None:
    assert rate_at(0.0) < 0.1
    assert rate_at(0.3) == 1.0
    assert rate_at(0.99) == pytest.approx(0.1, abs=0.02)
