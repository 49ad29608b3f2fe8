"""The Web API, Socket Mode and HTTP events over HTTP, with faults by the dice."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

from tests.e2e.slack_server.workspace import BOT_USER, TEAM, Refusal, Workspace

RETRIES = (0.0, 0.3, 1.0, 3.0)
"""Pauses before the deliveries of an event; Slack's are 0, 0, 60 and 300 seconds."""


@dataclass
class Faults:
    """Shares of calls or events, from 0 to 1."""

    rate_limited: float = 0.0
    server_errors: float = 0.0
    lost_answers: float = 0.0
    """The call takes effect, and its answer is a 503."""
    hangs: float = 0.0
    """The call takes effect, and its connection is closed without a word."""
    duplicates: int = 1
    """An event is delivered 1 to so many times."""
    delay: float = 0.0
    """Seconds, at most, that an event is held back: others overtake it."""
    disconnects: float = 0.0
    """After an acknowledgement: the socket is closed."""
    retry_after: int = 1
    dice: random.Random = field(default_factory=lambda: random.Random(0))


@dataclass
class Delivery:
    """Of an event, all its repetitions together; or of what somebody pressed or typed, which comes
    once."""

    body: dict[str, Any]
    kind: str = "events_api"
    answer: Any = None
    """To a command."""
    sent: int = 0
    acknowledged: int = 0
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: list[float] = field(default_factory=list)
    """From each sending to its acknowledgement."""


