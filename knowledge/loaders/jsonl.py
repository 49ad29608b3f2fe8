"""JSON Lines: a document a line, of `id`, `title` and `text`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from knowledge.loaders.text import outline_of, read_text
from knowledge.pages import Page, Skipped


def load(path: Path, source: str) -> Iterator[Page | Skipped]:  # noqa: ARG001 (the id is it)
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            page = _page(line)
            yield page if isinstance(page, Page) else Skipped(path, f"line {number}: {page}")


def _page(line: str) -> Page | str:
    """The page, or what is wrong with the line."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON ({error})"
    if not isinstance(record, dict):
        return "not a JSON object with `id`, `title` and `text`"
    name, title, text = (record.get(key) for key in ("id", "title", "text"))
    if not isinstance(name, str | int) or isinstance(name, bool) or not str(name).strip():
        return f"`id` is {name!r}; it has to be a string or a number"
    if not isinstance(text, str) or not text.strip():
        return "`text` has to be a string with something in it"
    page = outline_of(text.replace("\0", ""))
    given = title.strip() if isinstance(title, str) else ""
    return Page(str(name).strip(), given or page.title or str(name), tuple(page.sections))
