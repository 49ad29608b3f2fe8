from pathlib import Path

from tests.cli.conftest import Kefu


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
