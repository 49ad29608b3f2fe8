"""HTML pages: what a reader sees of them, without menus and footers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag

from knowledge.loaders.text import read_text, title_of
from knowledge.pages import Outline, Page

NOT_CONTENT = (
    *("script", "style", "template", "noscript", "svg", "nav", "footer", "aside"),
    *("form", "button", "select", "iframe", "title"),
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}
LISTS = ("ul", "ol", "dl")
GROUPS = (*LISTS, "table")
DEEPEST = 10
"""Levels of a list that are shown."""
BLOCKS = (
    *("p", "li", "dt", "dd", "pre", "blockquote", "figcaption", "summary", "details", "address"),
    *("div", "section", "article", "main", "header", "body", "[document]", *HEADINGS, *GROUPS),
)


def load(path: Path, source: str) -> Iterator[Page]:
    soup = BeautifulSoup(read_text(path), "html.parser")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    body = soup.select_one("main") or soup.select_one("article") or soup.body or soup
    for tag in body.find_all(NOT_CONTENT):
        tag.decompose()
    yield _outline(body).page(source, title or title_of(source))


def _outline(body: Tag) -> Outline:
    outline = Outline()
    inside: set[int] = set()  # of lists and tables, which are read as a whole
    for tag in [body, *body.find_all(BLOCKS)]:
        if id(tag) in inside:
            continue
        if tag.name in HEADINGS:
            outline.head(HEADINGS[tag.name], _text(tag).replace("\n", " "))
        elif tag.name in GROUPS:
            inside.update(map(id, tag.find_all(BLOCKS)))
            lines = list(_rows(tag) if tag.name == "table" else _items(tag))
            outline.add("\n".join(lines), lines[0] if lines and tag.find("th") else "")
        else:
            outline.add(tag.get_text() if tag.name == "pre" else _text(tag))
    return outline


def _rows(table: Tag) -> Iterator[str]:
    for row in table.find_all("tr"):
        cells = [cell.get_text(" ", strip=True) for cell in row.find_all(("td", "th"))]
        if any(cells):
            yield " | ".join(" ".join(cell.split()) for cell in cells)


def _items(group: Tag) -> Iterator[str]:
    numbers: Counter[int] = Counter()
    for item in group.find_all(("li", "dt", "dd")):
        above = item.find_parent(LISTS)
        numbers[id(above)] += 1
        text = _text(item, without=LISTS).replace("\n", " ")
        if text and above is not None:
            indent = "  " * (len(item.find_parents(LISTS, limit=DEEPEST)) - 1)
            yield indent + _marker(above.name, numbers[id(above)]) + text


def _marker(kind: str, number: int) -> str:
    return {"ul": "- ", "ol": f"{number}. "}.get(kind, "")


def _text(tag: Tag, *, without: Collection[str] = BLOCKS) -> str:
    """The text in it, but not in those inside of it, with white space as a browser shows it."""
    text = re.sub(r"[ \t\n\f]+", " ", "".join(_strings(tag, without)))
    return re.sub(r" ?\r ?", "\n", text).strip()


def _strings(tag: Tag, without: Collection[str]) -> Iterator[str]:
    r"""A line break comes out as \r: HTML's own are spaces."""
    waiting: list[PageElement] = list(reversed(tag.contents))
    while waiting:
        element = waiting.pop()
        if not isinstance(element, Tag):
            if type(element) is NavigableString:  # comments and the like are subclasses
                yield str(element)
        elif element.name == "br":
            yield "\r"
        elif element.name not in without:
            if element.name in BLOCKS:
                yield " "
                waiting.append(NavigableString(" "))
            waiting.extend(reversed(element.contents))
