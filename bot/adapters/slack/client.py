"""Replies to Slack: each once, also where Slack did not say whether it has it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.adapters.slack.blocks import alert_of, blocks_of, fallback
from bot.adapters.slack.events import CHANNEL, place_parts
from bot.adapters.slack.surfaces import buttons_of
from bot.adapters.slack.workspaces import NotInstalled, Workspaces
from bot.conversation import Message, Role
from bot.delivery import Outgoing, Postponed, Undeliverable

METADATA = "kefu_reply"
ALERT = "kefu_alert"
"""Types of the metadata by which a post is known again."""
FAULTS = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
"""What a call of slack_sdk raises."""
_NOT_NOW = {
    "fatal_error",
    "internal_error",
    "message_limit_exceeded",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
}
"""Slack failed, and may have posted before it did."""
_BARRED = {
    "access_denied",
    "account_inactive",
    "ekm_access_denied",
    "invalid_auth",
    "missing_scope",
    "no_permission",
    "not_authed",
    "not_in_channel",
    "org_login_required",
    "token_expired",
    "token_revoked",
}
_BARRED_SECONDS = 300.0
_DEFAULT_RETRY_AFTER = 30.0
_CLOCKS_APART = 3600.0
"""Seconds by which Slack's clock and ours may differ."""
_ADDRESS = re.compile(r"https://[^\s<>|]+")
_PAGES = 10
"""Of a thread that are looked through; 200 messages each."""


class SlackClient:
    """Posts to Slack. The clients of `workspaces` must not send anything again by themselves."""

    channel = CHANNEL

    def __init__(self, workspaces: Workspaces, *, agents: str = "") -> None:
        """`agents`: the id of the channel in which they are told, in the customer's workspace, or
        in one that is named before it: "T0123/C0123"."""
        self._workspaces = workspaces
        self._agents_team, _, self._agents = agents.rpartition("/")
        self._held: dict[tuple[str, str], float] = {}
        """By workspace and method: until when Slack asked us to wait."""

    async def deliver(self, outgoing: Outgoing) -> str:
        team, channel, thread = place_parts(outgoing.place.key)
        message = outgoing.message
        if thread.startswith("@"):
            return await self._whisper(team, channel, thread[1:].partition(".")[0], message)
        where = {"channel": channel, "thread_ts": thread}
        if outgoing.may_have_landed and (found := await self._find(team, where, METADATA, message)):
            return found
        return await self._post(team, where | _shown(message), METADATA, message)

    async def _whisper(self, team: str, channel: str, user: str, message: Message) -> str:
        """To one user: what the bot says at once where they asked, what a person says later as a
        direct message, which waits for them."""
        shown = _shown(message)
        if message.role is Role.ASSISTANT:
            given = {"channel": channel, "user": user, **shown}
            try:
                answer = await self._call(team, "chat.postEphemeral", given)
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
            answer = await self._call(team, "chat.getPermalink", asked, reads=True)
        except (Postponed, Undeliverable):
            return ""
        link = str(answer.get("permalink", ""))
        return link if _ADDRESS.fullmatch(link) else ""

    async def _post(self, team: str, given: Mapping[str, Any], kind: str, message: Message) -> str:
        """Its ts."""
        marked = {"event_type": kind, "event_payload": {"id": message.id}}
        more = {"metadata": marked, "unfurl_links": False, "unfurl_media": False}
        return str((await self._call(team, "chat.postMessage", {**given, **more}))["ts"])

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
            "include_all_metadata": "true",
            "limit": 200,
        }
        for _ in range(_PAGES):
            try:
                answer = await self._call(team, method, asked, reads=True)
            except Undeliverable:  # the post itself will say so
                return None
            for one in answer.get("messages") or []:
                metadata = one.get("metadata") or {}
                payload = metadata.get("event_payload") or {}
                if metadata.get("event_type") == kind and payload.get("id") == message.id:
                    return str(one["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
            asked["cursor"] = cursor
        raise Postponed("the thread is too long to look through")

    async def _call(
        self, team: str, method: str, arguments: Mapping[str, Any], *, reads: bool = False
    ) -> Mapping[str, Any]:
        """Raise Postponed or Undeliverable. `reads`: it changes nothing, so nothing has landed."""
        if (rest := self._held.get((team, method), 0.0) - time.monotonic()) > 0:
            raise Postponed("Slack asked to wait", seconds=rest)
        try:
            web = await self._workspaces.web(team)
            if reads:
                answer = await web.api_call(
                    method, data=dict(arguments)
                )  # a form: JSON is not read
            else:
                answer = await web.api_call(method, json=dict(arguments))
        except NotInstalled as error:
            raise Undeliverable(str(error)) from None
        except FAULTS as error:
            found = explained(method, error, reads=reads)
            if isinstance(found, Limited):
                self._held[team, method] = time.monotonic() + (found.seconds or 0.0)
            raise found from None
        data = answer.data
        return data if isinstance(data, Mapping) else {}


def _shown(message: Message) -> dict[str, Any]:
    return {"text": fallback(message), "blocks": [*blocks_of(message), *buttons_of(message)]}


class Limited(Postponed):
    """Slack asked us to wait."""


class Barred(Postponed):
    """A token or a right is missing. An operator can mend it: it is tried again."""


def explained(method: str, error: BaseException, *, reads: bool) -> Postponed | Undeliverable:
    """What one of FAULTS means for the call. `reads`: it changes nothing, so nothing landed."""
    if not isinstance(error, SlackApiError):
        return Postponed(f"{method}: {error!r}", landed=not reads)
    response = error.response
    status = int(getattr(response, "status_code", 0) or 0)
    data = getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, Mapping) else ""
    told = f"{method}: {code or status}"
    if status == 429 or code in {"ratelimited", "rate_limited"}:
        return Limited(told, seconds=_retry_after(getattr(response, "headers", None) or {}))
    if status >= 500 or not code or code in _NOT_NOW:
        return Postponed(told, landed=not reads)
    if code in _BARRED:
        return Barred(told, seconds=_BARRED_SECONDS)
    return Undeliverable(told)


def _retry_after(headers: Mapping[str, Any]) -> float:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(0.0, float(value))
            except (TypeError, ValueError):
                break
    return _DEFAULT_RETRY_AFTER
