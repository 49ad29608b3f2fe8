"""Files that customers attach in Slack: fetched with the workspace's token, from Slack alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.adapters.slack.calls import SlackCalls
from bot.adapters.slack.events import place_parts
from bot.adapters.slack.workspaces import NotInstalled
from bot.delivery import Attachment, Place, Postponed, Undeliverable

_TIMEOUT = aiohttp.ClientTimeout(total=30)


class SlackFiles:
    def __init__(self, calls: SlackCalls) -> None:
        self._calls = calls

    async def fetch(self, place: Place, attachment: Attachment, most: int) -> bytes:
        team, _, _ = place_parts(place.key)
        answer = await self._calls.call(
            team, "files.info", {"file": attachment.address}, reads=True
        )
        file = answer.get("file")
        address = (
            str(file.get("url_private_download") or file.get("url_private") or "")
            if (isinstance(file, Mapping))
            else ""
        )
        try:
            web = await self._calls.workspaces.web(team)
        except NotInstalled as error:
            raise Undeliverable(str(error)) from None
        if not _is_slacks(address, web.base_url):  # nobody else gets the token
            raise Undeliverable("it is not kept at Slack")
        headers = {"Authorization": f"Bearer {web.token}"}
        try:
            async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
                return await _read(session, address, headers, most)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Postponed(f"a file: {error!r}") from None


async def _read(
    session: aiohttp.ClientSession, address: str, headers: Mapping[str, Any], most: int
) -> bytes:
    async with session.get(address, headers=headers, allow_redirects=False) as answer:
        if answer.status == 429 or answer.status >= 500:
            raise Postponed(f"a file: {answer.status}")
        if answer.status != 200:
            raise Undeliverable(f"Slack does not give it ({answer.status})")
        content = bytearray()
        async for piece in answer.content.iter_chunked(64 << 10):
            content += piece
            if len(content) > most:
                raise Undeliverable("it is larger than Slack said")
        return bytes(content)


def _is_slacks(address: str, api_url: str) -> bool:
    """At Slack's own address, or at that which the operator set in its place."""
    given, api = urlsplit(address), urlsplit(api_url)
    if (given.scheme, given.netloc) == (api.scheme, api.netloc):
        return True
    host = given.hostname or ""
    return given.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))
