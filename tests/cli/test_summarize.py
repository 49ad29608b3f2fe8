"""`kefu summarize` on a file: what is told of a conversation, by rule."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Kefu

TRAIN = [
    {"role": "customer", "text": "Hello. I am looking for a train. Can you help me?"},
    {"role": "agent", "text": "Where to?"},
    {"role": "customer", "text": "To Cambridge, after 12:45, for 2 people.", "id": "second"},
]


def written(folder: Path, lines: list[dict[str, str]]) -> str:
    file = folder / "talk.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return str(file)


def test_the_details_rest_on_messages(kefu: Kefu, tmp_path: Path) -> None:
    found = kefu("summarize", written(tmp_path, TRAIN), "--json").json
    assert found["details"] == {
        "text": "I am looking for a train. To Cambridge, after 12:45, for 2 people.",
        "messages": ["1", "second"],
    }
    assert {"summary", "issue", "tried", "outcome", "actions", "sentiment"} <= set(found)


def test_details_are_told_where_they_say_more_than_the_issue(kefu: Kefu, tmp_path: Path) -> None:
    assert "Details:" in kefu("summarize", written(tmp_path, TRAIN)).out
    alone = [{"role": "customer", "text": "How long do I have to return boots?"}]
    assert "Details:" not in kefu("summarize", written(tmp_path, alone)).out


def test_a_role_that_there_is_not(kefu: Kefu, tmp_path: Path) -> None:
    ran = kefu("summarize", written(tmp_path, [{"role": "king", "text": "x"}]))
    assert ran.status == 2
    assert "line 1: role 'king' is none of customer" in ran.err
