from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.conversation import Sentiment, SentimentLabel
from bot.evaluation import feelings
from bot.evaluation.feelings import Felt
from bot.measures import Figure


class Tagger:
    """ "+" is praise, "-" is blame; it is sure of itself, as it says."""

    async def atag(self, texts: Sequence[str], languages: Sequence[str]) -> list[Sentiment]:
        assert len(texts) == len(languages) <= feelings.AT_ONCE
        return [self._of(text) for text in texts]

    def _of(self, text: str) -> Sentiment:
        score = text.count("+") - text.count("-")
        label = {1: "positive", 0: "neutral", -1: "negative"}[score]
        return Sentiment(SentimentLabel(label), score=0.9 * score, confidence=0.9)


async def test_three_labels_and_two() -> None:
    three = Felt(
        "three",
        "en",
        ("+", "-", "x", "-") * 20,
        ("positive", "negative", "neutral", "neutral") * 20,
    )
    two = Felt("two", "en", ("+", "-", "x"), ("positive", "negative", "positive"))
    done: list[int] = []
    table = await feelings.table([three, two], Tagger(), done.append)  # type: ignore[arg-type]
    first, second = (row.cells for row in table.rows)
    assert sum(done) == 83
    assert isinstance(first["accuracy"], Figure)
    assert first["accuracy"].value == 0.75
    assert isinstance(first["macro-F1"], Figure)
    assert first["macro-F1"].value == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert first["calibration"] == pytest.approx(0.15)
    assert second["labels"] == 2
    assert second["calibration"] is None
    assert isinstance(second["accuracy"], Figure)
    assert second["accuracy"].value == pytest.approx(2 / 3)


async def test_one_label_has_no_macro_f1() -> None:
    one = Felt("one", "en", ("x", "+"), ("neutral", "neutral"))
    (row,) = (await feelings.table([one], Tagger(), lambda _: None)).rows  # type: ignore[arg-type]
    assert row.cells["macro-F1"] is None
    assert isinstance(row.cells["accuracy"], Figure)
    assert row.cells["accuracy"].value == 0.5
