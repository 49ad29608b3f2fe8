from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from bot.reports.charts import SPARK, columns, line, spark

EVIL = "<b>\"'&</b>"


def drawn(chart: Markup) -> ET.Element:
    """That it parses shows that all that is written in it is escaped."""
    return ET.fromstring(str(chart))


def heights(chart: Markup, colour: str) -> list[float]:
    found = drawn(chart).findall(f"rect[@class='{colour}']")
    return [float(one.attrib["height"]) for one in found]


def texts(chart: Markup) -> list[str | None]:
    return [one.text for one in drawn(chart).findall("text")]


def test_columns_are_as_high_as_their_values() -> None:
    chart = columns(["a", "b", "c"], [50, 100, 0], [10, 25, 0], "By day", "Told.")
    assert heights(chart, "fill-1") == [71.0, 142.0, 0.0]
    assert heights(chart, "fill-2") == [14.2, 35.5, 0.0]
    assert texts(chart) == ["100", "0", "a", "b", "c"]
    assert drawn(chart).attrib["aria-label"] == "By day. Told."


def test_columns_stand_on_one_line_beside_each_other() -> None:
    bars = drawn(columns(["a", "b", "c"], [1, 2, 3], [0, 0, 0], "", "")).findall("rect")
    feet = {round(float(bar.attrib["y"]) + float(bar.attrib["height"])) for bar in bars}
    assert feet == {154}
    left = [float(bar.attrib["x"]) for bar in bars if bar.attrib["class"] == "fill-1"]
    width = float(bars[0].attrib["width"])
    assert all(x + width < after for x, after in pairwise(left))


@pytest.mark.parametrize(
    ("most", "top"), [(0, "1"), (1, "1"), (3, "5"), (6, "10"), (11, "20"), (4_321, "5,000")]
)
def test_the_axis_ends_at_a_round_number(most: int, top: str) -> None:
    assert texts(columns(["a"], [most], [0], "", ""))[0] == top


def test_moods_are_as_high_as_their_values() -> None:
    dots = drawn(line(["a", "b", "c"], [1.0, 0.0, -1.0], "Mood", "")).findall("circle")
    assert [float(dot.attrib["cy"]) for dot in dots] == [12.0, 83.0, 154.0]
    assert [dot.attrib["class"] for dot in dots] == ["fill-3", "fill-3", "fill-2"]


@pytest.mark.parametrize(("most", "edge"), [(0.1, "0.25"), (-0.3, "0.5"), (0.6, "1"), (-1.0, "1")])
def test_small_moods_are_shown_larger(most: float, edge: str) -> None:
    assert texts(line(["a", "b"], [0.0, most], "", ""))[:2] == [f"+{edge}", f"−{edge}"]


def test_a_day_without_a_mood_is_a_gap_in_the_line() -> None:
    chart = drawn(line(list("abcde"), [0.1, 0.2, None, 0.1, 0.2], "", ""))
    assert len(chart.findall("circle")) == 4
    assert [len(one.attrib["points"].split()) for one in chart.findall("polyline")] == [2, 2]


def test_one_value_is_a_dot_and_no_line() -> None:
    chart = drawn(line(["a"], [0.1], "", ""))
    assert len(chart.findall("circle")) == 1
    assert not chart.findall("polyline")
    assert heights(columns(["a"], [1], [1], "", ""), "fill-1") == [142.0]
    assert heights(spark([3], ""), "fill-1") == [float(SPARK[1])]


def test_nothing_is_drawn_of_nothing() -> None:
    assert heights(columns([], [], [], "", ""), "fill-1") == []
    assert not drawn(line([], [], "", "")).findall("circle")
    assert not drawn(line(["a", "b"], [None, None], "", "")).findall("circle")
    assert heights(spark([], ""), "fill-1") == []


def test_a_spark_is_as_high_as_its_values() -> None:
    assert heights(spark([0, 1, 2, 4], "Course"), "fill-1") == [0.0, 6.0, 12.0, 24.0]
    assert heights(spark([0, 0], "Course"), "fill-1") == [0.0, 0.0]
    assert drawn(spark([1], "Course: 1")).attrib["aria-label"] == "Course: 1"


def test_labels_and_titles_are_text() -> None:
    for chart in (
        columns([EVIL], [1], [1], EVIL, EVIL),
        line([EVIL], [0.5], EVIL, EVIL),
        spark([1], EVIL),
    ):
        assert EVIL in drawn(chart).attrib["aria-label"]
        assert not list(drawn(chart).iter("b"))
    assert texts(columns([EVIL], [1], [1], "", ""))[-1] == EVIL
    assert texts(line([EVIL], [0.5], "", ""))[-1] == EVIL


def test_of_many_labels_seven_are_written() -> None:
    labels = [f"day {n}" for n in range(95)]
    assert texts(columns(labels, [1] * 95, [0] * 95, "", ""))[2:] == labels[::14]
