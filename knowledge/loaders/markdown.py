"""Markdown to plain text: lists and tables keep their lines, links their text, code its text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.loaders.text import read_text, title_of
from knowledge.pages import Outline, Page

FRONT_MATTER = re.compile(
    r"\A(---|\+\+\+)[ \t]*\n(?P<fields>.*?)^\1[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
TITLE_FIELD = re.compile(r"^title\s*[:=]\s*[\"']?(?P<title>.*?)[\"']?\s*$", re.MULTILINE)
BESIDE_HAN = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff\uff00-\uffef])")
"""A line break inside Chinese text stands for nothing, elsewhere for a space."""


def load(path: Path, source: str) -> Iterator[Page]:
    yield read_markdown(read_text(path)).page(source, title_of(source))


def read_markdown(text: str) -> Outline:
    outline = Outline()
    if front := FRONT_MATTER.match(text):
        text = text[front.end() :]
        if named := TITLE_FIELD.search(front["fields"]):
            outline.title = named["title"]
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    _Walk(outline).over(parser.parse(text))
    if len(outline.sections) > 1 and outline.sections[1].heading == outline.title:
        outline.sections[1].heading = ""  # the title of the front matter, said again
    return outline


class _Walk:
    """One pass over the tokens; a block is complete when its outermost token closes."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._lines: list[str] = []
        self._row: list[str] | None = None
        self._header = ""
        self._depth = 0
        self._marker = ""

    def over(self, tokens: Sequence[Token]) -> None:
        level = 0
        for token in tokens:
            if token.type == "heading_open":
                level = int(token.tag[1:])
            elif token.type == "heading_close":
                level = 0
            elif token.type == "inline" and level and token.level == 1:
                self._outline.head(level, plain_text(token).replace("\n", " "))
            else:
                self._take(token)
            if token.level == 0 and token.nesting <= 0:
                self._finish()

    def _take(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._depth += 1
            case "bullet_list_close" | "ordered_list_close":
                self._depth -= 1
            case "list_item_open":
                self._marker = f"{token.info}{token.markup} " if token.info else "- "
            case "tr_open":
                self._row = []
            case "tr_close":
                self._end_row()
            case "thead_close":
                self._header = self._lines[-1] if self._lines else ""
            case "inline":
                self._write(plain_text(token))
            case "fence" | "code_block":
                self._write(token.content)
            case "html_block":
                self._write(_without_tags(token.content))

    def _write(self, text: str) -> None:
        if self._row is not None:
            self._row.append(text.replace("\n", " "))
            return
        indent = "  " * max(0, self._depth - 1)
        for line in text.rstrip().split("\n"):
            self._lines.append(f"{indent}{self._marker}{line}".rstrip())
            self._marker = ""

    def _end_row(self) -> None:
        self._lines.append(" | ".join(self._row or ()))
        self._row = None

    def _finish(self) -> None:
        self._outline.add("\n".join(self._lines), self._header)
        self._lines, self._header = [], ""


def plain_text(inline: Token) -> str:
    text = "".join(map(_shown, inline.children or ()))
    text = re.sub(r"[ \t]*\n[ \t]*", " ", BESIDE_HAN.sub("", text))
    return re.sub(r"[ \t]*\r[ \t]*", "\n", text).strip()


def _shown(token: Token) -> str:
    r"""A break that is meant comes out as \r: the parser leaves none in the text itself."""
    if token.type == "softbreak":
        return "\n"
    if token.type == "hardbreak":
        return "\r"
    if token.type == "html_inline":
        return "\r" if token.content.lower().startswith("<br") else ""
    return token.content


def _without_tags(html: str) -> str:
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser").get_text("\n", strip=True)
