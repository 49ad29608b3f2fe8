"""`python -m knowledge.reader FILE CHARACTERS`: a document's text, for a process that would rather
not read it itself."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from knowledge.loaders import load
from knowledge.pages import Page

_MEGABYTES = 1_024
_SECONDS = 20


def main(path: str, characters: str) -> int:
    _confine()
    text, limit = "", int(characters)
    for page in load([Path(path)]):
        if not isinstance(page, Page):
            continue
        for section in page.sections:
            head = [section.heading] if section.heading else []
            text += "\n\n".join([*head, *(block.text for block in section.blocks)]) + "\n\n"
            if len(text) >= limit:
                break
    sys.stdout.buffer.write(text[:limit].encode(errors="replace"))
    return 0 if text else 1


def _confine() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEGABYTES << 20, _MEGABYTES << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
