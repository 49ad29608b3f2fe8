"""A reply as Matrix messages. Its text is data: it can make no mention, no link and no HTML."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

from bot.adapters.markdown import BOLD, HEADING, linked, sources_of
from bot.conversation import Message, Role
from bot.text import printable

Content: TypeAlias = dict[str, Any]

PIECE = 6_000
"""Characters of a message at most: with its HTML eight bytes each, and an event holds 65,536."""
UNREADABLE = (
    "Messages in this room are encrypted, and I cannot read them. "
    "Please write to me in a room without encryption.\n"
    "此房间的消息已加密，我无法读取。请在未加密的房间里给我留言。"
)
_LINE = 500


def contents_of(message: Message) -> list[Content]:
    """Its text, over several messages where it is long, with its sources below the last. What we
    say by ourselves is a notice: other bots do not answer those."""
    kind = "m.text" if message.role is Role.AGENT else "m.notice"
    sources = sources_of(message.citations)
    pieces = list(_pieces(printable(message.text))) or ["…"]
    last = len(pieces) - 1
    return [_content(kind, piece, sources if at == last else []) for at, piece in enumerate(pieces)]


def notice(text: str) -> Content:
    return _content("m.notice", text, [])


def alert_of(digest: Sequence[str], link: str) -> Content:
    """A person is called. `link` is ours, to the conversation."""
    lines = [f"• {printable(line).replace(chr(10), ' ')[:_LINE]}" for line in digest]
    body = "\n".join([f"A person is needed: {link}", *lines])
    shown = html.escape(link)
    head = f'<strong>A person is needed</strong>: <a href="{shown}">open the conversation</a>'
    formatted = "<br>".join([head, *map(html.escape, lines)])
    return _shown("m.notice", body, formatted)


def link_to(room: str, event: str, server: str) -> str:
    """To a conversation, for any client. `server` knows the room."""
    where = "/".join(quote(part, safe="") for part in (room, event) if part)
    return f"https://matrix.to/#/{where}?via={quote(server, safe='')}"


def _content(kind: str, text: str, sources: Sequence[str]) -> Content:
    body = "\n".join([linked(text), *([""] if sources else []), *sources])
    formatted = "<br>".join(
        [formatted_body(text), *(f"<em>{html.escape(s)}</em>" for s in sources)]
    )
    return _shown(kind, body, formatted)


def _shown(kind: str, body: str, formatted: str) -> Content:
    return {
        "msgtype": kind,
        "body": body,
        "format": "org.matrix.custom.html",
        "formatted_body": formatted,
        "m.mentions": {},
    }


def formatted_body(text: str) -> str:
    """Of Markdown: bold and headings look as they should, a link shows where it leads, and what
    else Matrix would take for HTML is escaped."""
    text = html.escape(linked(text))
    text = BOLD.sub(r"<strong>\1</strong>", HEADING.sub(r"<strong>\1</strong>", text))
    return text.replace("\n", "<br>")


def _pieces(text: str) -> Iterator[str]:
    """Between paragraphs, else lines, else words."""
    rest = text.strip()
    while len(rest) > PIECE:
        marks = (rest.rfind(mark, 1, PIECE) for mark in ("\n\n", "\n", " "))
        cut = next((at for at in marks if at > 0), PIECE)
        yield rest[:cut].rstrip()
        rest = rest[cut:].lstrip()
    if rest:
        yield rest
