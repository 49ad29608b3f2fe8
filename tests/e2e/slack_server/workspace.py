"""What a workspace holds, and what its Web API takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

TEAM, BOT_USER, BOT = "T0KEFU", "U0KEFU", "B0KEFU"
SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.replies": "channels:history",
    "conversations.history": "channels:history",
}
ALL_SCOPES = {
    *SCOPES.values(), "app_mentions:read", "groups:history", "im:history", "mpim:history"
}  # fmt: skip
FIELDS = {
    "auth.test": {"team_id"},
    "apps.connections.open": set[str](),
    "chat.postMessage": {
        "channel", "thread_ts", "text", "blocks", "metadata", "unfurl_links", "unfurl_media",
        "mrkdwn",
    },
    "chat.getPermalink": {"channel", "message_ts"},
    "chat.update": {"channel", "ts", "text", "blocks", "metadata"},
    "conversations.history": {
        "channel", "cursor", "limit", "oldest", "latest", "inclusive", "include_all_metadata",
    },
    "conversations.replies": {
        "channel", "ts", "cursor", "limit", "oldest", "latest", "inclusive",
        "include_all_metadata",
    },
}  # fmt: skip
_BLOCK_TEXT = {"section": 3_000}
_UNESCAPED = re.compile(r"&(?!amp;|lt;|gt;)|[<>]")
_OWN_LINK = re.compile(r"<https://kefu\.slack\.com/archives/[^<>|]+\|open the thread>")
"""The one reference that kefu makes itself."""


class Refusal(Exception):
    """Slack's `error`."""


@dataclass
class Channel:
    is_im: bool = False
    is_archived: bool = False


@dataclass
class Workspace:
    channels: dict[str, Channel] = field(default_factory=lambda: {"C0HELP": Channel()})
    messages: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By channel and ts, in the order of the platform."""
    scopes: set[str] = field(default_factory=lambda: set(ALL_SCOPES))
    stamps: Iterator[int] = field(default_factory=lambda: count(1))

    def add(self, channel: str, **message: Any) -> dict[str, Any]:
        number = next(self.stamps)
        ts = f"{1_800_000_000 + number // 10**6}.{number % 10**6:06}"
        found = {"type": "message", "ts": ts, **{k: v for k, v in message.items() if v is not None}}
        self.messages[channel, ts] = found
        return found

    def thread(self, channel: str, ts: str) -> list[dict[str, Any]]:
        return [
            message
            for (where, stamp), message in self.messages.items()
            if where == channel and ts in (stamp, message.get("thread_ts"))
        ]

    def answer(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Raise Refusal."""
        if method not in FIELDS:
            raise Refusal("unknown_method")
        if unknown := set(arguments) - FIELDS[method] - {"token"}:
            raise Refusal(f"invalid_arguments: {sorted(unknown)}")
        if (scope := SCOPES.get(method)) and scope not in self.scopes:
            raise Refusal("missing_scope")
        if "channel" in FIELDS[method]:
            channel = self.channels.get(str(arguments.get("channel")))
            if channel is None:
                raise Refusal("channel_not_found")
            if channel.is_archived and method.startswith("chat."):
                raise Refusal("is_archived")
        handlers = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.getPermalink": self._permalink,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
        }
        return handlers[method](arguments)

    def _auth_test(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT, "team": "Kefu", "user": "kefu"}

    def _post(self, given: Mapping[str, Any]) -> dict[str, Any]:
        channel, thread = str(given["channel"]), given.get("thread_ts")
        if thread is not None and (channel, thread) not in self.messages:
            raise Refusal("thread_not_found")
        _check_text(given)
        message = self.add(
            channel,
            user=BOT_USER,
            bot_id=BOT,
            text=given.get("text", ""),
            thread_ts=thread,
            blocks=given.get("blocks"),
            metadata=given.get("metadata"),
        )
        return {"channel": channel, "ts": message["ts"], "message": message}

    def _replies(self, given: Mapping[str, Any]) -> dict[str, Any]:
        channel, ts = str(given["channel"]), str(given["ts"])
        if (channel, ts) not in self.messages:
            raise Refusal("thread_not_found")
        return _page(self.thread(channel, ts), given)

    def _history(self, given: Mapping[str, Any]) -> dict[str, Any]:
        here = [m for (channel, _), m in self.messages.items() if channel == given["channel"]]
        return _page([m for m in reversed(here) if "thread_ts" not in m], given)

    def _permalink(self, given: Mapping[str, Any]) -> dict[str, Any]:
        channel, ts = str(given["channel"]), str(given["message_ts"])
        if (channel, ts) not in self.messages:
            raise Refusal("message_not_found")
        address = f"https://kefu.slack.com/archives/{channel}/p{ts.replace('.', '')}"
        return {"channel": channel, "permalink": address}


def _page(messages: list[dict[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    first, limit = int(given.get("cursor") or 0), min(int(given.get("limit", 100)), 1000)
    shown = messages[first : first + limit]
    if str(given.get("include_all_metadata", "")).lower() not in {"true", "1"}:
        shown = [{k: v for k, v in m.items() if k != "metadata"} for m in shown]
    more = first + limit < len(messages)
    cursor = str(first + limit) if more else ""
    return {"messages": shown, "has_more": more, "response_metadata": {"next_cursor": cursor}}


def _check_text(given: Mapping[str, Any]) -> None:
    text, blocks = str(given.get("text", "")), given.get("blocks") or []
    if not text and not blocks:
        raise Refusal("no_text")
    if len(text) > 40_000:
        raise Refusal("msg_too_long")
    if len(blocks) > 50:
        raise Refusal("invalid_blocks: more than 50")
    for block in blocks:
        for written in _texts(block):
            if not 0 < len(written) <= _BLOCK_TEXT.get(block["type"], 3_000):
                raise Refusal(f"invalid_blocks: a text of {len(written)} characters")
            if _UNESCAPED.search(_OWN_LINK.sub("", written)):  # Slack would take it for a mention or a link
                raise Refusal(f"not escaped: {written!r}")
        if block["type"] == "context" and not 0 < len(block["elements"]) <= 10:
            raise Refusal("invalid_blocks: elements")
    if _UNESCAPED.search(text):
        raise Refusal(f"not escaped: {text!r}")
    metadata = given.get("metadata")
    if metadata is not None and set(metadata) != {"event_type", "event_payload"}:
        raise Refusal("invalid_metadata_format")


def _texts(block: Mapping[str, Any]) -> Iterator[str]:
    if block["type"] == "section":
        yield block["text"]["text"]
    elif block["type"] == "context":
        for element in block["elements"]:
            yield element["text"]
    else:
        raise Refusal(f"invalid_blocks: {block['type']}")
