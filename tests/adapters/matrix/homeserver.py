"""A homeserver that answers as it is told to; what a real one does, `tests/e2e/test_matrix.py`
sees."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]
US, ANNA, BEN = "@kefu:a.example", "@anna:a.example", "@ben:b.example"
DIRECT, GROUP = "!direct:a.example", "!group:a.example"


class FakeHomeserver:
    def __init__(self) -> None:
        self.token = "right"
        self.syncs: list[Json] = []
        """The answer to the n-th token, s0 first; one beyond waits for it."""
        self.members = {DIRECT: [US, ANNA], GROUP: [US, ANNA, BEN]}
        self.events: dict[str, Json] = {}
        self.pages: dict[str, Json] = {}
        """Of earlier messages, by the token that they are asked for with."""
        self.sent: dict[str, Json] = {}
        """Contents by transaction."""
        self.joined: list[str] = []
        self.invited: list[str] = []
        self.faults: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        """By the end of a path: what is answered instead, once each."""
        self.lost = 0
        """Messages that are taken without an answer."""
        self.calls: list[str] = []
        self._server = TestServer(self._app())

    async def __aenter__(self) -> FakeHomeserver:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {"MATRIX_HOMESERVER": self.url, "MATRIX_ACCESS_TOKEN": "right"}

    def tell(self, room: str, *events: Json, **timeline: Any) -> None:
        """In a sync of its own."""
        section = {"timeline": {"events": list(events), **timeline}}
        self.syncs.append({"rooms": {"join": {room: section}}})

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        v3 = "/_matrix/client/v3"
        app.router.add_get(v3 + "/account/whoami", self._whoami)
        app.router.add_get(v3 + "/profile/{user}/displayname", self._name)
        app.router.add_post(v3 + "/login", self._login)
        app.router.add_get(v3 + "/sync", self._sync)
        app.router.add_post(v3 + "/join/{room}", self._join)
        app.router.add_get(v3 + "/rooms/{room}/joined_members", self._members)
        app.router.add_get(v3 + "/rooms/{room}/messages", self._messages)
        app.router.add_get(v3 + "/rooms/{room}/event/{event}", self._event)
        app.router.add_put(v3 + "/rooms/{room}/send/m.room.message/{txn}", self._send)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path}")
        assert "access_token" not in request.query, "it stands in logs then"
        for end, faults in self.faults.items():
            if end in request.path and faults:
                status, body = faults.pop(0)
                if isinstance(body, str):
                    return web.Response(status=status, text=body)
                return web.json_response(body, status=status)
        is_open = request.path.endswith(("/login", "/displayname"))
        if not is_open and request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "M_UNKNOWN_TOKEN")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _whoami(self, request: web.Request) -> web.Response:
        return web.json_response({"user_id": US})

    async def _name(self, request: web.Request) -> web.Response:
        return web.json_response({"displayname": "Kefu Bot"})

    async def _login(self, request: web.Request) -> web.Response:
        given = await request.json()
        if given["password"] != "secret":
            return _error(403, "M_FORBIDDEN")
        self.token = f"of login {len(self.calls)}"
        return web.json_response({"access_token": self.token})

    async def _sync(self, request: web.Request) -> web.Response:
        since = request.query.get("since")
        if since is None:
            invited: Json = {room: {} for room in self.invited}
            return web.json_response(
                {"next_batch": f"s{len(self.syncs)}", "rooms": {"invite": invited}}
            )
        number = int(since.removeprefix("s"))
        while number >= len(self.syncs):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return web.json_response({"next_batch": f"s{number + 1}", **self.syncs[number]})

    async def _join(self, request: web.Request) -> web.Response:
        self.joined.append(request.match_info["room"])
        return web.json_response({"room_id": request.match_info["room"]})

    async def _members(self, request: web.Request) -> web.Response:
        if (found := self.members.get(request.match_info["room"])) is None:
            return _error(403, "M_FORBIDDEN")
        return web.json_response({"joined": {user: {} for user in found}})

    async def _messages(self, request: web.Request) -> web.Response:
        return web.json_response(self.pages.get(request.query.get("from", ""), {"chunk": []}))

    async def _event(self, request: web.Request) -> web.Response:
        found = self.events.get(request.match_info["event"])
        return _error(404, "M_NOT_FOUND") if found is None else web.json_response(found)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        room, transaction = request.match_info["room"], request.match_info["txn"]
        self.sent.setdefault(transaction, {**await request.json(), "room": room})
        if self.lost:
            self.lost -= 1
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"event_id": f"$of-{transaction}"})


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"errcode": code, "error": "no"}, status=status)


def message(event_id: str, text: str, sender: str = ANNA, **more: Any) -> Json:
    """An event; `more` goes into its content."""
    content = {"msgtype": "m.text", "body": text, "m.mentions": {}, **more}
    return event(event_id, "m.room.message", content, sender)


def event(event_id: str, kind: str, content: Json, sender: str = ANNA, **more: Any) -> Json:
    return {
        "type": kind,
        "event_id": event_id,
        "sender": sender,
        "origin_server_ts": 1_800_000_000_000,
        "content": content,
        **more,
    }


def mentioning(*users: str) -> Json:
    return {"m.mentions": {"user_ids": list(users)}}


def in_thread(root: str) -> Json:
    return {"m.relates_to": {"rel_type": "m.thread", "event_id": root}}


def membership(user: str, value: str, before: str = "") -> Json:
    unsigned = {"prev_content": {"membership": before}} if before else {}
    content = {"membership": value}
    made = event(f"${user}-{value}", "m.room.member", content, user, state_key=user)
    return {**made, "unsigned": unsigned}
