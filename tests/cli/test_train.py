"""What `kefu models train` refuses before it begins; the run itself: tests/training."""

from __future__ import annotations

import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from models.training.plan import TASKS
from tests.cli.conftest import Kefu, Ran

TRAIN = ("models", "train")
Refused = Callable[..., Ran]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    for task in TASKS:
        (data / task).mkdir(parents=True)
    with lzma.open(data / "text" / "made.jsonl.xz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps({"text": "We open at nine."}) + "\n")
    return data


@pytest.fixture
def refused(kefu: Kefu, data: Path, tmp_path: Path) -> Refused:
    def train(*arguments: str) -> Ran:
        ran = kefu(*TRAIN, "--data", str(data), "--out", str(tmp_path / "run"), *arguments)
        assert ran.status in (1, 2)
        assert ran.err.count("\n") == 1
        assert not (tmp_path / "run").exists()
        return ran

    return train


def test_without_torch_it_says_what_to_install(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    ran = refused()
    assert ran.status == 1
    assert "pip install 'kefu[train]'" in ran.err


def test_a_folder_that_is_none(kefu: Kefu, tmp_path: Path) -> None:
    ran = kefu(*TRAIN, "--data", str(tmp_path / "none"), "--out", str(tmp_path / "run"))
    assert ran.status == 2
    assert f"{tmp_path / 'none'}: there is no such folder" in ran.err


def test_a_folder_without_a_task(refused: Refused, data: Path) -> None:
    (data / "faq").rmdir()
    assert "no folder faq in it" in refused().err


def test_a_folder_without_any_set(refused: Refused, data: Path) -> None:
    (data / "text" / "made.jsonl.xz").unlink()
    assert "no set (*.jsonl.xz) in text, faq" in refused().err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no xz at all", "made.jsonl.xz cannot be read behind line 0"),
        (lzma.compress(b'["a list"]\n'), "line 1 is no record"),
        (lzma.compress(b'{"text": "broken\n'), "cannot be read behind line 1"),
    ],
)
def test_a_set_that_cannot_be_read(refused: Refused, data: Path, content: bytes, told: str) -> None:
    (data / "text" / "made.jsonl.xz").write_bytes(content)
    ran = refused()
    assert told in ran.err
    assert ran.status == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--tokens", "1e6", "--minutes", "3"), "give one of them"),
        (("--tokens", "0"), "--tokens"),
        (("--depth", "0"), "--depth"),
        (("--name", "../model"), "'../model' cannot be a file's name"),
        (("--optimizer", "sgd"), "sgd"),
        (("--device", "abacus"), "abacus"),
        (("--quantisation", "q2_k"), "q2_k"),
    ],
)
def test_options_that_make_no_sense(
    refused: Refused, arguments: tuple[str, ...], told: str
) -> None:
    ran = refused(*arguments)
    assert ran.status == 2
    assert told in ran.err
