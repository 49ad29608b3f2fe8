"""What a room's events say, in the desk's terms. Nothing is believed of them but their types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any, TypeAlias

from bot.delivery import Incoming, Place
from bot.text import UNSAFE

CHANNEL = "matrix"
Event: TypeAlias = Mapping[str, Any]

_FILES = {"m.audio", "m.file", "m.image", "m.video"}
_WORDS = {"m.text", "m.emote"}
"""Types of message that are read; `m.notice`, a bot's, is not among them."""
_ID = re.compile(r"[!$@]\S{1,254}")
_FALLBACK = re.compile(r"> (?:\* )?<@")
"""So begins what older clients put before a reply: the message that it replies to."""
_TONES = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
_THUMBS = {"👍": True, "👎": False}
_LATEST = 10**15
"""Milliseconds, far ahead: a time beyond is no time."""


@dataclass(frozen=True, slots=True)
class Us:
    user_id: str
    name: str
    """As others see it."""


@dataclass(frozen=True, slots=True)
class Where:
    """What must be known of an event's room to understand it."""

    room: str
    is_direct: bool
    """One customer and we: all that is said there is for us."""
    order: int = 0
    """Of the event, among those that were read: several may be of one millisecond."""


@dataclass(frozen=True, slots=True)
class Said:
    message: Incoming
    is_addressed: bool
    """By a mention, or in a direct room. In a thread of ours all are."""
    replies_to: str = ""
    """The message that it answers without being in a thread: some clients know none."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The text of a message is another now; where that stands, the message itself says."""

    event: str
    sender: str
    text: str
    revision: str
    mentions_us: bool


@dataclass(frozen=True, slots=True)
class Redacted:
    event: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A thumb at a message."""

    event: str
    reference: str
    """The message."""
    customer: str
    helpful: bool


class Unreadable:
    """It is encrypted."""


Understood: TypeAlias = Said | Edited | Redacted | Judged | Unreadable


def understood(event: Event, where: Where, us: Us) -> Understood | None:
    """None for all that does not concern the desk: other kinds of events, what bots say, ourselves
    among them, and what is torn."""
    sender, event_id = identifier(event, "sender"), identifier(event, "event_id")
    time = event.get("origin_server_ts")
    if not sender or not event_id or sender == us.user_id or "state_key" in event:
        return None
    if isinstance(time, bool) or not isinstance(time, int) or not 0 <= time < _LATEST:
        return None
    content = inner(event, "content")
    match _text(event, "type"):
        case "m.room.message":
            position = f"{time:015}.{where.order:09}"
            return _message(event_id, sender, position, content, where, us)
        case "m.room.redaction":
            redacted = identifier(event, "redacts") or identifier(content, "redacts")
            return Redacted(redacted) if redacted else None
        case "m.reaction":
            return _judged(event_id, sender, inner(content, "m.relates_to"))
        case "m.room.encrypted":
            return Unreadable()
    return None


def _message(
    event_id: str, sender: str, position: str, content: Event, where: Where, us: Us
) -> Said | Edited | None:
    relation = inner(content, "m.relates_to")
    kind = _text(relation, "rel_type")
    other = identifier(relation, "event_id")
    if kind == "m.replace":
        content = inner(content, "m.new_content")
    text = _words(content, us)
    if text is None:
        return None
    is_mentioned = mentions(content, us)
    if kind == "m.replace":
        return Edited(other, sender, text, position, is_mentioned) if other else None
    thread, replies_to = other if kind == "m.thread" else "", ""
    if not thread and not where.is_direct:
        thread = event_id
        replies_to = identifier(inner(relation, "m.in_reply_to"), "event_id")
    said = Incoming(
        place=Place(CHANNEL, f"{where.room} {thread}".rstrip()),
        event=event_id,
        position=position,
        customer=sender,
        text=text,
    )
    return Said(said, is_mentioned or where.is_direct, replies_to)


def place_parts(key: str) -> tuple[str, str]:
    """Room and thread of a place's key; no thread where the place is the whole room."""
    room, _, thread = key.partition(" ")
    return room, thread


def mentions(content: Event, us: Us) -> bool:
    """Clients that do not say whom they mention write the name."""
    if isinstance(content.get("m.mentions"), Mapping):
        users = inner(content, "m.mentions").get("user_ids")
        return isinstance(users, list) and us.user_id in users
    if us.user_id in _text(content, "body") or us.user_id in _text(content, "formatted_body"):
        return True
    name = rf"(?<!\w){re.escape(us.name)}(?!\w)"
    return bool(us.name and re.search(name, _text(content, "body"), re.IGNORECASE))


def _words(content: Event, us: Us) -> str | None:
    """What the customer sees, without our own name in front; None for what is no customer's."""
    kind, body = _text(content, "msgtype"), _text(content, "body")
    if kind in _FILES:
        name = _text(content, "filename")
        return body.strip() or name.strip()
    if kind not in _WORDS:
        return None
    if "m.in_reply_to" in inner(content, "m.relates_to"):
        body = _without_fallback(body)
    name = rf"|@?{re.escape(us.name)}" if us.name else ""
    in_front = rf"\A\s*(?:{re.escape(us.user_id)}{name})(?:[:,]|(?!\w))"
    return re.sub(in_front, "", body, count=1, flags=re.IGNORECASE).strip()


def _without_fallback(body: str) -> str:
    if not _FALLBACK.match(body):
        return body
    return "\n".join(dropwhile(lambda line: line.startswith(">"), body.split("\n")))


def _judged(event_id: str, sender: str, relation: Event) -> Judged | None:
    helpful = _THUMBS.get(_TONES.sub("", _text(relation, "key")))
    reference = identifier(relation, "event_id")
    if helpful is None or not reference or _text(relation, "rel_type") != "m.annotation":
        return None
    return Judged(event_id, reference, sender, helpful)


def inner(event: Event, name: str) -> Event:
    """Empty where it is none."""
    found = event.get(name)
    return found if isinstance(found, Mapping) else {}


def identifier(event: Event, name: str) -> str:
    """Of a room, a user or an event; empty where it is none."""
    found = _text(event, name)
    return found if _ID.fullmatch(found) and not UNSAFE.search(found) else ""


def _text(event: Event, name: str) -> str:
    found = event.get(name)
    return found if isinstance(found, str) else ""
