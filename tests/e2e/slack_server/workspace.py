"""What a workspace holds, and what its Web API takes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.e2e.slack_server.streams import FIELDS as STREAM_FIELDS
from tests.e2e.slack_server.streams import StreamRefusal, Streams

TEAM, BOT_USER, BOT = "T0KEFU", "U0KEFU", "B0KEFU"
SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.startStream": "chat:write",
    "chat.appendStream": "chat:write",
    "chat.stopStream": "chat:write",
    "assistant.threads.setStatus": "chat:write",
    "files.info": "files:read",
    "conversations.replies": "channels:history",
    "conversations.history": "channels:history",
}
ALL_SCOPES = {
    *SCOPES.values(), "app_mentions:read", "commands", "files:read", "groups:history", "im:history",
    "mpim:history",
}  # fmt: skip
FIELDS = {
    "auth.test": {"team_id"},
    "apps.connections.open": set[str](),
    "chat.postMessage": {
        "channel", "thread_ts", "text", "blocks", "metadata", "unfurl_links", "unfurl_media",
        "mrkdwn",
    },
    **STREAM_FIELDS,
    "files.info": {"file"},
    "assistant.threads.setStatus": {"channel_id", "thread_ts", "status", "loading_messages"},
    "chat.postEphemeral": {"channel", "user", "thread_ts", "text", "blocks"},
    "views.open": {"trigger_id", "view"},
    "views.publish": {"user_id", "view", "hash"},
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
_BLOCK_TEXT = {"section": 3_000, "header": 150, "actions": 75, "input": 2_000}
_UNESCAPED = re.compile(r"&(?!amp;|lt;|gt;)|[<>]")
_OWN_LINK = re.compile(r"<https://kefu\.slack\.com/archives/[^<>|]+\|open the thread>")
"""The one reference that kefu makes itself."""


class Refusal(Exception):
    """Slack's `error`."""


@dataclass
class Channel:
    is_im: bool = False
    is_archived: bool = False
    is_foreign: bool = False
    """kefu is not in it."""


