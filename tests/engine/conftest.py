"""Tiny models, written once a session; engines, closed after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.engine import Encoder, EngineThread, LanguageModel
from bot.settings import EngineSettings
from tests.engine.tiny import write_encoder, write_language_model

Load = Callable[..., LanguageModel]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_language_model(folder / "tiny.gguf")
    write_encoder(folder / "encoder.gguf")
    return folder


@pytest.fixture
def thread() -> Iterator[EngineThread]:
    with EngineThread() as thread:
        yield thread


@pytest.fixture
def load(models: Path, thread: EngineThread) -> Load:
    """`load(conversations=2)`: the tiny model under these settings."""

    def load(path: Path = models / "tiny.gguf", **settings: Any) -> LanguageModel:
        return LanguageModel.load(path, thread, EngineSettings(threads=1, **settings))

    return load


@pytest.fixture
def model(load: Load) -> LanguageModel:
    return load()


@pytest.fixture
def encoder(models: Path, thread: EngineThread) -> Encoder:
    return Encoder.load(models / "encoder.gguf", thread, EngineSettings(threads=1))
