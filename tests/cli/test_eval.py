"""`kefu models eval`, with the models that come along and few questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Kefu

EVAL = ("models", "eval")


def test_answers_are_measured_and_nothing_is_logged(kefu: Kefu) -> None:
    tables = kefu(*EVAL, "--suite", "answers", "-n", "10", "--json").json
    answered, withheld, picked = tables
    rows = {row["name"]: row for row in answered["rows"]}
    assert rows["English, all"]["questions"] + withheld["rows"][0]["without an answer"] == 10
    assert withheld["rows"][1]["questions"] == 10
    low, high = rows["English, all"]["right"]["interval"]
    assert 0 <= low < rows["English, all"]["right"]["value"] <= high <= 1
    assert [row["name"] for row in picked["rows"]] == [
        "in reach", "best sentence by BM25", "nearest sentence, kefu-encoder", "kefu",
    ]  # fmt: skip
    assert kefu("conversations", "list", "--json").json == []


def test_pages_are_measured_in_every_language(kefu: Kefu) -> None:
    (table,) = kefu(*EVAL, "--suite", "pages", "-n", "12", "--json").json
    names = [row["name"] for row in table["rows"]]
    assert names == ["English", "Chinese", "German", "Spanish", "French"]
    assert all(12 <= row["questions"] <= 24 for row in table["rows"])  # with follow-ups
    english = table["rows"][0]
    assert 0 < english["right"]["value"] <= english["answered"]["value"] <= 1


def test_sentiment_of_made_messages_goes_to_a_file(kefu: Kefu, tmp_path: Path) -> None:
    file = tmp_path / "tables.md"
    assert kefu(*EVAL, "--suite", "sentiment", "-n", "20", "-o", str(file)).out == ""
    assert "| made messages, Chinese | 20 | 3 |" in file.read_text("utf-8")


def test_questions_of_ones_own(kefu: Kefu, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    asked = [
        {
            "question": "How long do I have to return shoes?",
            "sources": ["returns.md", "size-guide.md"],
        },
        {"question": "How long do I have to return shoes?", "sources": ["gift-cards.md"]},
        {"question": "Who won the football match?", "sources": []},
        {"question": "Who won the football match in Leeds?"},
    ]
    file.write_text("\n".join(map(json.dumps, asked)), "utf-8")
    table, wrong = kefu(*EVAL, "--questions", str(file), "--json").json
    rows = {row["name"]: row for row in table["rows"]}
    assert rows["en, answerable"]["right"]["value"] == 0.5
    assert rows["en, unanswerable"]["right"]["value"] == 1
    assert rows["en, not judged"]["right"] is None
    (row,) = wrong["rows"]
    assert (row["name"], row["wanted"]) == (asked[1]["question"], "gift-cards.md")
    assert "60 days" in row["what kefu did"]
    assert kefu("conversations", "list", "--json").json == []


def test_messages_of_ones_own(kefu: Kefu, tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    felt = [{"text": "This is awful, I am furious!", "label": "negative"}] * 3
    file.write_text("\n".join(map(json.dumps, felt)), "utf-8")
    (table,) = kefu(*EVAL, "--messages", str(file), "--json").json
    assert table["rows"][0]["name"] == "messages.jsonl, en"
    assert table["rows"][0]["accuracy"]["value"] == 1


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--suite", "nope"], 2, "--suite 'nope' is none of answers, pages, search"),
        (["--suite", "search"], 2, "--suite search needs --data"),
        (["--data", ".", "--suite", "sentiment"], 2, "no sentiment/vader_rated"),
        (["--questions", "nowhere.jsonl"], 2, "nowhere.jsonl cannot be read"),
        (["--model", "nope", "--suite", "speed"], 1, "there is no language model 'nope'"),
        (["--beside", "nope.gguf", "--suite", "speed"], 1, "there is no model 'nope.gguf'"),
        (["--suite", "speed", "-o", "nowhere/x.md"], 2, "name a file in a folder that there is"),
        (["-n", "3"], 2, "--count"),
    ],
)
def test_what_cannot_be_measured(
    kefu: Kefu,
    arguments: list[str],
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = kefu(*EVAL, *arguments)
    assert (ran.status, told in ran.err, ran.err.count("\n")) == (status, True, 1)
