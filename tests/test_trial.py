"""The first conversation, with models that say what they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import trial
from bot.engine import EngineThread, LanguageModel, LlamaChatModel
from bot.errors import TrialFailed
from bot.settings import EngineSettings
from bot.trial import Exchange, converse
from models.catalogue import find
from tests.engine.families import FAMILIES, write_model


@pytest.fixture
def thread() -> Iterator[EngineThread]:
    with EngineThread() as thread:
        yield thread


def tried(path: Path, thread: EngineThread) -> list[Exchange]:
    settings = EngineSettings(threads=1, conversations=2)
    model = LlamaChatModel(language_model=LanguageModel.load(path, thread, settings))
    return asyncio.run(converse(model, "Weir"))


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_template_holds_the_conversation(
    tmp_path: Path, thread: EngineThread, name: str
) -> None:
    said = tried(write_model(tmp_path / "model.gguf", FAMILIES[name]), thread)
    assert [one.reply for one in said] == ["Sixty days.", "Sixty days."]
    assert all(one.tokens_per_second > 0 and one.question for one in said)


def test_a_model_that_words_replies_holds_it_too(thread: EngineThread) -> None:
    first, second = tried(find("kefu-small"), thread)
    assert "Shoes can be returned within 60 days of delivery." in first.reply
    assert "Returns are free of charge." in second.reply


@pytest.mark.parametrize(
    ("script", "ends", "said"),
    [
        ((" ",), True, "said nothing"),
        (("on", " and"), False, "did not end its reply within 40 tokens"),
        (("<think>", " hm", " so"), False, "did nothing but think for 40 tokens"),
        (("Sixty", "<|im_start|>user"), True, "shows '<|im_start|>'"),
        (("Sixty", "[/INST]"), True, "shows '[/INST]'"),
    ],
)
def test_what_is_no_reply_fails(
    tmp_path: Path,
    thread: EngineThread,
    monkeypatch: pytest.MonkeyPatch,
    script: tuple[str, ...],
    ends: bool,
    said: str,
) -> None:
    monkeypatch.setattr(trial, "MOST_TOKENS", 40)
    file = write_model(tmp_path / "model.gguf", FAMILIES["qwen3"], script, ends=ends)
    with pytest.raises(TrialFailed) as raised:
        tried(file, thread)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
