"""Files and folders to pages. What cannot be read is named, and the rest goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path

from bot.errors import UnreadableDocument
from knowledge.pages import Page, Skipped

Loader = Callable[[Path, str], Iterable[Page | Skipped]]
"""The file and its source, to the pages in it."""

FAMILIES = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".html": "html",
    ".htm": "html",
    ".csv": "tables",
    ".tsv": "tables",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".pdf": "pdf",
    ".docx": "docx",
}
"""The module that reads files of each ending, imported with its library when one comes by."""


def load(paths: Iterable[Path]) -> Iterator[Page | Skipped]:
    for path in paths:
        if path.is_dir():
            yield from _load_folder(path)
        else:
            yield from _load_file(path, path.name)


def _load_folder(folder: Path) -> Iterator[Page | Skipped]:
    """Hidden files and endings that nobody reads are left out without a word."""
    unreadable: list[OSError] = []
    empty = True
    for here, folders, files in os.walk(folder, onerror=unreadable.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(here, name)
            if not name.startswith(".") and path.suffix.lower() in FAMILIES:
                empty = False
                yield from _load_file(path, path.relative_to(folder).as_posix())
    for error in unreadable:
        yield Skipped(Path(error.filename or folder), _reason(error))
    if empty and not unreadable:
        yield Skipped(folder, f"holds no document; kefu reads {endings()}")


def _load_file(path: Path, source: str) -> Iterator[Page | Skipped]:
    family = FAMILIES.get(path.suffix.lower())
    try:
        if not path.exists():
            yield Skipped(path, "no such file")
        elif not path.is_file():
            yield Skipped(path, "not a file")
        elif family is None:
            yield Skipped(path, f"unknown ending {path.suffix!r}; kefu reads {endings()}")
        elif path.stat().st_size == 0:
            yield Skipped(path, "empty file")
        else:
            yield from _filled(_loader(family)(path, source), path)
    except Exception as error:  # the libraries raise whatever they like on a broken file
        yield Skipped(path, _reason(error))


def _loader(family: str) -> Loader:
    loader: Loader = import_module(f"knowledge.loaders.{family}").load
    return loader


def _filled(pages: Iterable[Page | Skipped], path: Path) -> Iterator[Page | Skipped]:
    for page in pages:
        if isinstance(page, Page) and not page.sections:
            yield Skipped(path, f"no text in it ({page.source})")
        else:
            yield page


def _reason(error: Exception) -> str:
    if isinstance(error, UnreadableDocument):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    said = " ".join(str(error).split())[:120]
    return f"broken file ({said or type(error).__name__})"


def endings() -> str:
    return " ".join(FAMILIES)
