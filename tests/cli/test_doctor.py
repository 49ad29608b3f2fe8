import re
from pathlib import Path

import pytest

from models.catalogue import weights_folder
from tests.cli.conftest import Kefu


def test_it_says_what_works(kefu: Kefu, sample_home: Path) -> None:
    ran = kefu("doctor", "--json")
    assert ran.status == 0
    assert ran.json["system"]["backend"] in {"cpu", "cuda", "metal", "vulkan"}
    assert all(check["ok"] for check in ran.json["checks"])
    assert {check["name"] for check in ran.json["checks"]} >= {"database", "sentiment"}
    assert "backend" in kefu("doctor").out


def test_a_broken_database_is_found(kefu: Kefu, home: Path) -> None:
    home.mkdir()
    (home / "kefu.db").write_bytes(b"no database" * 100)
    ran = kefu("doctor")
    assert ran.status == 1
    assert "BROKEN" in ran.out


def test_a_home_that_cannot_be_is_reported_with_the_rest(kefu: Kefu, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = kefu("doctor", "--home", str(tmp_path / "file" / "home"))
    assert ran.status == 1
    assert "backend" in ran.out
    assert "database           BROKEN" in ran.out


def test_broken_sentiment_weights_are_found(
    kefu: Kefu, sample_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights").mkdir()
    for one in weights_folder().iterdir():
        (tmp_path / "weights" / one.name).write_bytes(one.read_bytes()[: 10**7])
    (tmp_path / "weights" / "sentiment.npz").write_bytes(b"PK\x03\x04 no zip")
    monkeypatch.setattr("models.catalogue.weights_folder", lambda: tmp_path / "weights")
    ran = kefu("doctor", "--json")
    assert ran.status == 1
    broken = [check["name"] for check in ran.json["checks"] if not check["ok"]]
    assert "sentiment" in broken


def test_what_the_settings_name_is_looked_at(
    kefu: Kefu, sample_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEFU_ENGINE__MODEL", str(weights_folder() / "kefu-encoder-q8_0.gguf"))
    monkeypatch.setenv("KEFU_ENGINE__ADAPTERS", '{"gone.gguf": 1.0}')
    ran = kefu("doctor")
    assert ran.status == 1
    assert "is an encoder, not a language model; mend engine.model" in ran.out
    assert "adapter gone.gguf does not exist; mend engine.adapters" in ran.out
    monkeypatch.setenv("KEFU_ENGINE__URL", "http://127.0.0.1:9/v1")
    ran = kefu("doctor")
    assert ran.status == 1
    assert "the server http://127.0.0.1:9/v1 cannot be reached" in ran.out


def test_sizes_are_told_in_words(kefu: Kefu, sample_home: Path) -> None:
    out = kefu("doctor").out
    assert re.search(r"^device CPU +.+ \(cpu, [\d.]+ of [\d.]+ GB free\)$", out, re.MULTILINE)
    assert "None" not in out
