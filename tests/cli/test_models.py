from pathlib import Path

import pytest

from tests.cli.conftest import Kefu
from tests.engine.tiny import write_encoder, write_language_model


def test_list_names_what_comes_along(kefu: Kefu) -> None:
    entries = {one["name"]: one for one in kefu("models", "list", "--json").json}
    assert set(entries) >= {"kefu-small", "kefu-encoder", "kefu-sentiment"}
    assert entries["kefu-small"]["in_use"]
    assert not entries["kefu-small"]["reads"]
    assert sum(one["bytes"] for one in entries.values()) <= 80_000_000
    assert "kefu-small" in kefu("models", "list").out


def test_show_says_what_the_file_says(kefu: Kefu) -> None:
    shown = kefu("models", "show", "kefu-small", "--json").json
    assert shown["licence"] == "Apache-2.0"
    assert shown["metadata"]["general.architecture"] == "qwen3"
    assert shown["metadata"]["kefu.reads"] == "false"


def test_an_unknown_model(kefu: Kefu, tmp_path: Path) -> None:
    ran = kefu("models", "show", "gpt-17")
    assert ran.status == 1
    assert "gpt-17" in ran.err


def test_a_fetched_file_says_what_it_is(kefu: Kefu, home: Path) -> None:
    folder = home / "models"
    folder.mkdir(parents=True)
    write_language_model(folder / "reader.gguf")
    write_language_model(
        folder / "words.gguf", metadata={"kefu.reads": False, "kefu.wording": "{}"}
    )
    write_encoder(folder / "vectors.gguf")
    (folder / "broken.gguf").write_bytes(b"GGUF nothing")
    found = {one["name"]: one for one in kefu("models", "list", "--json").json}
    kinds = {name: (found[name]["kind"], found[name]["reads"]) for name in found}
    assert kinds["reader"] == ("language", True)
    assert kinds["words"] == ("language", False)
    assert kinds["vectors"] == ("encoder", False)
    assert kinds["broken"] == ("language", False)
    assert "not a model" in found["broken"]["description"]


def test_bench_measures_a_model(kefu: Kefu, tmp_path: Path) -> None:
    file = write_language_model(tmp_path / "tiny.gguf")
    arguments = ("models", "bench", str(file), "--conversations", "2", "--turns", "2")
    found = kefu(*arguments, "--json").json
    assert found["model"] == "tiny"
    assert found["tokens_per_second"] > 0
    assert set(found["first_token_ms"]) == {"p50", "p95"}
    assert 0 < found["of_raw_decode"] < 2
    assert "(2 conversations of 2 turns)" in kefu(*arguments).out
    told = kefu("models", "bench", str(file), "--conversations", "1", "--turns", "1").out
    assert "(1 conversation of 1 turn)" in told


def test_bench_says_what_does_not_fit(kefu: Kefu, tmp_path: Path) -> None:
    file = write_language_model(tmp_path / "tiny.gguf")
    ran = kefu("models", "bench", str(file), "--turns", "99")
    assert ran.status == 2
    assert "99 turns need about" in ran.err


@pytest.mark.parametrize("name", ["kefu-encoder", "kefu-sentiment"])
def test_bench_refuses_what_writes_nothing(kefu: Kefu, name: str) -> None:
    ran = kefu("models", "bench", name)
    assert ran.status == 1
    assert f"{name} is the" in ran.err
    assert "such as kefu-small" in ran.err


def test_bench_does_not_measure_a_server(kefu: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_ENGINE__URL", "http://127.0.0.1:9/v1")
    ran = kefu("models", "bench")
    assert ran.status == 2
    assert "http://127.0.0.1:9/v1" in ran.err


def test_list_marks_what_answers_wherever_it_lies(
    kefu: Kefu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answering() -> list[str]:
        entries = kefu("models", "list", "--json").json
        return [one["name"] for one in entries if one["kind"] == "language" and one["in_use"]]

    assert answering() == ["kefu-small"]
    monkeypatch.setenv("KEFU_ENGINE__MODEL", str(write_language_model(tmp_path / "mine.gguf")))
    assert answering() == ["mine"]
    monkeypatch.setenv("KEFU_ENGINE__MODEL", str(tmp_path / "gone.gguf"))
    assert answering() == [str(tmp_path / "gone.gguf")]
    assert "engine.model: there is no language model" in kefu("models", "list").out
    monkeypatch.setenv("KEFU_ENGINE__URL", "http://127.0.0.1:9/v1")
    assert answering() == ["http://127.0.0.1:9/v1"]


def test_show_marks_what_it_cuts_off(kefu: Kefu) -> None:
    lines = kefu("models", "show", "kefu-small").out.splitlines()
    assert "size                     11.0 MB" in lines
    assert "Its file says:" in lines
    assert any(line.startswith("kefu.wording") and line.endswith("…") for line in lines)
    assert max(map(len, lines)) <= 161
