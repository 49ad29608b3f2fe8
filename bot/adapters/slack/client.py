"""Replies to Slack: each once, also where Slack did not say whether it has it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

from bot.adapters.slack.blocks import alert_of, blocks_of, fallback
from bot.adapters.slack.calls import Barred, SlackCalls
from bot.adapters.slack.events import CHANNEL, place_parts
from bot.adapters.slack.files import SlackFiles
from bot.adapters.slack.live import SlackLive
from bot.adapters.slack.surfaces import buttons_of
from bot.adapters.slack.workspaces import Workspaces
from bot.conversation import Message, Role
from bot.delivery import Outgoing, Postponed, Undeliverable

METADATA = "kefu_reply"
ALERT = "kefu_alert"
"""Types of the metadata by which a post is known again."""
_CLOCKS_APART = 3600.0
"""Seconds by which Slack's clock and ours may differ."""
_ADDRESS = re.compile(r"https://[^\s<>|]+")
_GONE = ("message_not_found", "cant_update_message", "edit_window_closed")


class SlackClient:
    """Posts to Slack."""

    channel = CHANNEL

    def __init__(self, workspaces: Workspaces, *, agents: str = "") -> None:
        """`agents`: the id of the channel in which they are told, in the customer's workspace, or
        in one that is named before it: "T0123/C0123"."""
        self._calls = SlackCalls(workspaces)
        self._agents_team, _, self._agents = agents.rpartition("/")
        self.live = SlackLive(self._calls)
        self.files = SlackFiles(self._calls)

    async def deliver(self, outgoing: Outgoing) -> str:
        team, channel, thread = place_parts(outgoing.place.key)
        message = outgoing.message
        if thread.startswith("@"):
            return await self._whisper(team, channel, thread[1:].partition(".")[0], message)
        where = {"channel": channel, "thread_ts": thread}
        draft = await self.live.found(outgoing.place, outgoing.draft)
        if draft and await self._finish(team, channel, draft, message):
            return draft
        if outgoing.may_have_landed and (found := await self._find(team, where, METADATA, message)):
            return found
        return await self._post(team, where | _shown(message), METADATA, message)

    async def _finish(self, team: str, channel: str, draft: str, message: Message) -> bool:
        """Of a draft the reply; False where it is gone. To do so twice is as good as once."""
        await self.live.close(team, channel, draft)
        given = {"channel": channel, "ts": draft, **_shown(message), **_marked(METADATA, message)}
        try:
            await self._calls.call(team, "chat.update", given)
        except Undeliverable as error:
            if any(reason in str(error) for reason in _GONE):
                return False
            raise
        return True

    async def _whisper(self, team: str, channel: str, user: str, message: Message) -> str:
        """To one user: what the bot says at once where they asked, what a person says later as a
        direct message, which waits for them."""
        shown = _shown(message)
        if message.role is Role.ASSISTANT:
            given = {"channel": channel, "user": user, **shown}
            try:
                answer = await self._calls.call(team, "chat.postEphemeral", given)
            except (Undeliverable, Barred):  # we are not in that channel
                pass
            else:
                return str(answer["message_ts"])
        return await self._post(team, {"channel": user, **shown}, METADATA, message)

    async def alert(self, outgoing: Outgoing, digest: Sequence[str]) -> str:
        if not self._agents:
            return ""
        team, channel, thread = place_parts(outgoing.place.key)
        where, message = {"channel": self._agents}, outgoing.message
        there = self._agents_team or team
        if outgoing.may_have_landed and (found := await self._find(there, where, ALERT, message)):
            return found
        link = "" if thread.startswith("@") else await self._link(team, channel, thread)
        return await self._post(there, where | alert_of(digest, link), ALERT, message)

    async def _link(self, team: str, channel: str, ts: str) -> str:
        """To a message; empty where Slack does not say."""
        asked = {"channel": channel, "message_ts": ts}
        try:
            answer = await self._calls.call(team, "chat.getPermalink", asked, reads=True)
        except (Postponed, Undeliverable):
            return ""
        link = str(answer.get("permalink", ""))
        return link if _ADDRESS.fullmatch(link) else ""

    async def _post(self, team: str, given: Mapping[str, Any], kind: str, message: Message) -> str:
        """Its ts."""
        more = {**_marked(kind, message), "unfurl_links": False, "unfurl_media": False}
        return str((await self._calls.call(team, "chat.postMessage", {**given, **more}))["ts"])

    async def _find(
        self, team: str, where: Mapping[str, Any], kind: str, message: Message
    ) -> str | None:
        """What Slack calls a message of ours, where it has it. Raise Postponed where that is not
        to be found out."""
        in_thread = "thread_ts" in where
        method = "conversations.replies" if in_thread else "conversations.history"
        asked: dict[str, Any] = {
            "channel": where["channel"],
            **({"ts": where["thread_ts"]} if in_thread else {}),
            "oldest": f"{message.created_at.timestamp() - _CLOCKS_APART:.6f}",
        }
        with suppress(Undeliverable):  # the post itself will say so
            # a channel's history is told newest first: what lands late stands on its first page
            search = self._calls.messages(team, method, asked, goes_on=in_thread)
            async with aclosing(search) as messages:
                async for one in messages:
                    metadata = one.get("metadata") or {}
                    payload = metadata.get("event_payload") or {}
                    if metadata.get("event_type") == kind and payload.get("id") == message.id:
                        return str(one["ts"])
        return None


def _marked(kind: str, message: Message) -> dict[str, Any]:
    return {"metadata": {"event_type": kind, "event_payload": {"id": message.id}}}


def _shown(message: Message) -> dict[str, Any]:
    return {"text": fallback(message), "blocks": [*blocks_of(message), *buttons_of(message)]}
