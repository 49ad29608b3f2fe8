from pathlib import Path

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
