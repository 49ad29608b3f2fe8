"""What was measured, as a table: for people in Markdown, for programs as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.measures import Figure

Cell: TypeAlias = Figure | float | int | str | None


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    cells: Mapping[str, Cell]
    """By column."""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    """The suite's."""
    title: str
    rows: Sequence[Row]
    note: str = ""

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(column for row in self.rows for column in row.cells))

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        rows = [
            {"name": row.name, **{key: _plain(cell) for key, cell in row.cells.items()}}
            for row in self.rows
        ]
        return {"suite": self.name, "title": self.title, "rows": rows, "note": self.note}

    def markdown(self) -> str:
        columns = self.columns
        lines = [f"## {_escaped(self.title)}", ""]
        if not self.rows:
            return "\n".join([*lines, self.note, ""])
        lines += [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
        for row in self.rows:
            cells = [_shown(row.cells.get(column)) for column in columns]
            lines.append(f"| {_escaped(row.name)} | {' | '.join(cells)} |")
        return "\n".join([*lines, "", *([self.note, ""] if self.note else [])])


def _plain(cell: Cell) -> Any:
    if isinstance(cell, Figure):
        interval = [round(cell.low, 4), round(cell.high, 4)]
        return {"value": round(cell.value, 4), "interval": interval, "n": cell.count}
    return round(cell, 4) if isinstance(cell, float) else cell


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, Figure):
        return f"{_two(cell.value)} ({_two(cell.low)} to {_two(cell.high)})"
    if isinstance(cell, float):
        return f"{cell:,.1f}" if abs(cell) >= 1 else f"{cell:.3f}"
    return _escaped(cell) if isinstance(cell, str) else f"{cell:,}"


def _two(share: float) -> str:
    return f"{share:.2f}".removeprefix("0") if share < 1 else f"{share:.1f}"


def _escaped(text: str) -> str:
    """Names come from files."""
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())
