"""A reply in Slack while it is written: a stream where Slack takes one, else a post that is
updated; and what stands under a thread while somebody waits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bot.adapters.slack.blocks import escape, mrkdwn
from bot.adapters.slack.calls import SlackCalls
from bot.adapters.slack.events import place_parts
from bot.delivery import Lease, Place, Postponed, Undeliverable
from bot.text import printable

DRAFT = "kefu_draft"
"""The type of the metadata of a draft that is a post."""
LONGEST = 11_000
"""Characters that are shown of a draft; Slack takes 12,000 of a stream's part."""
_LOOK_FOR = "?"
"""In front of the position behind which a draft is to be looked for: its ts was not told."""
_NO_STREAM = (
    "message_not_in_streaming_state",
    "streaming_mode_mismatch",
    "streaming_state_conflict",
    "message_not_streaming",
)
_LINK = re.compile(r"\[([^\]\n]{1,200})\]\((https?://[^\s()<>|]{1,300})\)")
_HALF_LINK = re.compile(r"\[[^\]\n]{0,200}(?:\](?:\([^\s()<>|]{0,300})?)?\Z")
_CUT = " …"


class SlackLive:
    def __init__(self, calls: SlackCalls) -> None:
        self._calls = calls
        self._posts: set[str] = set()
        """Drafts that are no streams."""
        self._without_streams: set[str] = set()
        """Workspaces in which no stream can be begun."""

    def begun(self, lease: Lease) -> str:
        return f"{_LOOK_FOR}{lease.position}"

    async def show(self, lease: Lease, draft: str, shown: str, text: str) -> str:
        team, channel, thread = place_parts(lease.place.key)
        if thread.startswith("@"):  # of a whisper nothing can be shown before it is there
            return ""
        if not draft:
            return await self._begin(lease, text)
        if draft not in self._posts:
            more = streamed(text)[len(streamed(shown)) :]
            if not more:
                return draft
            given = {"channel": channel, "ts": draft, "markdown_text": more}
            try:
                await self._calls.call(team, "chat.appendStream", given)
            except Undeliverable as error:
                if not any(reason in str(error) for reason in _NO_STREAM):
                    raise
                self._posts.add(draft)  # it was open for too long
            else:
                return draft
        await self._calls.call(
            team, "chat.update", {"channel": channel, "ts": draft, **_as_post(text)}
        )
        return draft

    async def _begin(self, lease: Lease, text: str) -> str:
        team, channel, thread = place_parts(lease.place.key)
        where = {"channel": channel, "thread_ts": thread}
        if team not in self._without_streams and (begins := streamed(text)):
            recipient = {
                "recipient_team_id": team,
                "recipient_user_id": lease.customer.partition("/")[2],
            }
            given = {**where, **recipient, "markdown_text": begins}
            try:
                return str((await self._calls.call(team, "chat.startStream", given))["ts"])
            except Undeliverable:
                self._without_streams.add(team)
        marked = {"event_type": DRAFT, "event_payload": {"id": str(lease.number)}}
        post = {**where, **_as_post(text), "metadata": marked, "unfurl_links": False}
        ts = str((await self._calls.call(team, "chat.postMessage", post))["ts"])
        self._posts.add(ts)
        return ts

    async def drop(self, lease: Lease, draft: str) -> None:
        team, channel, _ = place_parts(lease.place.key)
        if found := await self.found(lease.place, draft):
            await self.close(team, channel, found)

    async def close(self, team: str, channel: str, draft: str) -> None:
        """The stream, if it is one and open."""
        if draft in self._posts:
            self._posts.discard(draft)
            return
        given = {"channel": channel, "ts": draft}
        try:
            await self._calls.call(team, "chat.stopStream", given)
        except Undeliverable:  # it was closed by Slack, or by us in another life
            return

    async def found(self, place: Place, draft: str) -> str:
        """Its ts; empty where there is none. Raise Postponed where that is not to be found out."""
        if not draft.startswith(_LOOK_FOR):
            return draft
        team, channel, thread = place_parts(place.key)
        behind = draft.removeprefix(_LOOK_FOR)
        asked = {"channel": channel, "ts": thread, "oldest": behind}
        last = ""
        with suppress(Undeliverable):
            async for one in self._calls.messages(team, "conversations.replies", asked):
                if _is_draft(one) and str(one["ts"]) > behind:
                    last = str(one["ts"])
        return last

    async def status(self, place: Place, ahead: int) -> None:
        team, channel, thread = place_parts(place.key)
        if thread.startswith("@"):
            return
        told = f"has {ahead} before this one" if ahead else "is looking it up…"
        given = {"channel_id": channel, "thread_ts": thread, "status": told}
        try:
            await self._calls.call(team, "assistant.threads.setStatus", given)
        except (Postponed, Undeliverable):
            return


def streamed(text: str) -> str:
    """Of a text so far, what can be shown as Markdown and stays as it is, whatever follows: links
    show where they lead, and nothing is a mention."""
    whole = _HALF_LINK.sub("", printable(text))
    return escape(_LINK.sub(r"\1 (\2)", whole))[:LONGEST]


def _as_post(text: str) -> dict[str, Any]:
    shown = mrkdwn(text)[:LONGEST] + _CUT
    return {"text": shown}


def _is_draft(message: Mapping[str, Any]) -> bool:
    """Ours, and not a reply yet."""
    kind = (message.get("metadata") or {}).get("event_type")
    return bool(message.get("bot_id")) and kind in (None, "", DRAFT)
