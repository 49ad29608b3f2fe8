"""Plain text, in whatever encoding it comes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from bot.errors import UnreadableDocument
from knowledge.pages import Outline, Page

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
TITLE = 80
"""Characters. A first line no longer than this, on its own and without a full stop, is a title."""


def load(path: Path, source: str) -> Iterator[Page]:
    yield outline_of(read_text(path)).page(source, title_of(source))


def outline_of(text: str) -> Outline:
    outline = Outline()
    paragraphs = [piece for piece in re.split(r"\n[^\S\n]*(?:\n[^\S\n]*)+", text) if piece.strip()]
    if len(paragraphs) > 1 and _is_title(paragraphs[0].strip()):
        outline.title = paragraphs.pop(0).strip()
    for paragraph in paragraphs:
        outline.add(paragraph)
    return outline


def _is_title(line: str) -> bool:
    return len(line) <= TITLE and "\n" not in line and line[-1] not in ".!?:;,。！？：；，"


def title_of(source: str) -> str:
    """Words of a file's name: "help/gift-cards.zh.md" is "gift cards"."""
    name = Path(source).name.partition(".")[0] or Path(source).name
    return re.sub(r"[-_\s]+", " ", name).strip() or source


def read_text(path: Path) -> str:
    """Line ends as "\\n", without NUL bytes. Raise UnreadableDocument where it is no text."""
    text = _decode(path.read_bytes())
    nuls = text.count("\0")
    if nuls * 100 > len(text):
        raise UnreadableDocument("a binary file, not text")
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def _decode(data: bytes) -> str:
    wide = data.startswith(UTF_16)
    for encoding in ["utf-16"] if wide else ["utf-8-sig", "gb18030"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "gb18030" or _is_chinese(text):
            return text
    raise UnreadableDocument("neither UTF-8, UTF-16 nor GB 18030; save it as UTF-8")


def _is_chinese(text: str) -> bool:
    """GB 18030 decodes almost any bytes, but only to rare characters unless they are Chinese."""
    beyond_ascii = "".join(char for char in text if char > "\x7f")
    return len(beyond_ascii.encode("gb2312", errors="ignore")) >= 1.8 * len(beyond_ascii)
