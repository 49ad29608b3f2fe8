"""CSV: tables of questions and answers, or else each row as a text."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.errors import UnreadableDocument
from knowledge.loaders.text import read_text, title_of
from knowledge.pages import Block, Outline, Page, Section

QUESTION = ("question", "questions", "q", "query", "frage", "问题", "问", "提问", "常见问题")
ANSWER = ("answer", "answers", "a", "response", "reply", "antwort", "答案", "回答", "答", "答复")
DELIMITERS = ",;\t|"


def load(path: Path, source: str) -> Iterator[Page]:
    rows = _rows(read_text(path))
    if not rows:
        raise UnreadableDocument("no rows in it")
    names = [cell.strip().lower() for cell in rows[0]]
    question = next((names.index(name) for name in QUESTION if name in names), None)
    answer = next((names.index(name) for name in ANSWER if name in names), None)
    if question is None or answer is None:
        yield _rows_as_text(rows).page(source, title_of(source))
    else:
        sections = tuple(_answers(rows[1:], question, answer))
        yield Page(source, title_of(source), sections)


def _rows(text: str) -> list[list[str]]:
    csv.field_size_limit(sys.maxsize)  # the default refuses a cell of 128 KB
    try:
        reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text), strict=True)
        return [row for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UnreadableDocument(f"not a CSV table ({error})") from None


def _delimiter(text: str) -> str:
    """What separates most columns in the first row: csv.Sniffer takes letters for one."""
    first = text[: text.find("\n")] if "\n" in text else text
    return max(DELIMITERS, key=first.count)


def _answers(rows: Sequence[Sequence[str]], question: int, answer: int) -> Iterator[Section]:
    for row in rows:
        if len(row) > max(question, answer) and row[answer].strip():
            heading = " ".join(row[question].split())
            yield Section(heading, [Block(row[answer].strip())])


def _rows_as_text(rows: Sequence[Sequence[str]]) -> Outline:
    outline = Outline()
    names = [cell.strip() for cell in rows[0]]
    named = len(rows) > 1 and all(names) and not any(_is_number(name) for name in names)
    for row in rows[1:] if named else rows:
        cells = [" ".join(cell.split()) for cell in row]
        labelled = [
            f"{names[column]}: {cell}" if named and column < len(names) else cell
            for column, cell in enumerate(cells)
            if cell
        ]
        outline.add(" | ".join(labelled))
    return outline


def _is_number(text: str) -> bool:
    return text.lstrip("+-€$£¥ ").replace(".", "").replace(",", "").isdigit()
