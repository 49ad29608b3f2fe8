"""A report as a page, as Markdown and as JSON. All that customers wrote is data: shown as text."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from bot.reports import charts, rows, words
from bot.reports.report import Report
from bot.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment


def as_json(report: Report) -> str:
    return _adapter().dump_json(report, indent=2).decode()


def schema() -> dict[str, object]:
    """Of the JSON."""
    return _adapter().json_schema()


def as_html(report: Report) -> str:
    return _rendered("report.html", report)


def as_markdown(report: Report) -> str:
    return _rendered("report.md", report)


def _rendered(template: str, report: Report) -> str:
    zone = report.zone
    labels = [f"{part.begins.day} {part.begins:%b}" for part in report.parts]
    return (
        _environment()
        .get_template(template)
        .render(
            report=report,
            rows=rows,
            words=words,
            charts=charts,
            labels=labels,
            since=words.day(report.since, zone),
            until=words.day(report.until - timedelta(microseconds=1), zone),
            before=words.day(report.before, zone),
        )
    )


@cache
def _adapter() -> TypeAdapter[Report]:
    return TypeAdapter(Report)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("bot.reports", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    environment.filters["cell"] = _cell
    return environment


def _cell(text: str) -> str:
    """In a table of Markdown: one line, and no mark that means anything there."""
    line = " ".join(printable(text).split())
    for mark in "\\`*_{}[]<>#|~":
        line = line.replace(mark, f"\\{mark}")
    line = re.sub(r"&(?=#?\w+;)", r"\&", line)
    for mark, shown in (("://", "&#58;//"), ("www.", "www&#46;"), ("@", "&#64;")):
        line = line.replace(mark, shown)  # no link that a reader could follow
    return line
