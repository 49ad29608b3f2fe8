"""What Slack's events say, in the desk's terms. Nothing is believed of them but their types."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.delivery import Attachment, Incoming, Place

CHANNEL = "slack"
Event: TypeAlias = Mapping[str, Any]

_SPOKEN = {"", "file_share", "thread_broadcast"}
"""Subtypes of what somebody said; all others tell of something else."""
_SLACKBOT = "USLACKBOT"
_FILE = re.compile(r"[A-Z0-9]{1,32}")
TIMESTAMP = re.compile(r"\d{1,12}\.\d{6}")
_REFERENCE = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


@dataclass(frozen=True, slots=True)
class _Event:
    message: Incoming
    is_addressed: bool
    """To the bot: by a mention, or in a direct message. In a thread of ours all are."""


class Said(_Event):
    """Somebody wrote something."""


class Edited(_Event):
    """Its text is another now."""


class Deleted(_Event):
    """It was taken back."""


def understood(body: Event, bot_user: str) -> _Event | None:
    """Of an `event_callback`; None for all that does not concern the desk: other kinds of events,
    what bots say, ourselves among them, and what is torn."""
    event = body.get("event")
    if not isinstance(event, Mapping) or _text(event, "type") not in {"message", "app_mention"}:
        return None
    team = _text(body, "team_id") or _text(body, "enterprise_id")
    subtype = _text(event, "subtype")
    changes: dict[str, type[_Event]] = {"message_changed": Edited, "message_deleted": Deleted}
    kind = changes.get(subtype, Said)
    said: Event | None = event
    if kind is Edited and _is_tombstone(event):  # so Slack tells of one that has replies
        kind = Deleted
    if kind is Edited:
        said = _changed(event)
    elif kind is Deleted:
        said = _inner(event, "previous_message")
    elif subtype not in _SPOKEN:
        return None
    message = _incoming(team, event, said, bot_user) if said else None
    if said is None or message is None:
        return None
    is_addressed = (
        event.get("type") == "app_mention"
        or _is_direct(event)
        or f"<@{bot_user}>" in _text(said, "text")
    )
    return kind(message, is_addressed)


def _is_direct(event: Event) -> bool:
    """Where the type is left out, the id says it."""
    kind = event.get("channel_type")
    return kind == "im" or (kind is None and _text(event, "channel").startswith("D"))


def is_farewell(event: Event) -> bool:
    """Whether kefu was uninstalled. Users who take back a token of their own are none of it."""
    if event.get("type") == "tokens_revoked":
        return bool((_inner(event, "tokens") or {}).get("bot"))
    return event.get("type") == "app_uninstalled"


def _is_tombstone(event: Event) -> bool:
    return _text(_inner(event, "message") or {}, "subtype") == "tombstone"


def _changed(event: Event) -> Event | None:
    """Slack says so, too, when a link was unfurled or a thread got a reply: the text is the same
    then."""
    after, before = _inner(event, "message"), _inner(event, "previous_message")
    if after is None or (before is not None and before.get("text") == after.get("text")):
        return None
    return after


def _incoming(team: str, event: Event, said: Event, bot_user: str) -> Incoming | None:
    channel, user, ts = _text(event, "channel"), _text(said, "user"), _text(said, "ts")
    is_bot = "bot_id" in said or said.get("subtype") == "bot_message"
    if is_bot or user in {"", _SLACKBOT, bot_user}:
        return None
    if not channel or not TIMESTAMP.fullmatch(ts):
        return None
    thread = _text(said, "thread_ts") or ts
    return Incoming(
        place=Place(CHANNEL, f"{team}/{channel}/{thread}"),
        event=f"{team}/{channel}/{ts}",
        position=position_of(ts),
        customer=f"{team}/{user}",
        text=plain_text(_text(said, "text"), bot_user),
        revision=_text(_inner(said, "edited") or {}, "ts"),
        attachments=tuple(_attachments(said)),
    )


def position_of(ts: str) -> str:
    """Sorts as Slack's timestamps do."""
    return ts.zfill(len("1700000000.000000"))


def place_parts(key: str) -> tuple[str, str, str]:
    """Team, channel and thread of a place's key."""
    team, channel, thread = key.split("/")
    return team, channel, thread


def plain_text(text: str, bot_user: str) -> str:
    """What the customer sees in place of Slack's references, without our own name in front."""
    return html.unescape(_REFERENCE.sub(lambda found: _shown(found, bot_user), text)).strip()


def _shown(found: re.Match[str], bot_user: str) -> str:
    target, label = found[1], found[2] or ""
    if target == f"@{bot_user}":
        return ""
    if target.startswith("@"):
        return f"@{label or target[1:]}"
    if target.startswith("#"):
        return f"#{label or target[1:]}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    target = target.removeprefix("mailto:").removeprefix("tel:")
    return f"{label} ({target})" if label and label not in target else target


def _attachments(said: Event) -> Iterator[Attachment]:
    files = said.get("files")
    for file in files if isinstance(files, Sequence) and not isinstance(files, str) else ():
        if isinstance(file, Mapping) and _FILE.fullmatch(_text(file, "id")):
            size = file.get("size")
            known = size if isinstance(size, int) and 0 <= size < 1 << 50 else 0
            yield Attachment(_text(file, "name"), _text(file, "id"), known)


def _inner(event: Event, name: str) -> Event | None:
    found = event.get(name)
    return found if isinstance(found, Mapping) else None


def _text(event: Event, name: str) -> str:
    found = event.get(name)
    return found if isinstance(found, str) else ""
