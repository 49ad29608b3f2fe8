"""How texts are put together for one call to llama.cpp."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.engine import Encoder
from bot.engine.vector_model import Vectors


def test_short_texts_go_together_and_a_long_one_goes_alone(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[int]] = []
    vectors = encoder._vectors

    def noted(batch: Sequence[list[int]]) -> Vectors:
        calls.append([len(tokens) for tokens in batch])
        return vectors(batch)

    monkeypatch.setattr(encoder, "_vectors", noted)
    monkeypatch.setattr(encoder, "_together", 16)
    encoder.encode(["a b", "c d", *["a b c d " * 10] * 2, *["a"] * 20])
    assert sum(map(len, calls)) == 24
    assert all(sum(call) <= 16 or len(call) == 1 for call in calls)
    assert any(len(call) > 1 for call in calls)
    assert any(sum(call) > 16 for call in calls)
