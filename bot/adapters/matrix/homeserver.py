"""Requests to a homeserver, and what its answers mean for the desk.

matrix-nio knows the paths and holds the connection. Its answers are read here: its own objects
refuse a whole sync for one torn event, and its methods send again for ever by themselves, where the
outbox knows better.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import aiohttp
from nio import Api, AsyncClient

from bot.adapters.matrix.credentials import MatrixCredentials
from bot.delivery import Postponed, Undeliverable

Json: TypeAlias = Mapping[str, Any]

DEVICE = "KEFU"
"""Of a login by password. Transaction ids hold for one device: it must be the same each time."""
TYPES = (
    "m.reaction",
    "m.room.encrypted",
    "m.room.member",
    "m.room.message",
    "m.room.redaction",
)
PAGE = 100
"""Events that are asked for at a time, of each room."""
_SECONDS = 20.0
_BARRED_SECONDS = 300.0
_DEFAULT_RETRY_AFTER = 5.0
_LONGEST_RETRY_AFTER = 3600.0
_NONE = {"not_types": ["*"]}
_UNUSED = {"presence": _NONE, "account_data": _NONE}
_TIMELINE = {"types": list(TYPES), "limit": PAGE}
_ALL = {
    **_UNUSED,
    "room": {
        "account_data": _NONE,
        "ephemeral": _NONE,
        "state": {"types": ["m.room.member"], "lazy_load_members": True},
        "timeline": _TIMELINE,
    },
}
_INVITES = {
    **_UNUSED,
    "room": {
        "account_data": _NONE,
        "ephemeral": _NONE,
        "state": _NONE,
        "timeline": {**_NONE, "limit": 1},
    },
}


class Limited(Postponed):
    """The homeserver asked us to wait."""


class Barred(Postponed):
    """It does not know the token any more. An operator can mend it: it is tried again."""


class Stranger(Postponed):
    """What answered does not speak Matrix."""


class Homeserver:
    def __init__(self, credentials: MatrixCredentials) -> None:
        self.credentials = credentials
        self._token = credentials.access_token
        self._client = AsyncClient(credentials.homeserver)
        self._login = asyncio.Lock()
        self._held_until = 0.0
        """When the homeserver, which asked us to wait, takes messages again."""

    async def __aenter__(self) -> Homeserver:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def who_am_i(self) -> str:
        """A user id. Raise Barred."""
        if not self._token:
            await self._log_in("")
        answer = await self._call("whoami", Api.whoami(""))
        return str(answer.get("user_id", ""))

    async def display_name(self, user: str) -> str:
        """Empty where there is none."""
        try:
            answer = await self._call("displayname", Api.profile_get_displayname(user))
        except Undeliverable:
            return ""
        return str(answer.get("displayname") or "")

    async def sync(self, since: str, *, wait: float) -> Json:
        """What came since then, as soon as there is something, after `wait` seconds at most."""
        asked = Api.sync("", since, int(wait * 1000), _ALL, set_presence="online")
        return await self._call("sync", asked, seconds=wait + _SECONDS)

    async def overview(self) -> Json:
        """A sync that holds invitations, and where to read on from now."""
        return await self._call("sync", Api.sync("", None, 0, _INVITES), seconds=60.0)

    async def earlier(self, room: str, start: str, end: str | None) -> Json:
        """A page of a room's messages, backwards from `start`, as far as `end`."""
        asked = Api.room_messages("", room, start, end, "b", PAGE, {"types": list(TYPES)})
        return await self._call("messages", asked)

    async def said_by(self, user: str, room: str, start: str | None) -> Json:
        """A page of what `user` said in a room, backwards from `start` or from now."""
        asked = {"types": ["m.room.message"], "senders": [user]}
        request = Api.room_messages("", room, start, None, "b", PAGE, asked)
        return await self._call("messages", request)

    async def event(self, room: str, event: str) -> Json:
        return await self._call("event", Api.room_get_event("", room, event))

    async def count_members(self, room: str) -> int:
        answer = await self._call("joined_members", Api.joined_members("", room))
        joined = answer.get("joined")
        return len(joined) if isinstance(joined, Mapping) else 0

    async def join(self, room: str) -> None:
        method, path = Api.join("", room)
        await self._call("join", (method, path, "{}"), seconds=60.0)

    async def send(self, room: str, content: Json, transaction: str) -> str:
        """Its event id. The same transaction, sent again, is the same event."""
        if (rest := self._held_until - time.monotonic()) > 0:
            raise Limited("the homeserver asked to wait", seconds=rest)
        request = Api.room_send("", room, "m.room.message", dict(content), transaction)
        try:
            answer = await self._call("send", request, reads=False)
        except Limited as error:
            self._held_until = time.monotonic() + (error.seconds or 0.0)
            raise
        return str(answer.get("event_id", ""))

    async def _call(
        self, name: str, request: Sequence[str], *, reads: bool = True, seconds: float = _SECONDS
    ) -> Json:
        """Raise Postponed or Undeliverable. `reads`: it changes nothing, so nothing has landed."""
        token = self._token
        try:
            return await self._ask(name, request, reads=reads, seconds=seconds)
        except Barred:
            if not self.credentials.password:
                raise
        await self._log_in(token)
        return await self._ask(name, request, reads=reads, seconds=seconds)

    async def _log_in(self, token: str) -> None:
        """Unless another did since `token` was found to be no good."""
        async with self._login:
            if self._token != token:
                return
            self._token = ""
            given = self.credentials
            request = Api.login(given.user_id, given.password, "kefu", DEVICE)
            try:
                answer = await self._ask("login", request, reads=True, seconds=_SECONDS)
            except Undeliverable as error:
                raise Barred(str(error), seconds=_BARRED_SECONDS) from None
            self._token = str(answer.get("access_token", ""))

    async def _ask(self, name: str, request: Sequence[str], *, reads: bool, seconds: float) -> Json:
        method, path, data = (*request, None)[:3]
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            answer = await self._client.send(
                method, _without_token(path or ""), data, headers, timeout=timeout
            )
            async with answer:
                status, text = int(answer.status), await answer.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            told = str(error) or type(error).__name__
            raise Postponed(f"{name}: {told}", landed=not reads) from None
        body = _json(text)
        if status == 200 and body is not None:
            return body
        raise explained(name, status, body, reads=reads)


def explained(name: str, status: int, body: Json | None, *, reads: bool) -> Exception:
    """What an answer that is no success means: Postponed or Undeliverable."""
    code = body.get("errcode") if body is not None else None
    if not isinstance(code, str):
        code = ""
    told = f"{name}: {status}{f' {code}' if code else ''}"
    if status == 429 or code == "M_LIMIT_EXCEEDED":
        return Limited(told, seconds=_retry_after(body or {}))
    if status >= 500:
        return Postponed(told, landed=not reads)
    if status == 401 or code in {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED"}:
        return Barred(told, seconds=_BARRED_SECONDS)
    if status == 413 or code not in {"", "M_UNRECOGNIZED"}:
        return Undeliverable(told)
    return Stranger(told, landed=not reads)


def _retry_after(body: Json) -> float:
    asked = body.get("retry_after_ms")
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        return _DEFAULT_RETRY_AFTER
    return min(max(0.0, asked / 1000), _LONGEST_RETRY_AFTER)


def _without_token(path: str) -> str:
    """nio writes it into addresses, where logs show it; a homeserver takes one from one place."""
    return path.replace("access_token=&", "").replace("?access_token=", "")


def _json(text: str) -> Json | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
