"""Charts as SVG that stands in the page: no script, no file beside it. Colours are the page's own
classes, so that they follow its light and dark."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 480, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 6, 12, 26
_LABELS = 7
"""Under the axis at most."""
SPARK = 96, 24


def columns(
    labels: Sequence[str], wholes: Sequence[int], parts: Sequence[int], title: str, told: str
) -> Markup:
    """A column for each label, a part of it in another colour. `told` is for who cannot see it."""
    top = _round_up(max(wholes, default=0))
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    width = max(1.0, step * 0.72)
    drawn = [_grid(0, top, f"{top:,}", "0")]
    for place, (label, whole, part) in enumerate(zip(labels, wholes, parts, strict=True)):
        x = _LEFT + step * place + (step - width) / 2
        tip = Markup("<title>{}: {:,}, {:,}</title>").format(label, whole, part)
        drawn.append(_rectangle(x, whole, 0, top, width, "fill-1", tip))
        drawn.append(_rectangle(x, part, 0, top, width, "fill-2", tip))
    return _svg([*drawn, *_under(labels, step)], title, told)


def line(labels: Sequence[str], values: Sequence[float | None], title: str, told: str) -> Markup:
    """Between -1 and 1, or nearer where all are; None is a gap."""
    known = [abs(value) for value in values if value is not None]
    edge = next(edge for edge in (0.25, 0.5, 1.0) if max(known, default=0) <= edge or edge == 1.0)
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    drawn = [_grid(-edge, edge, f"+{edge:g}", f"−{edge:g}"), _rule(_height(0, -edge, edge))]
    runs: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        point = _LEFT + step * (place + 0.5), _height(value, -edge, edge)
        runs[-1].append(point)
        tip = Markup("<title>{}: {:+.2f}</title>").format(labels[place], value)
        dot = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3.5">{}</circle>')
        drawn.append(dot.format("fill-2" if value < 0 else "fill-3", *point, tip))
    lines = [
        Markup('<polyline class="line" points="{}"/>').format(
            " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
        )
        for run in runs
        if len(run) > 1
    ]
    return _svg([*lines, *drawn, *_under(labels, step)], title, told)


def spark(values: Sequence[int], title: str) -> Markup:
    """Small, beside a name."""
    width, height = SPARK
    top = max(values, default=0) or 1
    step = width / max(1, len(values))
    bars = Markup("").join(
        Markup(
            '<rect class="fill-1" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
        ).format(
            step * place, height - height * value / top, max(0.8, step * 0.8), height * value / top
        )
        for place, value in enumerate(values)
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(width, height, title, bars)


def _svg(drawn: Sequence[Markup], title: str, told: str) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, f"{title}. {told}", Markup("").join(drawn))


def _height(value: float, low: float, high: float) -> float:
    room = HEIGHT - _TOP - _BOTTOM
    return _TOP + room * (high - value) / ((high - low) or 1)


def _rectangle(
    x: float, value: float, low: float, high: float, width: float, colour: str, tip: Markup
) -> Markup:
    y = _height(value, low, high)
    return Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1.5">{}</rect>'
    ).format(colour, x, y, width, max(0.0, _height(low, low, high) - y), tip)


def _grid(low: float, high: float, above: str, below: str) -> Markup:
    text = Markup('<text class="axis" x="{}" y="{:.1f}" text-anchor="end">{}</text>')
    return Markup("").join(
        [
            _rule(_height(high, low, high)),
            _rule(_height(low, low, high)),
            text.format(_LEFT - 6, _height(high, low, high) + 4, above),
            text.format(_LEFT - 6, _height(low, low, high) + 4, below),
        ]
    )


def _rule(y: float) -> Markup:
    return Markup('<line class="rule" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
        _LEFT, WIDTH - _RIGHT, y, y
    )


def _under(labels: Sequence[str], step: float) -> list[Markup]:
    every = max(1, -(-len(labels) // _LABELS))
    return [
        Markup('<text class="axis" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            _LEFT + step * (place + 0.5), HEIGHT - 8, escape(label)
        )
        for place, label in enumerate(labels)
        if place % every == 0
    ]


def _round_up(value: int) -> int:
    """To 1, 2 or 5 times a power of ten."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= max(1, value):
                return digit * power
        power *= 10
