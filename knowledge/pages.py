"""What a loader makes of a file: pages of sections of blocks, all plain text."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a list or a table: kept whole where it fits into a passage."""

    text: str
    header: str = ""
    """The first line of a table, repeated where the table has to be cut."""


@dataclass(slots=True)
class Section:
    heading: str = ""
    """The headings above it, joined by " > "; empty at the top of a page."""
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    source: str
    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    path: Path
    reason: str
    """Half a sentence for the reader: what is wrong with it."""


class Outline:
    """Builds the sections of a page while its headings and blocks come by, in order."""

    def __init__(self) -> None:
        self.title = ""
        self.sections = [Section()]
        self._above: list[tuple[int, str]] = []

    def head(self, level: int, text: str) -> None:
        """The first heading of level 1 is the title, unless something came before it."""
        if not text:
            return
        if level == 1 and not self.title and not self._above:
            self.title = text
            return
        self._above = [(other, name) for other, name in self._above if other < level]
        self._above.append((level, text))
        self.sections.append(Section(" > ".join(name for _, name in self._above)))

    def add(self, text: str, header: str = "") -> None:
        if text := text.strip("\n").rstrip():
            self.sections[-1].blocks.append(Block(text, header))

    def page(self, source: str, title: str) -> Page:
        """`title` where the page itself has none."""
        filled = tuple(section for section in self.sections if section.blocks)
        return Page(source, self.title or title, filled)