class SlackServer:
    bot_token, app_token, signing_secret = "xoxb-stand-in", "xapp-stand-in", "not a secret"

    def __init__(self, faults: Faults | None = None, *, ack_seconds: float = 3.0) -> None:
        self.faults = faults or Faults()
        self.workspace = Workspace()
        self.deliveries: list[Delivery] = []
        self.calls: deque[tuple[str, str]] = deque(maxlen=100_000)
        """Methods and what came of them."""
        self.events_url: str | None = None
        """Where HTTP events go; without it they go by Socket Mode."""
        self._ack_seconds = ack_seconds
        self._sockets: list[web.WebSocketResponse] = []
        self._connected = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._numbers = count(1)
        self._tickets: set[str] = set()
        self._is_down = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def environment(self) -> dict[str, str]:
        """For `kefu slack`."""
        return {
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_APP_TOKEN": self.app_token,
            "SLACK_SIGNING_SECRET": self.signing_secret,
            "SLACK_API_URL": f"{self.url}/api/",
        }

    async def __aenter__(self) -> SlackServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._called)
        app.router.add_get("/socket", self._socket)
        app.router.add_get("/files/{id}", self._download)
        self.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._session = aiohttp.ClientSession()

    def add_routes(self, app: web.Application) -> None:
        """For more than Slack has."""

    async def hang_up(self, seconds: float) -> None:
        """Take no connection for so long; those that stand are closed without a word."""
        tickets, self._tickets = self._tickets, set()
        del tickets
        for socket in list(self._sockets):
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()
        self._is_down = True
        await asyncio.sleep(seconds)
        self._is_down = False

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in list(self._sockets):
            await socket.close()
        await self._session.close()
        await self._runner.cleanup()

    def say(
        self, channel: str, user: str, text: str, *, thread: str | None = None, **more: Any
    ) -> str:
        """As a customer; returns its ts. A mention comes as two events, as with Slack."""
        message = self.workspace.add(channel, user=user, text=text, thread_ts=thread, **more)
        kinds = ["message"]
        if f"<@{self.workspace.bot_user}>" in text:
            kinds.append("app_mention")
        im = self.workspace.channels[channel].is_im
        for kind in kinds:
            event = {**message, "type": kind, "channel": channel}
            if kind == "message":
                event["channel_type"] = "im" if im else "channel"
            self.emit(event)
        return str(message["ts"])

    def attach(self, name: str, content: bytes, **more: Any) -> dict[str, Any]:
        """A file of an event, for `files=[…]` of `say`."""
        number = f"F{next(self._numbers):05}"
        self.workspace.files[number] = (f"{self.url}/files/{number}", content)
        return {"id": number, "name": name, "size": len(content), **more}

    async def _download(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.bot_token}":
            return web.Response(status=302, headers={"Location": "https://slack.com/signin"})
        found = self.workspace.files.get(request.match_info["id"])
        return web.Response(status=404) if found is None else web.Response(body=found[1])

    def change(self, channel: str, ts: str, text: str) -> None:
        before = dict(self.workspace.messages[channel, ts])
        edited = {"user": before["user"], "ts": f"{time.time():.6f}"}
        after = {**before, "text": text, "edited": edited}
        self.workspace.messages[channel, ts] = after
        self.emit(
            {
                "type": "message", "subtype": "message_changed", "channel": channel,
                "channel_type": "channel", "message": after, "previous_message": before,
            }
        )  # fmt: skip

    def delete(self, channel: str, ts: str) -> None:
        """A thread's root that has replies leaves a tombstone."""
        replies = len(self.workspace.thread(channel, ts)) > 1
        before = self.workspace.messages.pop((channel, ts))
        told = {
            "type": "message", "channel": channel, "channel_type": "channel",
            "previous_message": before,
        }  # fmt: skip
        if replies:
            stone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": ts}
            self.workspace.messages[channel, ts] = stone
            self.emit({**told, "subtype": "message_changed", "message": stone})
        else:
            self.emit({**told, "subtype": "message_deleted", "deleted_ts": ts})

    def emit(self, event: Mapping[str, Any]) -> Delivery:
        number = next(self._numbers)
        body = {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": "A0KEFU",
            "event": dict(event),
            "event_id": f"Ev{number:08}",
            "event_time": int(time.time()),
            "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        }
        delivery = Delivery(body)
        self.deliveries.append(delivery)
        dice = self.faults.dice
        for _ in range(dice.randint(1, self.faults.duplicates)):
            self._spawn(self._deliver(delivery, dice.random() * self.faults.delay))
        return delivery

    def press(self, channel: str, ts: str, user: str, action: str) -> Delivery:
        """A button of a message."""
        message = self.workspace.messages[channel, ts]
        buttons = [
            element
            for block in message.get("blocks") or []
            if block["type"] == "actions"
            for element in block["elements"]
        ]
        (button,) = [one for one in buttons if one["action_id"] == action]
        return self._once(
            "interactive",
            {
                "type": "block_actions", "api_app_id": "A0KEFU",
                "team": {"id": TEAM, "domain": "kefu"}, "user": {"id": user, "team_id": TEAM},
                "trigger_id": self.workspace.trigger(), "channel": {"id": channel},
                "message": message,
                "container": {"type": "message", "message_ts": ts, "channel_id": channel},
                "actions": [{**button, "action_ts": f"{time.time():.6f}"}],
            },
        )  # fmt: skip

    def submit(self, user: str, text: str) -> Delivery:
        """The form that was opened last."""
        view = self.workspace.forms[-1]
        (block,) = view["blocks"]
        value = {block["element"]["action_id"]: {"type": "plain_text_input", "value": text}}
        return self._once(
            "interactive",
            {
                "type": "view_submission", "api_app_id": "A0KEFU",
                "team": {"id": TEAM, "domain": "kefu"}, "user": {"id": user, "team_id": TEAM},
                "view": {**view, "state": {"values": {block["block_id"]: value}}},
            },
        )  # fmt: skip

    def command(self, channel: str, user: str, text: str) -> Delivery:
        return self._once(
            "slash_commands",
            {
                "command": "/kefu", "text": text, "team_id": TEAM, "team_domain": "kefu",
                "user_id": user, "channel_id": channel, "api_app_id": "A0KEFU",
                "trigger_id": self.workspace.trigger(),
                "response_url": f"{self.url}/response",
            },
        )  # fmt: skip

    def _once(self, kind: str, body: dict[str, Any]) -> Delivery:
        delivery = Delivery(body, kind)
        self.deliveries.append(delivery)
        self._spawn(self._deliver(delivery, 0.0))
        return delivery

    @property
    def unacknowledged(self) -> int:
        return sum(not delivery.acknowledged for delivery in self.deliveries)

    def replies(self, channel: str, thread: str) -> list[dict[str, Any]]:
        """Of the bot."""
        us = self.workspace.bot_user
        return [m for m in self.workspace.thread(channel, thread) if m.get("user") == us]

    async def _deliver(self, delivery: Delivery, delay: float) -> None:
        await asyncio.sleep(delay)
        for attempt, pause in enumerate((*RETRIES, *[RETRIES[-1]] * 1000)):
            await asyncio.sleep(pause)
            if self.events_url is None:
                await self._connected.wait()
            began = time.perf_counter()
            delivery.sent += 1
            send = self._by_socket if self.events_url is None else self._by_http
            if await send(delivery, attempt):
                delivery.acknowledged += 1
                delivery.taken.set()
                delivery.seconds.append(time.perf_counter() - began)
                return

    async def _by_socket(self, delivery: Delivery, attempt: int) -> bool:
        if not self._sockets:
            return False
        socket = self.faults.dice.choice(self._sockets)
        envelope = f"envelope-{next(self._numbers)}"
        self._waiting[envelope] = asyncio.get_running_loop().create_future()
        letter = {
            "type": delivery.kind, "envelope_id": envelope, "payload": delivery.body,
            "accepts_response_payload": delivery.kind != "events_api", "retry_attempt": attempt,
            "retry_reason": "timeout" if attempt else "",
        }  # fmt: skip
        try:
            await socket.send_json(letter)
            delivery.answer = await asyncio.wait_for(self._waiting[envelope], self._ack_seconds)
        except (TimeoutError, ConnectionError, RuntimeError):
            return False
        finally:
            del self._waiting[envelope]
        return True

    async def _by_http(self, delivery: Delivery, attempt: int) -> bool:
        headers = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"}
        try:
            status, text = await self.post_event(
                delivery.body, headers if attempt else {}, kind=delivery.kind
            )
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
        if delivery.kind == "slash_commands" and status == 200 and text:
            delivery.answer = json.loads(text)
        return status == 200

    async def post_event(
        self,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        *,
        kind: str = "events_api",
    ) -> tuple[int, str]:
        """Signed; `headers` win."""
        assert self.events_url
        raw, stamp = json.dumps(body), str(int(time.time()))
        if kind != "events_api":
            raw = urlencode({"payload": raw} if kind == "interactive" else body)
        signed = hmac.new(
            self.signing_secret.encode(), f"v0:{stamp}:{raw}".encode(), hashlib.sha256
        )
        sent = {
            "Content-Type": "application/json"
            if kind == "events_api"
            else "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signed.hexdigest()}",
            **(headers or {}),
        }
        async with self._session.post(
            self.events_url,
            data=raw,
            headers={name: value for name, value in sent.items() if value},
            timeout=aiohttp.ClientTimeout(self._ack_seconds),
        ) as answer:
            return answer.status, await answer.text()

    async def _called(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if self._is_down:
            return web.Response(status=503)
        arguments: dict[str, Any] = dict(request.query)
        if request.can_read_body:
            if request.content_type == "application/json":
                arguments |= await request.json()
            else:
                arguments |= dict(await request.post())
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        response, told = self._answered(method, arguments, token)
        self.calls.append((method, told))
        if told == "hang":
            assert request.transport is not None
            request.transport.abort()
        return response

    def _answered(
        self, method: str, arguments: Mapping[str, Any], token: str
    ) -> tuple[web.Response, str]:
        dice, faults = self.faults.dice, self.faults
        if method == "apps.connections.open":
            if token != self.app_token:
                return _json({"ok": False, "error": "invalid_auth"}), "invalid_auth"
            ticket = f"ticket-{next(self._numbers)}"
            self._tickets.add(ticket)
            address = f"{self.url.replace('http', 'ws')}/socket?ticket={ticket}"
            return _json({"ok": True, "url": address}), "ok"
        if token != self.bot_token:
            return _json({"ok": False, "error": "invalid_auth"}), "invalid_auth"
        if dice.random() < faults.rate_limited:
            headers = {"Retry-After": str(faults.retry_after)}
            limited = {"ok": False, "error": "ratelimited"}
            return web.json_response(limited, status=429, headers=headers), "429"
        if dice.random() < faults.server_errors:
            return web.Response(status=503, text="upstream"), "503"
        try:
            answer = {"ok": True, **self.workspace.answer(method, arguments)}
        except Refusal as refusal:
            return _json({"ok": False, "error": str(refusal)}), str(refusal)
        if dice.random() < faults.lost_answers:
            return web.Response(status=503, text="upstream"), "lost"
        scopes = {"X-OAuth-Scopes": ",".join(sorted(self.workspace.scopes))}
        told = web.json_response(answer, headers=scopes)
        return told, "hang" if dice.random() < faults.hangs else "ok"

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self._is_down or request.query.get("ticket") not in self._tickets:  # each serves once
            return web.Response(status=408)
        self._tickets.remove(request.query["ticket"])
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": len(self._sockets) + 1})
        self._sockets.append(socket)
        self._connected.set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._heard(socket, json.loads(message.data))
        finally:
            self._sockets.remove(socket)
            if not self._sockets:
                self._connected.clear()
        return socket

    def _heard(self, socket: web.WebSocketResponse, letter: Mapping[str, Any]) -> None:
        waiting = self._waiting.get(letter.get("envelope_id", ""))
        if waiting is not None and not waiting.done():
            waiting.set_result(letter.get("payload"))
        if self.faults.dice.random() < self.faults.disconnects:
            self._spawn(self._disconnect(socket))

    async def _disconnect(self, socket: web.WebSocketResponse) -> None:
        await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
        await socket.close()

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _json(answer: Mapping[str, Any]) -> web.Response:
    return web.json_response(dict(answer))
