"""`kefu models tune` as far as it goes without torch, and `use --adapter`."""

from __future__ import annotations

import asyncio
import json
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from bot import tuning
from bot.app import open_store_of
from bot.cli.tuning import tell_verdict
from bot.conversation import Citation, Reply, ReplyStatus, Role
from bot.lessons.verdict import Curve, change, verdict
from bot.settings import Settings, load_settings
from tests.cli.conftest import Kefu
from tests.engine.families import FAMILIES, write_model
from tests.engine.tiny import write_adapter, write_language_model

QUOTE = "Shoes can be returned within 60 days of delivery."
SHOES = Citation("returns.md", "Returns", "How long you have", QUOTE)


@pytest.fixture
def helpful(sample_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which a customer was helped, and asks of few pages."""

    async def fill() -> None:
        async with open_store_of(Settings(home=sample_home)) as store:
            place = await store.log.start(channel="slack", customer="ann")
            await store.log.note(place.id, "How long for the shoes of order 88120045?")
            reply = Reply(QUOTE, ReplyStatus.ANSWERED, "en", citations=(SHOES,))
            said = await store.log.record(place.id, reply, role=Role.ASSISTANT)
            await store.feedback.give(said.id, "ann", helpful=True)

    asyncio.run(fill())
    monkeypatch.setattr(tuning, "PAGES", 12)
    return sample_home


def test_a_dry_run_shows_what_it_would_learn_from(kefu: Kefu, helpful: Path) -> None:
    found = kefu("models", "tune", "kefu-small", "--dry-run", "--json").json
    assert found["lessons"]["marked helpful by the customer"] == 1
    assert sum(found["parts"].values()) == sum(found["lessons"].values())
    assert found["masked"] == {"number": 1}
    assert len(found["samples"]) <= 3
    ran = kefu("models", "tune", "kefu-small", "--dry-run")
    assert ran.out.startswith("lessons for kefu-small")
    assert "masked: 1 number" in ran.out
    assert "88120045" not in ran.out
    assert not (helpful / "tuned").exists()


def test_too_few_replies_are_counted(
    kefu: Kefu, helpful: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cli.tuning._NEEDED", ())
    ran = kefu("models", "tune", "kefu-small")
    assert ran.status == 2
    assert "that can be learnt: 1, and 30 are wanted" in ran.err
    assert ran.err.count("\n") == 1


def test_without_the_packages_it_says_what_to_install(
    kefu: Kefu, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = util.find_spec

    def without(name: str, *given: Any) -> Any:
        return None if name == "torch" else real(name, *given)

    monkeypatch.setattr("bot.cli.tuning.find_spec", without)
    ran = kefu("models", "tune", "kefu-small")
    assert ran.status == 2
    assert "a package is missing (torch); install it by pip install 'kefu[train]'" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("kefu-tiny",), "there is no language model 'kefu-tiny'"),
        (("kefu-encoder",), "kefu-encoder is the encoder model"),
        (("kefu-small", "--since", "0201-01-01"), "is too far away"),
        (("kefu-small", "--name", "../out"), "'../out' is no folder's name"),
    ],
)
def test_what_cannot_be_tuned(kefu: Kefu, given: tuple[str, ...], said: str) -> None:
    ran = kefu("models", "tune", *given, "--dry-run")
    assert ran.status in (1, 2)
    assert said in ran.err


def test_an_architecture_that_is_not_known(kefu: Kefu, tmp_path: Path) -> None:
    mixture = write_model(tmp_path / "mixture.gguf", FAMILIES["qwen3-moe"])
    ran = kefu("models", "tune", str(mixture), "--dry-run")
    assert ran.status == 1
    assert "'qwen3moe', which cannot be tuned here; those that can are gemma3, granite" in ran.err


def test_all_weights_of_another_model(kefu: Kefu, tmp_path: Path) -> None:
    model = write_model(tmp_path / "other.gguf", FAMILIES["llama3"])
    ran = kefu("models", "tune", str(model), "--all-weights", "--dry-run")
    assert ran.status == 2
    assert "is none of kefu's own models" in ran.err


@pytest.mark.parametrize("setting", ["MODEL", "ADAPTERS"])
def test_what_answers_now_is_not_replaced(
    kefu: Kefu, home: Path, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / "tuned" / "kefu-small-lora"
    folder.mkdir(parents=True)
    for name in ("checkpoint.pt", "kefu-small-lora.gguf"):
        (folder / name).touch()
    file = str(folder / "kefu-small-lora.gguf")
    value = file if setting == "MODEL" else json.dumps({file: 1.0})
    monkeypatch.setenv(f"KEFU_ENGINE__{setting}", value)
    ran = kefu("models", "tune", "kefu-small", "--dry-run")
    assert ran.status == 2
    assert "is in use and would be replaced; give another --name" in ran.err


def test_what_was_not_measured_is_no_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "words-lora.gguf"
    file.write_bytes(b"GGUF")
    better = change([1.0] * 9, [0.5] * 9, [str(number) for number in range(9)])
    found = verdict(better, better, None, Curve((0,), (1.0,), (1.0,)))
    judged = tuning.Judged(tmp_path, file, "kefu models use", found, 1, 0, stopped_early=False)
    tell_verdict(judged, as_json=False)
    assert "  sentences that rest on the pages: not measured\n" in capsys.readouterr().out
    tell_verdict(judged, as_json=True)
    told = json.loads(capsys.readouterr().out)["verdict"]
    assert (told["faithfulness"], told["loss"]["groups"]) == (None, 9)


@pytest.fixture
def models(home: Path) -> Path:
    """The folder of fetched models: one that says its line, and what fits it and does not."""
    folder = Settings(home=home).paths.models
    write_model(folder / "mine.gguf", FAMILIES["llama3"])
    write_adapter(folder / "tone.gguf")  # as wide as the other, with as many heads
    write_language_model(folder / "wide.gguf")
    return folder


def test_an_adapter_is_used_listed_and_taken_off_again(
    kefu: Kefu, home: Path, models: Path
) -> None:
    found = kefu("models", "use", "mine.gguf", "--adapter", "tone.gguf", "--json").json
    assert (found["model"], found["adapters"]) == ("mine.gguf", ["tone.gguf"])
    engine = load_settings(home).engine
    assert (engine.model, engine.adapters) == ("mine.gguf", {Path("tone.gguf"): 1.0})
    entries = kefu("models", "list", "--json").json
    assert [one["name"] for one in entries if one["kind"] == "adapter"] == ["tone"]
    (one,) = [one for one in entries if one["adapters"]]
    assert (one["name"], one["adapters"]) == ("mine", ["tone.gguf"])
    assert one["description"].endswith("; with tone.gguf")
    checks = {check["name"]: check for check in kefu("doctor", "--json").json["checks"]}
    assert checks["adapter"]["ok"]
    assert checks["adapter"]["found"] == "tone.gguf (for llama models)"
    ran = kefu("models", "use", "mine")
    assert "(before: mine.gguf with tone.gguf)" in ran.out
    assert load_settings(home).engine.adapters == {}


def test_replies_are_recorded_with_the_adapter_s_name(kefu: Kefu, sample_home: Path) -> None:
    folder = Settings(home=sample_home).paths.models
    write_model(folder / "mine.gguf", FAMILIES["llama3"], script=(QUOTE,))
    write_adapter(folder / "tone.gguf")
    kefu("models", "use", "mine.gguf", "--adapter", "tone.gguf")
    asked = kefu("ask", "How long do I have to return shoes?", "--json").json
    (talk,) = kefu("conversations", "list", "--json").json
    said = kefu("conversations", "show", talk["id"], "--json").json["messages"]
    assert asked["status"] == "answered"
    assert said[-1]["model"] == "mine+tone"


@pytest.mark.parametrize(
    ("model", "adapter", "said"),
    [
        ("kefu-small", "tone.gguf", "tone.gguf is no LoRA adapter of this model"),
        ("mine.gguf", "wide.gguf", "wide.gguf is no LoRA adapter of this model"),
        ("mine.gguf", "gone.gguf", "adapter gone.gguf does not exist"),
        ("mine.gguf", "narrow.gguf", "narrow.gguf is no LoRA adapter of this model"),
    ],
)
def test_an_adapter_that_does_not_fit_leaves_all_as_it_was(
    kefu: Kefu, home: Path, models: Path, model: str, adapter: str, said: str
) -> None:
    write_adapter(models / "narrow.gguf", width=32)
    ran = kefu("models", "use", model, "--adapter", adapter)
    assert ran.status == 1
    assert said in ran.err
    assert "kefu-small stays" in ran.err
    assert not (home / "kefu.toml").exists()


def test_a_variable_that_wins_over_adapters_is_named(
    kefu: Kefu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEFU_ENGINE__ADAPTERS", '{"tone.gguf": 1.0}')
    ran = kefu("models", "use", "kefu-small")
    assert ran.status == 1
    assert "KEFU_ENGINE__ADAPTERS = tone.gguf is set" in ran.err


def test_doctor_tells_of_an_adapter_for_another_kind(kefu: Kefu, home: Path, models: Path) -> None:
    (home / "kefu.toml").write_text('[engine]\nadapters = { "tone.gguf" = 1.0 }\n', "utf-8")
    checks = {check["name"]: check for check in kefu("doctor", "--json").json["checks"]}
    assert not checks["adapter"]["ok"]
    assert "made for llama models, which kefu-small is not" in checks["adapter"]["found"]
    (home / "kefu.toml").write_text('[engine]\nadapters = { "wide.gguf" = 1.0 }\n', "utf-8")
    checks = {check["name"]: check for check in kefu("doctor", "--json").json["checks"]}
    assert "but no LoRA adapter" in checks["adapter"]["found"]
