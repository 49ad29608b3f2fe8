"""Word documents through python-docx: headings, paragraphs, lists and tables in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import UnreadableDocument
from knowledge.loaders.text import title_of
from knowledge.pages import Outline, Page

if TYPE_CHECKING:
    from docx.table import Table

HEADING = re.compile(r"(?:Heading|heading) (\d)")


def load(path: Path, source: str) -> Iterator[Page]:
    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from docx.table import Table

    try:
        document = docx.Document(str(path))
    except PackageNotFoundError:
        raise UnreadableDocument("not a Word document (.docx)") from None
    outline = Outline()
    items: list[str] = []
    for block in document.iter_inner_content():
        style = "" if isinstance(block, Table) else block.style.name
        if style.startswith("List"):
            items.append(f"- {block.text.strip()}")
            continue
        outline.add("\n".join(items))
        items = []
        if isinstance(block, Table):
            rows = list(_rows(block))
            outline.add("\n".join(rows), rows[0] if rows else "")
        elif style == "Title":
            outline.head(1, block.text.strip())
        elif heading := HEADING.fullmatch(style):
            outline.head(int(heading[1]), block.text.strip())
        else:
            outline.add(block.text)
    outline.add("\n".join(items))
    title = document.core_properties.title.strip()
    yield outline.page(source, title or title_of(source))


def _rows(table: Table) -> Iterator[str]:
    for row in table.rows:
        cells = [" ".join(cell.text.split()) for cell in row.cells]
        if any(cells):
            yield " | ".join(cells)
