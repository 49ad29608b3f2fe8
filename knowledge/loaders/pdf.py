"""PDF through pypdf: the text of each page."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from bot.errors import UnreadableDocument
from knowledge.loaders.text import title_of
from knowledge.pages import Outline, Page

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what cannot be read is told in our words
HYPHEN = re.compile(r"(?<=[a-zà-ÿ])-\n(?=[a-zà-ÿ])")
"""A word cut at the end of a line."""


def load(path: Path, source: str) -> Iterator[Page]:
    from pypdf import PdfReader

    with path.open("rb") as file:
        reader = PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableDocument("locked with a password")
        title = reader.metadata.title if reader.metadata else None
        texts = [page.extract_text().replace("\0", "") for page in reader.pages]
    if not any(text.strip() for text in texts):
        raise UnreadableDocument("no text in it, only pictures")
    yield _outline(texts).page(source, (title or "").strip() or title_of(source))


def _outline(texts: list[str]) -> Outline:
    outline = Outline()
    for number, text in enumerate(texts, start=1):
        if len(texts) > 1:
            outline.head(2, f"p. {number}")
        for paragraph in re.split(r"\n\s*\n", HYPHEN.sub("", text)):
            outline.add(paragraph)
    return outline
