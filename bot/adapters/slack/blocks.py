"""A reply as Slack's blocks. Its text is data: it can make no mention, no link and no command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from bot.adapters.markdown import BOLD, HEADING, linked, sources_of
from bot.conversation import Citation, Message, Role
from bot.skills import replies
from bot.text import printable

Block: TypeAlias = dict[str, Any]

SECTION = 3_000
"""Characters of a section's text at most."""
BLOCKS = 49
"""Of a reply at most: Slack takes 50, and buttons may follow."""
FALLBACK = 3_000
"""Characters of the text that stands in notifications, in place of the blocks."""
_LINE = 500


def blocks_of(message: Message) -> list[Block]:
    """Its text in sections, then its sources."""
    sources = [*_sources(message.citations), *_author(message)]
    room = BLOCKS - len(sources)
    pieces = list(split(mrkdwn(message.text), SECTION))
    if len(pieces) > room:
        pieces = [*pieces[: room - 1], "…"]
    texts: list[Block] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": piece, "verbatim": True}}
        for piece in pieces
    ]
    return texts + sources


def fallback(message: Message) -> str:
    text = mrkdwn(message.text)
    return text if len(text) <= FALLBACK else next(split(text, FALLBACK - 1)) + "…"


def alert_of(digest: Sequence[str], link: str) -> dict[str, Any]:
    """A person is called: `text` and `blocks`. `link` is Slack's own, to the thread."""
    lines = [escape(printable(line).replace("\n", " ")[:_LINE]) for line in digest]
    head = f"*A person is needed* · <{link}|open the thread>" if link else "*A person is needed*"
    text = "\n".join([head, *(f"• {line}" for line in lines)])
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
    return {"text": "A person is needed", "blocks": [block]}


def mrkdwn(text: str) -> str:
    """Of Markdown: bold, headings and links look as they should; what Slack would take for its
    own is escaped, and a link shows where it leads."""
    text = linked(printable(text))
    text = BOLD.sub(r"*\1*", HEADING.sub(r"*\1*", text))
    return escape(text)


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def split(text: str, size: int) -> Iterator[str]:
    """In pieces of `size` characters at most: between paragraphs, else lines, else words, and
    never within an escape."""
    rest = text.strip()
    while len(rest) > size:
        cut = next((at for mark in ("\n\n", "\n", " ") if (at := rest.rfind(mark, 1, size)) > 0), 0)
        if not cut:
            cut = size
            torn = rest.rfind("&", size - len("&amp;"), size)
            if torn > 0 and ";" not in rest[torn:size]:
                cut = torn
        yield rest[:cut].rstrip()
        rest = rest[cut:].lstrip("\n ")
    if rest:
        yield rest


def _sources(citations: Sequence[Citation]) -> list[Block]:
    cited = [escape(line) for line in sources_of(citations)]
    if not cited:
        return []
    elements = [{"type": "mrkdwn", "text": text, "verbatim": True} for text in cited]
    return [{"type": "context", "elements": elements}]


def _author(message: Message) -> list[Block]:
    """The bot posts what an agent wrote, too: their name is for the team alone."""
    if message.role is not Role.AGENT:
        return []
    by = replies.fixed(replies.BY_A_PERSON, message.language or "en")
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": by, "verbatim": True}]}]
