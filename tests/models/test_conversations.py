"""Documents of every kind: they rest on what is shown, and are counted."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter

import pytest

from models.training.data import conversations
from models.training.data.businesses import load_trades
from models.training.data.conversations import SHARES, made
from tests.models.documents import LANGUAGES, learnt, text_of


def test_every_kind_is_made_in_its_share() -> None:
    counts = Counter(one.kind for one in made(800, seed=2))
    assert sum(SHARES.values()) == pytest.approx(1)
    for kind, share in SHARES.items():
        assert counts[kind] / 800 == pytest.approx(share, abs=0.06)


def test_a_reply_is_learnt_and_rests_on_what_is_shown() -> None:
    for document in conversations.conversations(400, seed=3):
        assert not re.search(r"\{\w+!?\}", text_of(document))
        assert learnt(document)
        shown = ""
        for text, wanted in document:
            if not wanted:
                shown += text
                continue
            figures = set(re.findall(r"\d+", text.replace("\n1. ", "\n")))
            assert figures <= set(re.findall(r"\d+", shown)), text


def test_everything_follows_from_the_seed() -> None:
    assert list(made(60, 7)) == list(made(60, 7))
    assert list(made(60, 7)) != list(made(60, 8))


@pytest.mark.parametrize("kept_out", ["held_out", "new_business"])
def test_what_is_kept_out_is_of_other_businesses(kept_out: str) -> None:
    found = list(made(100, 7, **{kept_out: True}))
    names = {
        name
        for language in LANGUAGES
        for trade in load_trades(language, **{kept_out: True})
        for name in trade.businesses
    }
    trained = {one.business for one in made(150, 7)}
    assert {one.kind for one in found} == set(SHARES)
    assert {one.business for one in found} <= names
    assert not names & trained
    for one in found:
        if one.kind in ("answers", "premise", "manners", "person"):
            assert f"assistant of {one.business}." in one.document[0][0]


def test_both_ways_of_keeping_out_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="new_business"):
        next(made(1, 1, held_out=True, new_business=True))


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["conversations", *arguments])
    conversations.main()


def test_documents_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["--count", "40", "--seed", "5", "--jsonl"], monkeypatch)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = list(made(40, 5))
    assert [one["kind"] for one in printed] == [one.kind for one in expected]
    assert printed[0]["document"] == [list(span) for span in expected[0].document]


def test_documents_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["--count", "40", "--seed", "5", "--held-out"], monkeypatch)
    printed = capsys.readouterr().out
    expected = list(made(40, 5, held_out=True))
    characters = sum(len(text) for one in expected for text, _ in one.document)
    assert "documents 40, word for word distinct 40, near duplicates 0 (0.00%)" in printed
    tokens = int(re.search(r"tokens ([\d,]+)", printed)[1].replace(",", ""))  # type: ignore[index]
    assert tokens == pytest.approx(characters / 4, rel=0.01)
    trades = Counter(one.trade for one in expected)
    assert all(f"  {trade} {count}\n" in f"{printed}\n" for trade, count in trades.items())


def test_a_missing_tokenizer_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(["--tokenizer", "nowhere.json"], monkeypatch)
    assert "nowhere.json is no file" in capsys.readouterr().err
