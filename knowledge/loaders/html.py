"""HTML pages: what a reader sees of them, without menus and footers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString, PageElement, Tag

from knowledge.loaders.text import read_text, title_of
from knowledge.pages import Outline, Page

NOT_CONTENT = (
    *("script", "style", "template", "noscript", "svg", "nav", "footer", "aside"),
    *("form", "button", "select", "iframe", "title"),
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}
GROUPS = ("ul", "ol", "dl", "table")
BLOCKS = (
    *("p", "li", "dt", "dd", "pre", "blockquote", "figcaption", "summary", "details", "address"),
    *("div", "section", "article", "main", "header", "body", "[document]", *HEADINGS, *GROUPS),
)


def load_html(path: Path, source: str) -> Iterator[Page]:
    soup = BeautifulSoup(read_text(path), "html.parser")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    body = soup.select_one("main") or soup.select_one("article") or soup.body or soup
    for tag in body.find_all(NOT_CONTENT):
        tag.decompose()
    yield _outline(body).page(source, title or title_of(source))


def _outline(body: Tag) -> Outline:
    outline = Outline()
    for tag in [body, *body.find_all(BLOCKS)]:
        if tag.name in HEADINGS:
            outline.head(HEADINGS[tag.name], _text(tag).replace("\n", " "))
        elif tag.name in GROUPS:
            if tag.find_parent(GROUPS) is None:
                lines = list(_rows(tag) if tag.name == "table" else _items(tag))
                header = lines[0] if lines and tag.find("th") else ""
                outline.add("\n".join(lines), header)
        elif tag.find_parent(GROUPS) is None:
            outline.add(tag.get_text() if tag.name == "pre" else _text(tag))
    return outline


def _rows(table: Tag) -> Iterator[str]:
    for row in table.find_all("tr"):
        cells = [cell.get_text(" ", strip=True) for cell in row.find_all(("td", "th"))]
        if any(cells):
            yield " | ".join(" ".join(cell.split()) for cell in cells)


def _items(group: Tag) -> Iterator[str]:
    for item in group.find_all(("li", "dt", "dd")):
        inner = [_text(part) for part in item.find_all(("p", "div", "pre", "details"))]
        if text := " ".join([_text(item), *inner]).strip():
            yield f"{_marker(item)}{text}".replace("\n", " ")


def _marker(item: Tag) -> str:
    above = item.find_parent(GROUPS)
    if item.name != "li" or above is None:
        return ""
    indent = "  " * (len(item.find_parents(("ul", "ol"))) - 1)
    if above.name == "ul":
        return f"{indent}- "
    return f"{indent}{1 + len(item.find_previous_siblings('li'))}. "


def _text(tag: Tag) -> str:
    """The text that stands in no smaller block of it, its white space as a browser shows it."""
    text = "".join(_own(tag))
    return re.sub(r" ?\r ?", "\n", re.sub(r"[ \t\n\f]+", " ", text)).strip()


def _own(tag: Tag) -> Iterator[str]:
    waiting: list[PageElement] = list(reversed(tag.contents))
    while waiting:
        element = waiting.pop()
        if isinstance(element, Tag):
            if element.name == "br":
                yield "\r"
            elif element.name not in BLOCKS:
                waiting.extend(reversed(element.contents))
        elif type(element) is NavigableString:  # comments and the like are subclasses
            yield str(element)
