"""`kefu models recommend`, `pull` and `use`, and what `list` and `show` tell of larger models."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import app
from bot.errors import TrialFailed
from models.offers import offers
from tests.cli.conftest import Kefu
from tests.engine.families import FAMILIES, write_model
from tests.engine.tiny import write_encoder
from tests.models.hub_server import Hub

NAME, FILE = "qwen3-0.6b", "Qwen3-0.6B-Q8_0.gguf"
ON_HUB = f"Qwen/Qwen3-0.6B-GGUF/{FILE}"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = write_model(tmp_path_factory.mktemp("model") / "model.gguf", FAMILIES["qwen3"])
    return file.read_bytes()


@pytest.fixture
def hub(content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub({ON_HUB: content}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def settings_file(home: Path) -> Path:
    home.mkdir()
    file = home / "kefu.toml"
    file.write_text('business = "Weir"  # ours\n', encoding="utf-8")
    return file


def test_recommend_reads_the_machine_and_says_why(kefu: Kefu) -> None:
    found = kefu("models", "recommend", "--json").json
    assert found["machine"]["memory"] >= found["machine"]["available"] > 0
    assert found["machine"]["cores"] >= 1
    assert {one["name"] for one in found["models"]} == {one.name for one in offers()}
    first = found["models"][0]
    assert found["recommended"] in {first["name"], None}
    assert found["why"]
    assert set(first) >= {"quantisation", "verdict", "needed_bytes", "seconds", "why", "licence"}
    told = kefu("models", "recommend").out
    assert "this machine: " in told
    assert "reckoned, not measured" in told
    if found["recommended"]:
        assert f"kefu models pull {found['recommended']} && kefu models use" in told


def test_recommend_where_nothing_fits(kefu: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.engine import system

    monkeypatch.setattr(system, "memory", lambda: 1 << 29)
    found = kefu("models", "recommend", "--json").json
    assert found["recommended"] is None
    assert "kefu-small" in found["why"]
    assert "too large for this machine:" in kefu("models", "recommend").out


def test_recommend_for_a_language(kefu: Kefu) -> None:
    names = {
        one["name"]
        for one in kefu("models", "recommend", "--language", "zh", "--json").json["models"]
    }
    assert "qwen3-8b" in names
    assert "llama-3.2-3b" not in names
    ran = kefu("models", "recommend", "--language", "Chinese")
    assert ran.status == 2
    assert "'Chinese'" in ran.err


def test_a_model_is_fetched_listed_and_used(
    kefu: Kefu, hub: Hub, home: Path, settings_file: Path
) -> None:
    ran = kefu("models", "pull", NAME)
    assert ran.status == 0
    assert f"{home / 'models' / FILE} is here" in ran.out
    assert f"kefu models use {NAME}" in ran.out
    assert hub.url in ran.err
    entries = {one["name"]: one for one in kefu("models", "list", "--json").json}
    assert NAME not in entries  # its file is there in its place
    assert entries["Qwen3-0.6B-Q8_0"]["catalogue"] == NAME
    assert entries["Qwen3-0.6B-Q8_0"]["licence"] == "Apache-2.0"
    assert not entries["Qwen3-0.6B-Q8_0"]["in_use"]
    found = kefu("models", "use", NAME, "--json").json
    assert (found["model"], found["before"]) == (FILE, "kefu-small")
    assert [one["reply"] for one in found["exchanges"]] == ["Sixty days."] * 2
    written = settings_file.read_text(encoding="utf-8")
    assert written == f'business = "Weir"  # ours\n\n[engine]\nmodel = "{FILE}"\n'
    in_use = [one["name"] for one in kefu("models", "list", "--json").json if one["in_use"]]
    assert "Qwen3-0.6B-Q8_0" in in_use
    assert "kefu-small" not in in_use


def test_pull_tells_programs(kefu: Kefu, hub: Hub, home: Path, content: bytes) -> None:
    found = kefu("models", "pull", NAME, "--quantisation", "q8_0", "--json").json
    assert found["path"] == str(home / "models" / FILE)
    assert (found["bytes"], found["sha256"]) == (len(content), hub.sha256(ON_HUB))
    assert (found["licence"], found["resumed_bytes"], found["was_here"]) == ("Apache-2.0", 0, False)
    assert kefu("models", "pull", NAME, "--json").json["was_here"]
    assert "was here already" in kefu("models", "pull", NAME).out


def test_pull_takes_any_file_of_the_hub(kefu: Kefu, hub: Hub, home: Path) -> None:
    hub.files["acme/own-GGUF/own.gguf"] = b"GGUF own"
    found = kefu("models", "pull", "acme/own-GGUF/own.gguf", "--json").json
    assert found["name"] == "own.gguf"
    assert (home / "models" / "own.gguf").read_bytes() == b"GGUF own"


def test_pull_fetches_all_parts(kefu: Kefu, hub: Hub, home: Path) -> None:
    for number in (1, 2):
        hub.files[f"acme/big/big-0000{number}-of-00002.gguf"] = b"GGUF" * number
    found = kefu("models", "pull", "acme/big/big-00001-of-00002.gguf", "--json").json
    assert found["bytes"] == 12
    assert found["name"] == "big-00001-of-00002.gguf"
    assert (home / "models" / "big-00002-of-00002.gguf").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gpt-17",), "no model 'gpt-17' to fetch"),
        (("kefu-small",), "kefu-small comes along"),
        ((NAME, "-q", "Q1"), "no quantisation 'Q1'; it has Q8_0"),
        (("acme/own/../../etc.gguf",), "no model 'acme/own/../../etc.gguf'"),
        (("acme/own-GGUF/own.bin",), "no GGUF file of the hub"),
        (("acme/own-GGUF/own.gguf",), "no repository acme/own-GGUF"),
    ],
)
def test_what_pull_cannot_fetch(
    kefu: Kefu, hub: Hub, arguments: tuple[str, ...], said: str
) -> None:
    ran = kefu("models", "pull", *arguments)
    assert ran.status == 1
    assert said in ran.err
    assert ran.out == ""


def test_pull_without_the_package_says_what_to_install(
    kefu: Kefu, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *given: Any, **named: Any) -> Any:
        if name.startswith("huggingface_hub"):
            raise ImportError(name=name)
        return real(name, *given, **named)

    monkeypatch.delitem(sys.modules, "models.hub", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    ran = kefu("models", "pull", NAME)
    assert ran.status == 1
    assert "pip install -e '.[hub]'" in ran.err
    assert "huggingface_hub" in ran.err


def test_a_stopped_pull_says_that_it_goes_on(
    kefu: Kefu, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models import hub as module

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "http_get", stopped)
    ran = kefu("models", "pull", NAME)
    assert ran.status == 130
    assert "stopped; run the same command again" in ran.err


def test_pull_warns_of_what_is_too_large(
    kefu: Kefu, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.engine import system

    monkeypatch.setattr(system, "memory", lambda: 1 << 29)
    ran = kefu("models", "pull", NAME)
    assert ran.status == 0
    assert "qwen3-0.6b needs" in ran.err


def test_a_path_is_used_and_stands_whole_in_the_settings(
    kefu: Kefu, tmp_path: Path, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "mine.gguf", FAMILIES["gemma3"])
    ran = kefu("models", "use", "mine.gguf")
    assert ran.status == 0
    assert "Sixty days." in ran.out
    assert f'model = "{tmp_path / "mine.gguf"}"' in settings_file.read_text(encoding="utf-8")


def test_a_model_that_fails_leaves_the_old_one(
    kefu: Kefu, tmp_path: Path, settings_file: Path
) -> None:
    before = settings_file.read_text(encoding="utf-8")
    endless = write_model(tmp_path / "endless.gguf", FAMILIES["llama3"], ends=False)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF nothing")
    encoder = write_encoder(tmp_path / "encoder.gguf")
    for file, said in (
        (endless, "did not end its reply"),
        (broken, "not a model that llama.cpp"),
        (encoder, "encoder.gguf"),
        (tmp_path / "gone.gguf", "gone.gguf"),
    ):
        ran = kefu("models", "use", str(file))
        assert ran.status == 1
        assert said in ran.err
        assert "kefu-small stays (engine.model)" in ran.err
        assert settings_file.read_text(encoding="utf-8") == before


def test_a_larger_model_that_is_not_here_is_not_used(kefu: Kefu) -> None:
    ran = kefu("models", "use", "qwen3-8b")
    assert ran.status == 1
    assert "kefu models pull qwen3-8b" in ran.err
    assert kefu("models", "use", "kefu-encoder").status == 1


def test_a_variable_that_wins_is_named(
    kefu: Kefu, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEFU_ENGINE__MODEL", "kefu-small")
    ran = kefu("models", "use", "kefu-small")
    assert ran.status == 1
    assert "KEFU_ENGINE__MODEL = kefu-small is set" in ran.err
    assert not (home / "kefu.toml").exists()


def test_a_server_that_answers_is_named(
    kefu: Kefu, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tried(*_: object) -> app.Trial:
        return app.Trial((), ())

    monkeypatch.setattr(app, "try_model", tried)
    settings_file.write_text('[engine]\nurl = "http://127.0.0.1:9/v1"\n', encoding="utf-8")
    ran = kefu("models", "use", "kefu-small")
    assert ran.status == 0
    assert "the server http://127.0.0.1:9/v1 answers" in ran.err


def test_a_failed_trial_is_one_line(kefu: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tried(*_: object) -> app.Trial:
        raise TrialFailed("it said nothing; choose another")

    monkeypatch.setattr(app, "try_model", tried)
    ran = kefu("models", "use", "kefu-small")
    assert ran.err.splitlines()[-1] == (
        "kefu: it said nothing; choose another. kefu-small stays (engine.model)"
    )


def test_list_and_show_tell_what_can_be_fetched(kefu: Kefu) -> None:
    entries = {one["name"]: one for one in kefu("models", "list", "--json").json}
    assert set(entries) >= {one.name for one in offers()}
    large = entries["qwen3-32b"]
    assert (large["installed"], large["in_use"], large["bytes"]) == (False, False, 0)
    assert large["download_bytes"] > 19e9
    assert entries["kefu-small"]["installed"]
    told = kefu("models", "list").out
    assert "- qwen3-32b" in told
    assert "* kefu-small" in told
    shown = kefu("models", "show", "gemma-3-12b", "--json").json
    assert shown["template"]["system"] == "first message"
    assert shown["terms"].startswith("https://")
    assert shown["quantisations"][0]["approximate"]
    assert "metadata" not in shown
    text = kefu("models", "show", "gemma-3-12b").out
    assert "quantisation Q4_K_M" in text
    assert "about 7.3 GB" in text
    assert "Turns must alternate" in text
    assert "installed                no" in text
    assert "context                  131,072 tokens" in text
    assert not any(line.startswith("path") for line in text.splitlines())


def test_show_of_a_fetched_file_tells_both(kefu: Kefu, home: Path) -> None:
    folder = home / "models"
    folder.mkdir(parents=True)
    write_model(folder / FILE, FAMILIES["qwen3"])
    for name in (NAME, FILE):
        shown = kefu("models", "show", name, "--json").json
        assert shown["path"] == str(folder / FILE)
        assert shown["licence"] == "Apache-2.0"
        assert shown["installed"]
        assert shown["metadata"]["general.architecture"] == "qwen3"
        assert shown["template"]["thinking"] == "off"


def test_a_customer_reads_no_thoughts(
    kefu: Kefu, sample_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = ("Shoes", " can", " be", " returned", " within", " 60", " days", " of", " delivery")
    script = ("<think>", " hm", "</think>", "\n\n", *sentence, ".")
    file = write_model(tmp_path / "thinks.gguf", FAMILIES["smollm3"], script)
    monkeypatch.setenv("KEFU_ENGINE__MODEL", str(file))
    said = kefu("ask", "How long do I have to return shoes?", "--json").json
    assert said["reply"] == "Shoes can be returned within 60 days of delivery."
    assert said["status"] == "answered"
    assert said["citations"][0]["source"] == "returns.md"
