"""Messages that are written bit by bit, as Slack's stream methods take them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIELDS = {
    "chat.startStream": {
        "channel", "thread_ts", "markdown_text", "recipient_team_id", "recipient_user_id",
        "chunks", "task_display_mode",
    },
    "chat.appendStream": {"channel", "ts", "markdown_text", "chunks"},
    "chat.stopStream": {"channel", "ts", "markdown_text", "blocks", "metadata", "chunks"},
}  # fmt: skip
LONGEST = 12_000


class StreamRefusal(Exception):
    """Slack's `error`."""


@dataclass
class Streams:
    open_seconds: float = 300.0
    """So long a stream stays open."""
    is_known: bool = True
    """Whether the workspace has the methods."""
    opened: dict[tuple[str, str], float] = field(default_factory=dict)
    """By channel and ts; an entry goes when the stream is closed."""

    def start(self, given: Mapping[str, Any], is_im: bool) -> dict[str, Any]:
        """The message to be added."""
        if not self.is_known:
            raise StreamRefusal("unknown_method")
        if not given.get("thread_ts"):
            raise StreamRefusal("invalid_arguments: thread_ts")
        if not is_im and not (given.get("recipient_team_id") and given.get("recipient_user_id")):
            raise StreamRefusal("missing_recipient_user_id")
        _check(given)
        return {"text": given.get("markdown_text", ""), "thread_ts": given["thread_ts"]}

    def append(
        self, key: tuple[str, str], given: Mapping[str, Any], message: dict[str, Any]
    ) -> None:
        self._check_open(key)
        _check(given)
        message["text"] += given.get("markdown_text", "")

    def stop(self, key: tuple[str, str], given: Mapping[str, Any], message: dict[str, Any]) -> None:
        self._check_open(key)
        del self.opened[key]
        message["text"] += given.get("markdown_text", "")
        message.update({k: given[k] for k in ("blocks", "metadata") if k in given})

    def is_open(self, key: tuple[str, str]) -> bool:
        return time.monotonic() - self.opened.get(key, float("-inf")) < self.open_seconds

    def _check_open(self, key: tuple[str, str]) -> None:
        if not self.is_open(key):
            self.opened.pop(key, None)
            raise StreamRefusal("message_not_in_streaming_state")


def _check(given: Mapping[str, Any]) -> None:
    text = str(given.get("markdown_text", ""))
    if not text and not given.get("chunks"):
        raise StreamRefusal("no_text")
    if len(text) > LONGEST:
        raise StreamRefusal("msg_too_long")
    if "<" in text or ">" in text:  # it might be a mention
        raise StreamRefusal(f"not escaped: {text!r}")
