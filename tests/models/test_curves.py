"""A drawing that any reader of SVG can show, with every point where it belongs."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from models.training import curves
from models.training.curves import (
    REPLIES,
    TEXT,
    TRAINING,
    axis,
    curves_of,
    curves_svg,
    draw_table,
    tables_of,
)

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def lines_of(svg: str) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (p.split(",") for p in line.attrib["points"].split())]
        for line in drawn(svg).iter(f"{SVG}polyline")
    ]


def texts_of(svg: str) -> list[str]:
    return [text.text or "" for text in drawn(svg).iter(f"{SVG}text")]


def test_points_lie_where_their_numbers_say() -> None:
    svg = curves_svg({"loss": [(0, 4.0), (50, 2.0), (100, 1.0)]}, x="step", y="nats", title="Run")
    ((left, high), (middle, lower), (right, low)) = lines_of(svg)[0]
    assert left < middle < right
    assert middle - left == pytest.approx(right - middle, abs=0.2)
    assert high < lower < low
    assert lower - high == pytest.approx(2 * (low - lower), abs=0.2)
    assert {"step", "nats", "Run", "loss, lowest 1 at 100", "0", "100"} <= set(texts_of(svg))


def test_each_series_has_a_colour_and_a_dash_of_its_own() -> None:
    series = {f"run {n}": [(0.0, n), (1.0, n + 1.0)] for n in range(6)}
    lines = list(drawn(curves_svg(series, x="x", y="y")).iter(f"{SVG}polyline"))
    assert len({line.get("class") for line in lines}) == 6
    assert len({line.get("stroke-dasharray") for line in lines}) == 6
    style = next(drawn(curves_svg(series, x="x", y="y")).iter(f"{SVG}style")).text or ""
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    for side in (light, dark):
        assert len(set(re.findall(r"\.s\d\{stroke:(#\w+)\}", side))) == 6


def test_the_lowest_point_is_marked() -> None:
    series = {"a": [(1.0, 3.0), (2.0, 0.123), (3.0, 2.0)], "b": [(1.0, 4.0), (3.0, 4.0)]}
    marks = list(drawn(curves_svg(series, x="step", y="y", marked={"a"})).iter(f"{SVG}circle"))
    ((_, (x, y), _), _) = lines_of(curves_svg(series, x="step", y="y"))
    assert [(float(m.attrib["cx"]), float(m.attrib["cy"])) for m in marks] == [(x, y)]
    assert "a, lowest 0.123 at 2" in texts_of(curves_svg(series, x="step", y="y", marked={"a"}))
    assert "b" in texts_of(curves_svg(series, x="step", y="y", marked={"a"}))
    assert curves_svg(series, x="step", y="y").count("<title>") == 2


def test_any_text_is_text() -> None:
    nasty = '</text><script>alert(1)</script> & "q" \x00\x1b你好'
    svg = curves_svg({nasty: [(0, 1), (1, 2)]}, x=nasty, y=nasty, title=nasty)
    assert not list(drawn(svg).iter(f"{SVG}script"))
    told = '</text><script>alert(1)</script> & "q" 你好'
    assert texts_of(svg).count(told) == 3
    assert f"{told}, lowest 1 at 0" in texts_of(svg)


def test_what_cannot_be_drawn_is_left_out() -> None:
    holes = {"a": [(0, math.nan), (1, 2.0), (2, math.inf), (3, 1.0)], "none": []}
    svg = curves_svg(holes, x="x", y="y")
    assert [len(line) for line in lines_of(svg)] == [2]
    assert not any(text.startswith("none") for text in texts_of(svg))
    assert "no point to draw yet" in texts_of(curves_svg({"a": []}, x="x", y="y", title="t"))
    alone = drawn(curves_svg({"a": [(3, 0.0)]}, x="x", y="y"))
    assert len(list(alone.iter(f"{SVG}circle"))) == 2


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.3, 9.7], [0, 2, 4, 6, 8, 10]),
        ([0.54, 0.561], [0.54, 0.545, 0.55, 0.555, 0.56, 0.565]),
        ([0, 3824], [0, 1000, 2000, 3000, 4000]),
        ([2.0, 2.0], [1.0, 1.5, 2.0, 2.5, 3.0]),
    ],
)
def test_axes_have_round_numbers(values: list[float], ticks: list[float]) -> None:
    found = axis(values, 0, 100, ticks=5)
    assert found.ticks == pytest.approx(ticks)
    assert found.low <= min(values)
    assert found.high >= max(values)


def test_a_log_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        {"step": 10, "loss": 9.0},
        {"step": 20, "loss": 5.0, "validation": {"plain": 4.0, "service": 3.0}},
        {"step": 20, "best": {}},
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 30, "lo')
    found = curves_of(log.read_text().splitlines())
    assert found == {TRAINING: [(10, 9.0), (20, 5.0)], TEXT: [(20, 4.0)], REPLIES: [(20, 3.0)]}
    out = tmp_path / "curve.svg"
    monkeypatch.setattr(sys, "argv", ["curves", str(log), "-o", str(out), "--title", "Run <1>"])
    curves.main()
    assert "Run <1>" in texts_of(out.read_text())
    monkeypatch.setattr(sys, "argv", ["curves", str(tmp_path / "none.jsonl"), "-o", str(out)])
    with pytest.raises(SystemExit, match=r"none\.jsonl: No such file"):
        curves.main()


@pytest.mark.parametrize(
    ("page", "number", "title", "drawing"),
    [
        ("models/cards/kefu-small.md", 1, "kefu-small", "models/cards/kefu-small.svg"),
        ("models/training/README.md", 1, "A decoder from nothing", "docs/curve-from-nothing.svg"),
        (
            "models/training/README.md",
            2,
            "A decoder from a pretrained one",
            "docs/curve-pretrained.svg",
        ),
    ],
)
def test_drawings_show_the_tables_they_stand_under(
    page: str, number: int, title: str, drawing: str
) -> None:
    assert (ROOT / drawing).read_text(encoding="utf-8") == draw_table(ROOT / page, number, title)
    assert Path(drawing).name in (ROOT / page).read_text(encoding="utf-8")


def test_columns_of_a_table() -> None:
    page = """
| name | size |
|---|---|
| 1 | 2 |

| step of 9 | text (1) | replies, en / zh |
|---:|---:|---:|
| 1,000 (begun) | 3 | 1.5 / 2.5 |
| 2,000 | 2 | 1 / 2 |
| in Q8_0 | 2 | 1 / 2 |
"""
    assert tables_of(page) == [
        (
            "step of 9",
            {
                "text": [(1000, 3), (2000, 2)],
                "replies, en": [(1000, 1.5), (2000, 1)],
                "replies, zh": [(1000, 2.5), (2000, 2)],
            },
        )
    ]
