"""Calls of Slack's Web API, and what became of each that did not succeed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.adapters.slack.workspaces import NotInstalled, Workspaces
from bot.delivery import Postponed, Undeliverable

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
_PAGE, _PAGES = 200, 100
"""Messages of a page, and pages that are looked through."""
_SEARCHES = 1_000
"""That were cut off, and go on from where they were."""
_DEFAULT_RETRY_AFTER = 30.0


class SlackCalls:
    """The clients of `workspaces` must not send anything again by themselves."""

    def __init__(self, workspaces: Workspaces) -> None:
        self.workspaces = workspaces
        self._held: dict[tuple[str, str], float] = {}
        """By workspace and method: until when Slack asked us to wait."""
        self._reached: dict[tuple[Any, ...], str] = {}
        """The cursor of the page at which a search was cut off."""

    async def call(
        self, team: str, method: str, arguments: Mapping[str, Any], *, reads: bool = False
    ) -> Mapping[str, Any]:
        """Raise Postponed or Undeliverable. `reads`: it changes nothing, so nothing has landed."""
        if (rest := self._held.get((team, method), 0.0) - time.monotonic()) > 0:
            raise Postponed("Slack asked to wait", seconds=rest)
        try:
            web = await self.workspaces.web(team)
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

    async def messages(
        self, team: str, method: str, arguments: Mapping[str, Any], *, goes_on: bool = False
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Of a thread or a channel, with their metadata, page after page. `goes_on`: after pages
        that were read before something failed, or it would never come to the end of a thread that
        grows meanwhile. Raise Postponed, also where there are too many, or Undeliverable."""
        asked = {**arguments, "include_all_metadata": "true", "limit": _PAGE}
        search = team, method, *sorted(arguments.items())
        if goes_on and (reached := self._reached.pop(search, "")):
            asked["cursor"] = reached
        try:
            for _ in range(_PAGES):
                answer = await self._page(team, method, asked)
                for message in answer.get("messages") or []:
                    yield message
                cursor = (answer.get("response_metadata") or {}).get("next_cursor")
                if not cursor:
                    return
                asked["cursor"] = cursor
        except (Postponed, asyncio.CancelledError):
            if goes_on:
                self._reached[search] = asked.get("cursor", "")
                while len(self._reached) > _SEARCHES:
                    del self._reached[next(iter(self._reached))]
            raise
        raise Postponed("the thread is too long to look through")

    async def _page(self, team: str, method: str, asked: dict[str, Any]) -> Mapping[str, Any]:
        """Where Slack knows the cursor no longer, the next search begins anew."""
        try:
            return await self.call(team, method, asked, reads=True)
        except Undeliverable as error:
            if "cursor" in asked and "invalid_cursor" in str(error):
                del asked["cursor"]
                raise Postponed("the search begins anew") from None
            raise


class Limited(Postponed):
    """Slack asked us to wait."""


class Stranger(Postponed):
    """What answers there is not Slack; or something between us and Slack is in the way."""


class Barred(Postponed):
    """A token or a right is missing. An operator can mend it: it is tried again."""


def explained(method: str, error: BaseException, *, reads: bool) -> Postponed | Undeliverable:
    """What one of FAULTS means for the call. `reads`: it changes nothing, so nothing landed."""
    if not isinstance(error, SlackApiError):
        told = f"{method}: {str(error) or type(error).__name__}"
        if isinstance(error, aiohttp.InvalidURL):
            return Stranger(told, landed=False)
        return Postponed(told, landed=not reads)
    response = error.response
    status = int(getattr(response, "status_code", 0) or 0)
    data = getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, Mapping) else ""
    told = f"{method}: {code or status}"
    if status == 429 or code in {"ratelimited", "rate_limited"}:
        return Limited(told, seconds=_retry_after(getattr(response, "headers", None) or {}))
    if not code and 400 <= status < 500:  # a proxy's: what is behind it may have the post
        return Stranger(told, landed=not reads)
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
