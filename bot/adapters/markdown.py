"""What the platforms' ways to show a reply share: its Markdown, and its sources."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.conversation import Citation
from bot.text import printable

BOLD = re.compile(r"\*\*(\S(?:[^*\n]*\S)?)\*\*")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]{1,200})\]\((https?://[^\s()<>|]+)\)")
_SOURCES = 5
_SOURCE = 200
"""Characters of one."""


def linked(text: str) -> str:
    """A link shows where it leads."""
    return _LINK.sub(r"\1 (\2)", text)


def sources_of(citations: Sequence[Citation]) -> list[str]:
    """A line for each page that is cited."""
    cited = dict.fromkeys(_source(one) for one in citations if one.cited and one.quote)
    return list(cited)[:_SOURCES]


def _source(citation: Citation) -> str:
    where = " › ".join(part for part in (citation.title, citation.heading) if part)
    return "📄 " + printable(where or citation.source)[:_SOURCE].replace("\n", " ")
