from __future__ import annotations

import json

from bot.evaluation.table import Row, Table
from bot.measures import Figure

TABLE = Table(
    "answers",
    "Answers",
    [
        Row("a|b\nc", {"n": 1200, "right": Figure(0.5, 0.41234, 1.0, 12)}),
        Row("ms", {"time": 12.34, "n": None, "said": "x|y"}),
    ],
    "A note.",
)


def test_markdown_keeps_its_columns_whatever_the_names_are() -> None:
    lines = TABLE.markdown().split("\n")
    assert lines[2] == "| | n | right | time | said |"
    assert lines[4] == r"| a\|b c | 1,200 | .50 (.41 to 1.0) | – | – |"
    assert lines[5] == r"| ms | – | – | 12.3 | x\|y |"
    assert lines[-2] == "A note."


def test_json_has_the_interval_and_the_count() -> None:
    data = json.loads(json.dumps(TABLE.plain()))
    assert data["rows"][0]["right"] == {"value": 0.5, "interval": [0.4123, 1.0], "n": 12}
    assert data["rows"][1]["n"] is None


def test_what_was_not_measured_says_why() -> None:
    assert Table("x", "Title", [], "No model.").markdown() == "## Title\n\nNo model.\n"
