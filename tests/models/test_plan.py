"""What a run needs, and what its folder remembers. Its steps: tests/training/test_recipe.py."""

from __future__ import annotations

import json
import lzma
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import UsageError
from models.training.plan import Plan, Record, check_room, machine, unreadable, versions


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(tmp_path / "data", tmp_path / "run")


def test_a_larger_run_needs_more_room(plan: Plan) -> None:
    least = plan.needed_bytes(1_000_000)
    assert least > 38 * plan.parameters
    for other in (
        replace(plan, depth=12),
        replace(plan, passes=3),
        replace(plan, conversations=100_000),
    ):
        assert other.needed_bytes(1_000_000) > least
    assert plan.needed_bytes(2_000_000) > least


def test_a_disk_that_is_too_small(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9, 9, 1_000_000))
    with pytest.raises(UsageError, match=r"needs about 2\.0 MB in .*run, and 1\.0 MB are free"):
        check_room(plan.out, 2_000_000)
    assert check_room(plan.out, 900_000) == (900_000, 1_000_000)
    plan.out.mkdir()
    (plan.out / "plain.tokens.npy").write_bytes(bytes(1_500_000))
    assert check_room(plan.out, 2_000_000) == (500_000, 1_000_000)


def test_a_record_keeps_what_it_is_told(plan: Plan) -> None:
    record = Record(plan)
    assert not record.begun
    assert not plan.out.exists()
    record.put("pack", tokens={"plain": 3})
    record.put("pack", done=True)
    again = Record(plan)
    assert again.begun
    assert again.done("pack")
    assert not again.done("train")
    assert again.step("pack") == {"tokens": {"plain": 3}, "done": True}
    assert [file.name for file in plan.out.iterdir()] == ["run.json"]


def test_the_sets_may_not_change_while_they_are_packed(plan: Plan) -> None:
    (plan.data / "text").mkdir(parents=True)
    (plan.data / "text" / "one.jsonl.xz").write_bytes(b"12345")
    record = Record(plan)
    record.save()
    assert Record(plan).data["sets"] == {"text/one.jsonl.xz": 5}
    (plan.data / "text" / "two.jsonl.xz").touch()
    with pytest.raises(UsageError, match="are others than when"):
        Record(plan)
    record.put("pack", done=True)
    assert Record(plan).done("pack")


def test_arguments_are_compared_by_what_they_mean(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    Record(plan).put("pack", done=True)
    monkeypatch.chdir(plan.data.parent)
    assert Record(replace(plan, data=Path("data"))).done("pack")
    assert Record(replace(plan, processes=17)).done("pack")
    with pytest.raises(UsageError, match="with no --minutes, not --minutes 2"):
        Record(replace(plan, seconds=120.0))
    Record(plan).put("export", done=True)
    assert not Record(replace(plan, name="mine")).done("export")
    assert Record(replace(plan, name="mine")).done("pack")


def test_the_first_bad_place_is_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl.xz", tmp_path / "bad.jsonl.xz"
    lines = [json.dumps({"text": str(n)}) + "\n" for n in range(5)]
    good.write_bytes(lzma.compress("".join(lines).encode()))
    bad.write_bytes(lzma.compress("".join([*lines[:3], "7\n", *lines]).encode()))
    assert unreadable([good]) == ""
    assert unreadable([good, bad]) == f"{bad}, line 4 is no record: 7"
    assert unreadable([good, bad], records=3) == ""


def test_the_machine_says_what_it_is() -> None:
    assert set(machine()) == {"system", "processor", "cores", "python"}
    assert {"kefu", "numpy"} <= set(versions())
