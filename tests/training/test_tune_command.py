"""`kefu models tune` from the log to a file that `kefu models use` takes."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from bot.app import open_store_of
from bot.cli import main
from bot.conversation import Citation, Reply, ReplyStatus, Role
from bot.engine.loading import read_metadata
from bot.errors import EngineCrashed
from bot.settings import Settings
from tests.training.open_models import write_open_model

QUOTE = "Shoes can be returned within 60 days of delivery."
SHOES = Citation("returns.md", "Returns", "How long you have", QUOTE)

TALKS = 8


@pytest.fixture
def told_home(sample_home: Path) -> Path:
    """With replies that customers found helpful."""

    asyncio.run(helped(sample_home, *map(str, range(TALKS))))
    return sample_home


async def helped(home: Path, *kinds: str) -> None:
    async with open_store_of(Settings(home=home)) as store:
        for kind in kinds:
            place = await store.log.start(channel="slack", customer=f"c{kind}")
            await store.log.note(place.id, f"How long for shoes of kind {kind}?")
            text = f"Shoes of kind {kind} can be returned within 60 days."
            reply = Reply(text, ReplyStatus.ANSWERED, "en", citations=(SHOES,))
            said = await store.log.record(place.id, reply, role=Role.ASSISTANT)
            await store.feedback.give(said.id, f"c{kind}", helpful=True)


def kefu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["kefu", "models", *arguments])
    status = 0
    try:
        main()
    except SystemExit as stop:
        status = int(stop.code or 0)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return status, out, err


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    from bot import tuning
    from bot.lessons import speaking

    monkeypatch.setenv("KEFU_ENGINE__THREADS", "1")
    monkeypatch.setenv("KEFU_ENGINE__MAX_TOKENS", "20")
    monkeypatch.setenv("KEFU_KNOWLEDGE__PASSAGES", "1")
    monkeypatch.setattr(tuning, "WANTED", TALKS)
    monkeypatch.setattr(tuning, "PAGES", 6)
    monkeypatch.setattr(speaking, "MOST_TOKENS", 20)


SHORT = ("--epochs", "1", "--length", "2048", "--judge", "5")


def test_lora_for_any_model(
    told_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_open_model(
        Settings(home=told_home).paths.models / "mine.gguf", "llama", context=2048
    )
    status, out, err = kefu(monkeypatch, capsys, "tune", str(model), *SHORT, "--rank", "4")
    assert status == 0, err
    folder = told_home / "tuned" / "mine-lora"
    adapter = folder / "mine-lora.gguf"
    assert out.splitlines()[-1] == (
        f"nothing is switched on; to let it answer: kefu models use mine.gguf --adapter {adapter}"
    )
    assert sorted(one.name for one in folder.iterdir() if one.name != ".lock") == [
        "curves.jsonl",
        "curves.svg",
        "mine-lora.gguf",
        "verdict.json",
    ]
    found = json.loads((folder / "verdict.json").read_text("utf-8"))
    assert found["judgement"] in {"better", "worse", "no clear difference"}
    assert found["loss"]["before"] > found["loss"]["after"]
    assert found["lessons"]["marked helpful by the customer"] == TALKS
    assert QUOTE not in (folder / "verdict.json").read_text("utf-8")
    assert not (told_home / "kefu.toml").exists()


def test_all_weights_of_kefus_own(
    told_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Settings(home=told_home).paths.models / "small.gguf"
    model = write_open_model(path, "qwen3", context=2048, own=True)
    finished = told_home / "tuned" / "ours" / "ours.gguf"
    finished.parent.mkdir(parents=True)
    finished.write_bytes(b"the first")
    home = told_home.with_name("a home")  # as it was given stands in the command
    home.symlink_to(told_home)
    given = ("tune", str(model), "--all-weights", *SHORT, "--json", "--name", "ours")
    status, out, err = kefu(monkeypatch, capsys, *given, "--home", str(home))
    assert status == 0, err
    found = json.loads(out)
    file = Path(found["file"])
    assert file == home / "tuned" / "ours-2" / "ours-2.gguf"
    assert finished.read_bytes() == b"the first"
    told = read_metadata(file)
    assert (told["kefu.reads"], told["kefu.tuned_from"]) == ("true", "small.gguf")
    assert found["use"] == f"kefu models use '{file}' --home '{home}'"
    assert found["verdict"]["loss"]["after"] < found["verdict"]["loss"]["before"]


def test_all_weights_of_others_are_not_tuned(
    told_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Settings(home=told_home).paths.models / "mine.gguf"
    model = write_open_model(path, "llama", context=2048)
    status, _, err = kefu(monkeypatch, capsys, "tune", str(model), "--all-weights")
    assert status == 2
    assert "is none of kefu's own models" in err


def test_ctrl_c_says_how_to_go_on_and_it_does(
    told_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.training import own

    model = write_open_model(
        Settings(home=told_home).paths.models / "mine.gguf", "qwen3", context=2048
    )
    given = ("tune", str(model), *SHORT)
    whole = own.OwnRun.run

    def cut(self: own.OwnRun, interrupted: object, told: object) -> object:
        return whole(self, lambda: self.state.step >= 2, told)  # type: ignore[arg-type]

    monkeypatch.setattr(own.OwnRun, "run", cut)
    status, out, err = kefu(monkeypatch, capsys, *given)
    assert status == 130
    assert "run the same command again, without --fresh: it goes on from there" in err
    monkeypatch.setattr(own.OwnRun, "run", whole)
    status, _, err = kefu(monkeypatch, capsys, *given, "--rank", "3")
    assert status == 2
    assert "is of a run over other conversations or with other options" in err
    asyncio.run(helped(told_home, "later"))  # the desk went on working
    status, out, err = kefu(monkeypatch, capsys, *given)
    assert status == 0, err
    assert "step 0 " not in err  # that was before
    assert "nothing is switched on" in out


def test_where_judging_fails_the_same_command_goes_on_with_it(
    told_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bot import tuning
    from models.training import own

    path = Settings(home=told_home).paths.models / "mine.gguf"
    given = ("tune", str(write_open_model(path, "qwen3", context=2048)), *SHORT)
    whole = tuning._measured

    async def crashes(*_: object) -> list[tuple[float, float]]:
        raise EngineCrashed("the engine's process ended")

    monkeypatch.setattr(tuning, "_measured", crashes)
    status, _, err = kefu(monkeypatch, capsys, *given)
    assert status == 1
    assert "it goes on with the verdict" in err
    monkeypatch.setattr(tuning, "_measured", whole)
    monkeypatch.setattr(own.OwnRun, "_learn", lambda _: pytest.fail("it learns again"))
    status, out, err = kefu(monkeypatch, capsys, *given)
    assert status == 0, err
    assert "mine-lora/mine-lora.gguf" in out.splitlines()[-1]
    assert not (told_home / "tuned" / "mine-lora" / "checkpoint.pt").exists()
