"""Model files with a flipped bit: a clear error, or a model; never more than the child's end."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest

from bot.engine import EngineProcess
from bot.engine.child import Models
from bot.errors import KefuError
from bot.settings import EngineSettings
from tests.engine.asking import answered, ask

HEADER = 9_000
"""Bytes in which the tiny model says what it is; behind them lie weights."""


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit(models: Path, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray((models / "tiny.gguf").read_bytes())
    for _ in range(3):
        data[rng.randrange(4, HEADER)] ^= 1 << rng.randrange(8)
    file = tmp_path / "flipped.gguf"
    file.write_bytes(data)
    settings = EngineSettings(threads=1, conversations=1)
    damaged = Models(file, models / "encoder.gguf", settings)
    with suppress(KefuError), EngineProcess.start(damaged) as process:
        model = process.language_model
        answered(model, ask(model, "hello", grammar=None, max_tokens=3))
