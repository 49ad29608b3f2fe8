from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.engine import EngineThread, LanguageModel, modes
from bot.engine.modes import CANDIDATES, Modes, chosen
from bot.errors import ModelFileError
from bot.settings import EngineSettings
from models.catalogue import find
from tests.engine.asking import answered, ask, together
from tests.engine.tiny import write_encoder


def fake_scores(monkeypatch: pytest.MonkeyPatch, *scores: float) -> list[Modes]:
    """The candidates that were measured, each with the next of the scores."""
    seen: list[Modes] = []

    def score(_open: object, candidate: Modes, *_: int) -> float:
        seen.append(candidate)
        return scores[(len(seen) - 1) % len(scores)]

    monkeypatch.setattr(modes, "_score", score)
    return seen


def choose(cache: Path | None, key: str = "model") -> Modes:
    return chosen(lambda _: None, sequences=2, window=512, key=key, cache=cache)


def test_the_fastest_is_chosen_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "modes.json"
    seen = fake_scores(monkeypatch, 3.0, 9.0, 2.0, 3.0, 1.0, 2.0)
    assert choose(cache) == CANDIDATES[1], "a disturbed round does not count"
    assert len(seen) == 6
    assert choose(cache) == CANDIDATES[1]
    assert len(seen) == 6, "measured once"
    fake_scores(monkeypatch, 1.0, 2.0, 3.0)
    assert choose(cache, "another") == CANDIDATES[0]
    assert set(json.loads(cache.read_text())) == {"model", "another"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": 3}', '{"model": {"speed": 9}}'])
def test_a_broken_cache_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    cache = tmp_path / "modes.json"
    cache.write_text(text)
    fake_scores(monkeypatch, 2.0, 1.0, 3.0)
    assert choose(cache) == CANDIDATES[1]


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_scores(monkeypatch, 2.0, 1.0, 3.0)
    assert choose(tmp_path / "missing" / "modes.json") == CANDIDATES[1]


def test_without_a_cache_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = fake_scores(monkeypatch, 1.0)
    assert choose(None) == CANDIDATES[0]
    assert seen == []


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_all_of_them_write_the_same(
    models: Path, thread: EngineThread, monkeypatch: pytest.MonkeyPatch, candidate: Modes
) -> None:
    """The prompts are shared, parked and taken up again on the way."""
    settings = EngineSettings(threads=1, conversations=3)
    monkeypatch.setattr("bot.engine.language_model.measured_modes", lambda *_: candidate)
    model = LanguageModel.load(models / "tiny.gguf", thread, settings)
    assert model.modes == candidate
    system = "you return the shoe and the hat " * 3
    requests = [ask(model, f"hi {n}", system=system, conversation=str(n)) for n in range(6)]
    alone = [answered(model, request)[0] for request in requests]
    assert [text for text, _ in together(model, *requests)] == alone
    again, finished = answered(model, requests[0])
    assert again == alone[0]
    assert finished.reused_tokens == finished.prompt_tokens - 1


def test_a_real_measurement(models: Path, thread: EngineThread, tmp_path: Path) -> None:
    cache = tmp_path / "modes.json"
    settings = EngineSettings(threads=1, conversations=2)
    model = LanguageModel.load(models / "tiny.gguf", thread, settings, cache)
    assert model.modes in CANDIDATES
    assert len(json.loads(cache.read_text())) == 1
    assert answered(model, ask(model, "hello"))[1].reply_tokens == 24


def test_the_smallest_window_is_measured(
    models: Path, thread: EngineThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores: list[float] = []
    measure = modes._score

    def score(*given: Any) -> float:
        scores.append(measure(*given))
        return scores[-1]

    monkeypatch.setattr(modes, "_score", score)
    settings = EngineSettings(threads=1, conversations=1, context=256)
    model = LanguageModel.load(models / "tiny.gguf", thread, settings, tmp_path / "modes.json")
    assert all(0 < one < 60 for one in scores)
    assert len(scores) >= len(CANDIDATES)
    assert answered(model, ask(model, "hello"))[1].reply_tokens


def test_an_encoder_is_refused_before_it_is_measured(thread: EngineThread, tmp_path: Path) -> None:
    file = write_encoder(tmp_path / "encoder.gguf", context=256)
    with pytest.raises(ModelFileError, match=r"is an encoder.* engine\.model"):
        LanguageModel.load(file, thread, EngineSettings(), tmp_path / "modes.json")


def test_rounded_values_are_read_by_flash_attention(thread: EngineThread) -> None:
    sizes = []
    for cache_type in ("f16", "q8_0"):
        settings = EngineSettings(threads=1, context=256, cache_type=cache_type)
        model = LanguageModel.load(find("kefu-small"), thread, settings)
        assert model.modes.flash_attention == (cache_type == "q8_0")
        _, finished = answered(model, ask(model, "return the shoe", conversation="a", grammar=None))
        assert finished.reply_tokens
        slot = model.memory.slots.slots[0]
        size = thread.run(lambda m=model, s=slot: m._context.state_size(s.sequence) / s.decoded)
        sizes.append(size)
        model.close()
    assert sizes[1] < 0.7 * sizes[0]


def test_a_cache_type_that_does_not_fit_the_model_is_named(
    models: Path, thread: EngineThread
) -> None:
    settings = EngineSettings(cache_type="q8_0")
    with pytest.raises(ModelFileError, match=r"block size 32 .* or leave engine\.cache_type out"):
        LanguageModel.load(models / "tiny.gguf", thread, settings)
