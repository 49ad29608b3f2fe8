"""Learning curves as SVG: `python -m models.training.curves RUN/log.jsonl -o curve.svg`, or of a
table in a page: `python -m models.training.curves PAGE.md --table 1 -o curve.svg`.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Container, Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from unicodedata import east_asian_width

Points = list[tuple[float, float]]

WIDTH, HEIGHT = 760, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 20, 54
_LINE = 20
_SIGN = 26
"""Pixels of the piece of line beside a name in the legend."""
_COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff9a4d"),
    ("#00795a", "#2fcf9f"),
    ("#a8497f", "#e39ac2"),
    ("#7a5c00", "#e6b422"),
    ("#444444", "#cccccc"),
)
"""On a light and on a dark ground; after Okabe and Ito (2008), told apart by the colour-blind."""
_DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 5", "1 4")
_UNFIT = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""
NATS = "loss (nats a token)"
TRAINING, TEXT, REPLIES = "training", "validation: text", "validation: replies"


@dataclass(frozen=True)
class Axis:
    """Numbers to pixels, and the round numbers that are written beside it."""

    low: float
    high: float
    step: float
    first: float
    last: float
    """Pixels of `low` and of `high`."""

    def place(self, value: float) -> float:
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)

    @property
    def ticks(self) -> list[float]:
        start = math.ceil(self.low / self.step - 1e-9)
        return [n * self.step for n in range(start, math.floor(self.high / self.step + 1e-9) + 1)]


def axis(values: Iterable[float], first: float, last: float, *, ticks: int) -> Axis:
    """From a round number below the values to one above them."""
    found = list(values)
    low, high = min(found), max(found)
    if low == high:
        low, high = low - max(abs(low), 1) / 2, high + max(abs(high), 1) / 2
    rough = (high - low) / ticks
    ten = 10 ** math.floor(math.log10(rough))
    step = next(ten * times for times in (1, 2, 5, 10) if ten * times >= rough * 0.999)
    return Axis(math.floor(low / step) * step, math.ceil(high / step) * step, step, first, last)


def curves_svg(
    series: dict[str, Points],
    *,
    x: str,
    y: str,
    title: str = "",
    marked: Container[str] | None = None,
) -> str:
    """A drawing of its own, light or dark as its reader has it. The lowest point of a series is
    marked and told; `marked` says of which, all by default. What is no number is left out."""
    drawn = {
        name: sorted((a, b) for a, b in points if math.isfinite(a) and math.isfinite(b))
        for name, points in series.items()
    }
    drawn = {name: points for name, points in drawn.items() if points}
    if not drawn:
        middle = f'x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle"'
        return _page([f"<text {middle}>no point to draw yet</text>"], title, 0)
    heading = _LINE + 6 if title else 0
    lowest = {
        name: min(points, key=lambda point: point[1])
        for name, points in drawn.items()
        if marked is None or name in marked
    }
    told = [f"{name}{_told(lowest.get(name))}" for name in drawn]
    legend, rows = _legend(told, heading)
    top = _TOP + heading + rows * _LINE + 8
    every = [point for points in drawn.values() for point in points]
    across = axis((a for a, _ in every), _LEFT, WIDTH - _RIGHT, ticks=7)
    up = axis((b for _, b in every), HEIGHT - _BOTTOM, top, ticks=6)
    parts = [*_axes(across, up, x, y), *legend]
    for number, (name, points) in enumerate(drawn.items()):
        parts.append(_curve(number, points, across, up))
        if name in lowest:
            parts.append(_mark(number, told[number], lowest[name], across, up))
    return _page(parts, title, len(drawn))


def _page(parts: list[str], title: str, count: int) -> str:
    told = escape(_fit(title) or "Learning curves")
    heading = f'<text class="title" x="{_LEFT}" y="{_TOP + 12}">{told}</text>' if title else ""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{told}">',
            f"<style>{_style(count)}</style>",
            f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
            heading,
            *parts,
            "</svg>\n",
        ]
    )


def _style(count: int) -> str:
    light: list[str] = []
    dark: list[str] = []
    for number in range(count):
        for side, colour in zip((light, dark), _COLOURS[number % len(_COLOURS)], strict=True):
            side.append(f".s{number}{{stroke:{colour}}}.m{number}{{fill:{colour}}}")
    return (
        "text{font:12px system-ui,sans-serif;fill:#333}.title{font-size:15px;font-weight:600}"
        ".ground{fill:#fff}.grid{stroke:#e4e4e4}.axis{stroke:#888}.mark{stroke:#fff}"
        ".curve{fill:none;stroke-width:2;stroke-linejoin:round}"
        + "".join(light)
        + "@media (prefers-color-scheme:dark){text{fill:#d6d6d6}.ground{fill:#16191d}"
        ".grid{stroke:#2c3138}.axis{stroke:#7d8590}.mark{stroke:#16191d}" + "".join(dark) + "}"
    )


def _axes(across: Axis, up: Axis, x: str, y: str) -> list[str]:
    parts = []
    for value in up.ticks:
        place = up.place(value)
        parts.append(_line("grid", across.first, place, across.last, place))
        parts.append(_text(across.first - 8, place + 4, _number(value, up.step), "end"))
    for value in across.ticks:
        place = across.place(value)
        parts.append(_line("axis", place, up.first, place, up.first + 4))
        parts.append(_text(place, up.first + 18, _number(value, across.step), "middle"))
    parts.append(_line("axis", across.first, up.first, across.last, up.first))
    parts.append(_text((across.first + across.last) / 2, HEIGHT - 12, x, "middle"))
    middle = (up.first + up.last) / 2
    turned = f'transform="rotate(-90 16 {middle:.1f})" '
    return [*parts, _text(16, middle, y, "middle", turned)]


def _legend(names: list[str], below: int) -> tuple[list[str], int]:
    """The names beside a piece of their line, so far below the top; and how many rows they fill."""
    parts = []
    x, row = float(_LEFT), 0
    start = _TOP + 6 + below
    for number, name in enumerate(names):
        width = _SIGN + 8 + _width(name) + 18
        if x > _LEFT and x + width > WIDTH - _RIGHT:
            x, row = float(_LEFT), row + 1
        y = start + row * _LINE
        parts.append(_line(f"curve s{number}", x, y, x + _SIGN, y, _dash(number)))
        parts.append(_text(x + _SIGN + 8, y + 4, name, "start"))
        x += width
    return parts, row + 1


def _curve(number: int, points: Points, across: Axis, up: Axis) -> str:
    placed = [(across.place(a), up.place(b)) for a, b in points]
    if len(placed) == 1:
        return f'<circle class="m{number}" cx="{placed[0][0]:.1f}" cy="{placed[0][1]:.1f}" r="3"/>'
    told = " ".join(f"{a:.1f},{b:.1f}" for a, b in placed)
    return f'<polyline class="curve s{number}"{_dash(number)} points="{told}"/>'


def _told(lowest: tuple[float, float] | None) -> str:
    return f", lowest {lowest[1]:.4g} at {lowest[0]:,g}" if lowest else ""


def _mark(number: int, told: str, lowest: tuple[float, float], across: Axis, up: Axis) -> str:
    x, y = across.place(lowest[0]), up.place(lowest[1])
    dot = f'<circle class="mark m{number}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    return f"<g><title>{escape(_fit(told))}</title>{dot}</g>"


def _dash(number: int) -> str:
    dash = _DASHES[number % len(_DASHES)]
    return f' stroke-dasharray="{dash}"' if dash else ""


def _line(kind: str, x1: float, y1: float, x2: float, y2: float, more: str = "") -> str:
    places = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="{kind}" {places}{more}/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    told = escape(_fit(text))
    return f'<text {more}x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{told}</text>'


def _width(text: str) -> float:
    """About how many pixels it takes."""
    return sum(12.0 if east_asian_width(sign) in "WF" else 6.6 for sign in _fit(text))


def _fit(text: str) -> str:
    return " ".join(_UNFIT.sub("", text).split())


def _number(value: float, step: float) -> str:
    if step >= 1e5:
        return f"{value / 1e6:,g} M"
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value + 0.0:,.{digits}f}"


def curves_of(lines: Iterable[str]) -> dict[str, Points]:
    """Of a log as `models.training.train` writes it: loss by step, in training and held out. A
    line that was cut off is left out."""
    found: dict[str, Points] = {TRAINING: [], TEXT: [], REPLIES: []}
    for text in lines:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if not isinstance(line, dict) or "step" not in line:
            continue
        if "loss" in line:
            found[TRAINING].append((line["step"], line["loss"]))
        for key, name in (("plain", TEXT), ("service", REPLIES)):
            if key in (line.get("validation") or {}):
                found[name].append((line["step"], line["validation"][key]))
    return found


def draw_log(log: Path, title: str = "") -> str:
    with log.open(encoding="utf-8") as lines:
        series = curves_of(lines)
    return curves_svg(series, x="step", y=NATS, title=title, marked={REPLIES})


def tables_of(markdown: str) -> list[tuple[str, dict[str, Points]]]:
    """Of a page's tables those that go by step or by share: what they go by, and their columns. A
    column `text, en / zh` is two; a row without a number in front is left out."""
    found: list[tuple[str, dict[str, Points]]] = []
    heads: list[str] = []
    for line in [*markdown.splitlines(), ""]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            heads = []
        elif not heads:
            heads = [re.sub(r"\s*\(\d\)", "", cell) for cell in cells]
            if heads[0].startswith(("step", "share")):
                found.append((heads[0], {}))
        elif heads[0].startswith(("step", "share")) and (at := re.match(r"[\d,.]+", cells[0])):
            place = float(at[0].replace(",", ""))
            for head, cell in zip(heads[1:], cells[1:], strict=True):
                for name, value in zip(_names(head), cell.split("/"), strict=True):
                    found[-1][1].setdefault(name, []).append((place, float(value)))
    return found


def _names(head: str) -> list[str]:
    """Of the columns in a column."""
    start, _, rest = head.rpartition(", ")
    return [f"{start}, {name.strip()}" for name in rest.split("/")] if "/" in rest else [head]


def draw_table(page: Path, number: int, title: str) -> str:
    """The table of that number, from 1, of those that `tables_of` finds."""
    x, series = tables_of(page.read_text(encoding="utf-8"))[number - 1]
    return curves_svg(series, x=x, y=NATS, title=title)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="a log, or a page in Markdown with a table")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--title", default="")
    parser.add_argument("--table", type=int, default=1, help="of the page's, from 1")
    given = parser.parse_args()
    try:
        if given.source.suffix == ".md":
            drawn = draw_table(given.source, given.table, given.title)
        else:
            drawn = draw_log(given.source, given.title)
        given.out.write_text(drawn, encoding="utf-8")
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    except IndexError:
        sys.exit(f"{given.source} has no table {given.table} that goes by step or by share")


if __name__ == "__main__":
    main()