@dataclass
class Workspace:
    team: str = TEAM
    bot_user: str = BOT_USER
    channels: dict[str, Channel] = field(
        default_factory=lambda: {"C0HELP": Channel(), "C0AGENTS": Channel()}
    )
    messages: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By channel and ts, in the order of the platform."""
    scopes: set[str] = field(default_factory=lambda: set(ALL_SCOPES))
    homes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By user."""
    forms: list[dict[str, Any]] = field(default_factory=list)
    whispers: list[dict[str, Any]] = field(default_factory=list)
    """Ephemeral messages."""
    triggers: dict[str, float] = field(default_factory=dict)
    """When each was given out; it serves once, for three seconds."""
    statuses: list[dict[str, Any]] = field(default_factory=list)
    streams: Streams = field(default_factory=Streams)
    spoken: list[tuple[str, str]] = field(default_factory=list)
    """Channel and thread, each time that kefu posted there, or added to what it had posted."""
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """By id: the address and the content."""
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
            given = str(arguments.get("channel"))
            channel = self.channels.get(given)
            if channel is None and given.startswith("U") and method == "chat.postMessage":
                channel = self.channels.setdefault(given, Channel(is_im=True))
            if channel is None:
                raise Refusal("channel_not_found")
            if channel.is_archived and method.startswith("chat."):
                raise Refusal("is_archived")
        handlers = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._whisper,
            "files.info": self._file,
            "chat.update": self._update,
            "chat.startStream": self._start,
            "chat.appendStream": self._append,
            "chat.stopStream": self._stop,
            "assistant.threads.setStatus": self._status,
            "views.open": self._open,
            "views.publish": self._publish,
            "chat.getPermalink": self._permalink,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
        }
        try:
            return handlers[method](arguments)
        except StreamRefusal as refusal:
            raise Refusal(str(refusal)) from None

    def _auth_test(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "team_id": self.team, "user_id": self.bot_user, "bot_id": BOT, "team": "Kefu",
            "user": "kefu",
        }  # fmt: skip

    def _post(self, given: Mapping[str, Any]) -> dict[str, Any]:
        channel, thread = str(given["channel"]), given.get("thread_ts")
        if thread is not None and (channel, thread) not in self.messages:
            raise Refusal("thread_not_found")
        _check_text(given)
        message = self.add(
            channel,
            user=self.bot_user,
            bot_id=BOT,
            text=given.get("text", ""),
            thread_ts=thread,
            blocks=given.get("blocks"),
            metadata=given.get("metadata"),
        )
        self._spoke(channel, message)
        return {"channel": channel, "ts": message["ts"], "message": message}

    def _spoke(self, channel: str, message: Mapping[str, Any]) -> None:
        self.spoken.append((channel, str(message.get("thread_ts", message["ts"]))))

    def _own(self, given: Mapping[str, Any]) -> dict[str, Any]:
        message = self.messages.get((str(given["channel"]), str(given["ts"])))
        if message is None:
            raise Refusal("message_not_found")
        if message.get("user") != BOT_USER:
            raise Refusal("cant_update_message")
        return message

    def _update(self, given: Mapping[str, Any]) -> dict[str, Any]:
        message = self._own(given)
        if self.streams.is_open((str(given["channel"]), str(given["ts"]))):
            raise Refusal("streaming_state_conflict")
        _check_text(given)
        message.pop("blocks", None)
        message.update({k: given[k] for k in ("text", "blocks", "metadata") if k in given})
        self._spoke(str(given["channel"]), message)
        return {"channel": given["channel"], "ts": given["ts"]}

    def _start(self, given: Mapping[str, Any]) -> dict[str, Any]:
        channel, thread = str(given["channel"]), str(given.get("thread_ts"))
        if (channel, thread) not in self.messages:
            raise Refusal("thread_not_found")
        begun = self.streams.start(given, self.channels[channel].is_im)
        message = self.add(channel, user=BOT_USER, bot_id=BOT, **begun)
        self.streams.opened[channel, message["ts"]] = time.monotonic()
        self._spoke(channel, message)
        return {"channel": channel, "ts": message["ts"]}

    def _append(self, given: Mapping[str, Any]) -> dict[str, Any]:
        key = str(given["channel"]), str(given["ts"])
        self.streams.append(key, given, self._own(given))
        self._spoke(key[0], self.messages[key])
        return {"channel": key[0], "ts": key[1]}

    def _stop(self, given: Mapping[str, Any]) -> dict[str, Any]:
        key = str(given["channel"]), str(given["ts"])
        self.streams.stop(key, given, self._own(given))
        return {"channel": key[0], "ts": key[1]}

    def _status(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if (str(given["channel_id"]), str(given["thread_ts"])) not in self.messages:
            raise Refusal("invalid_thread_ts")
        self.statuses.append(dict(given))
        return {}

    def _file(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if given["file"] not in self.files:
            raise Refusal("file_not_found")
        address, _ = self.files[given["file"]]
        return {"file": {"id": given["file"], "url_private_download": address}}

    def trigger(self) -> str:
        name = f"{next(self.stamps)}.{len(self.triggers)}.abcdef"
        self.triggers[name] = time.monotonic()
        return name

    def _whisper(self, given: Mapping[str, Any]) -> dict[str, Any]:
        _check_text(given)
        if self.channels[str(given["channel"])].is_foreign:
            raise Refusal("not_in_channel")
        self.whispers.append(dict(given))
        return {"message_ts": f"1800000000.{next(self.stamps):06}"}

    def _open(self, given: Mapping[str, Any]) -> dict[str, Any]:
        born = self.triggers.pop(str(given["trigger_id"]), None)
        if born is None:
            raise Refusal("invalid_trigger_id")
        if time.monotonic() - born > 3.0:
            raise Refusal("expired_trigger_id")
        self.forms.append(_checked_view(given["view"], "modal"))
        return {"view": given["view"]}

    def _publish(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self.homes[str(given["user_id"])] = _checked_view(given["view"], "home")
        return {"view": given["view"]}

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


def _checked_view(view: Mapping[str, Any], kind: str) -> dict[str, Any]:
    known = {
        "modal": {"type", "callback_id", "private_metadata", "title", "submit", "close", "blocks"},
        "home": {"type", "blocks", "callback_id", "private_metadata"},
    }[kind]
    if view.get("type") != kind or set(view) - known or len(view["blocks"]) > 100:
        raise Refusal("invalid_arguments: view")
    for name in ("title", "submit", "close"):
        if kind == "modal" and not 0 < len(view[name]["text"]) <= 24:
            raise Refusal(f"invalid_arguments: {name}")
    for block in view["blocks"]:
        _check_block(block)
    return dict(view)


def _check_text(given: Mapping[str, Any]) -> None:
    text, blocks = str(given.get("text", "")), given.get("blocks") or []
    if not text and not blocks:
        raise Refusal("no_text")
    if len(text) > 40_000:
        raise Refusal("msg_too_long")
    if len(blocks) > 50:
        raise Refusal("invalid_blocks: more than 50")
    for block in blocks:
        _check_block(block)
    if _UNESCAPED.search(text):
        raise Refusal(f"not escaped: {text!r}")
    metadata = given.get("metadata")
    if metadata is not None and set(metadata) != {"event_type", "event_payload"}:
        raise Refusal("invalid_metadata_format")


def _check_block(block: Mapping[str, Any]) -> None:
    for written in _texts(block):
        if not 0 < len(written) <= _BLOCK_TEXT.get(block["type"], 3_000):
            raise Refusal(f"invalid_blocks: a text of {len(written)} characters")
        is_mrkdwn = block["type"] in ("section", "context")
        if is_mrkdwn and _UNESCAPED.search(
            _OWN_LINK.sub("", written)
        ):  # taken for a mention or a link
            raise Refusal(f"not escaped: {written!r}")
    if block["type"] == "context" and not 0 < len(block["elements"]) <= 10:
        raise Refusal("invalid_blocks: elements")
    if block["type"] == "actions":
        names = [element["action_id"] for element in block["elements"]]
        if not 0 < len(names) <= 25 or len(set(names)) < len(names):
            raise Refusal("invalid_blocks: actions")
        if any(len(element["value"]) > 2_000 for element in block["elements"]):
            raise Refusal("invalid_blocks: value")


def _texts(block: Mapping[str, Any]) -> Iterator[str]:
    if block["type"] == "section":
        yield block["text"]["text"]
    elif block["type"] == "context":
        for element in block["elements"]:
            yield element["text"]
    elif block["type"] == "actions":
        for element in block["elements"]:
            yield element["text"]["text"]
    elif block["type"] == "header":
        yield block["text"]["text"]
    elif block["type"] == "input":
        yield block["label"]["text"]
    elif block["type"] != "divider":
        raise Refusal(f"invalid_blocks: {block['type']}")
