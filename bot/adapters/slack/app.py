"""kefu as a Slack app: its credentials, and its connections by Socket Mode and HTTP."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack.calls import FAULTS, Barred, Stranger, explained
from bot.adapters.slack.manifest import SCOPES
from bot.adapters.slack.reception import Reception
from bot.delivery import Undeliverable
from bot.errors import SettingsError

EVENTS_PATH = "/slack/events"
SOCKETS = 2
"""Connections at a time: when Slack closes one, the other goes on."""
_SLACK = "https://slack.com/api/"
_LONGEST_PAUSE = 30.0
_PING, _LOOK, _PATIENCE = 5.0, 0.5, 10.0
"""Seconds: between pings, between looks at a connection, and until it is given up."""
_STAMP = re.compile(r"[0-9]{1,12}")
_BROKEN = re.compile(r"[\s\x00-\x1f\x7f]")
Result = TypeVar("Result")
_logger = logging.getLogger("kefu")


@dataclass(frozen=True, slots=True)
class SlackCredentials:
    bot_token: str = field(default="", repr=False)
    """Of the one workspace; empty where several install kefu by OAuth."""
    app_token: str = field(default="", repr=False)
    """For Socket Mode."""
    signing_secret: str = field(default="", repr=False)
    """For HTTP events."""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    redirect_uri: str = ""
    """Where Slack is to send who installs kefu; empty where the app has but one."""
    api_url: str = _SLACK

    @classmethod
    def from_environment(
        cls, *, http: bool, environment: Mapping[str, str] = os.environ
    ) -> SlackCredentials:
        """Raise SettingsError, naming what is missing."""

        def given(name: str) -> str:
            return environment.get(name, "").strip()

        if missing := [name for name in _needed(given, http=http) if not given(name)]:
            raise SettingsError(
                f"{' and '.join(missing)} must be set; README.md says where Slack shows them"
            )
        for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
            if _BROKEN.search(given(name)):
                raise SettingsError(f"{name} holds a space or a line break; copy it again")
        api_url = given("SLACK_API_URL") or _SLACK
        return cls(
            bot_token=given("SLACK_BOT_TOKEN"),
            app_token=given("SLACK_APP_TOKEN"),
            signing_secret=given("SLACK_SIGNING_SECRET"),
            client_id=given("SLACK_CLIENT_ID"),
            client_secret=given("SLACK_CLIENT_SECRET"),
            redirect_uri=given("SLACK_REDIRECT_URI"),
            api_url=api_url if api_url.endswith("/") else api_url + "/",
        )

    @property
    def is_for_several(self) -> bool:
        return not self.bot_token

    def web(self, token: str = "") -> AsyncWebClient:
        """Without a token, with the one workspace's. It sends nothing again by itself: the outbox
        knows better when."""
        logging.getLogger("kefu.slack").setLevel(logging.ERROR)  # it warns of what is meant
        return AsyncWebClient(
            token=token or self.bot_token or None,
            base_url=self.api_url,
            timeout=20,
            retry_handlers=[],
            logger=logging.getLogger("kefu.slack"),
        )


def _needed(given: Callable[[str], str], *, http: bool) -> list[str]:
    by_events = "SLACK_SIGNING_SECRET" if http else "SLACK_APP_TOKEN"
    is_oauth = given("SLACK_CLIENT_ID") or given("SLACK_CLIENT_SECRET")
    if given("SLACK_BOT_TOKEN") or not is_oauth:
        return ["SLACK_BOT_TOKEN", by_events]
    if given("SLACK_APP_TOKEN"):  # HTTP may serve the pages alone then
        return ["SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"]
    return ["SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", by_events]


async def who_are_we(client: AsyncWebClient) -> AuthorizeResult:
    """Waits for a Slack that does not answer. Raise SettingsError where it does not know us."""

    async def ask() -> AuthorizeResult:
        return AuthorizeResult.from_auth_test_response(
            bot_token=client.token, auth_test_response=await client.auth_test()
        )

    return await _patiently("auth.test", "SLACK_BOT_TOKEN", client.base_url, ask)


async def missing_scopes(client: AsyncWebClient) -> tuple[str, list[str]]:
    """The workspace's name, and what of SCOPES the token may not. Raise SettingsError."""
    answer = await _patiently("auth.test", "SLACK_BOT_TOKEN", client.base_url, client.auth_test)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    granted = headers.get("x-oauth-scopes", ",".join(SCOPES))  # unsaid: none is known to be missing
    missing = set(SCOPES) - set(granted.replace(" ", "").split(","))
    return str(answer.get("team", "")), sorted(missing)


async def _patiently(
    method: str, credential: str, address: str, call: Callable[[], Awaitable[Result]]
) -> Result:
    """`address`: where Slack is thought to be. Raise SettingsError."""
    pause = 1.0
    while True:
        try:
            return await call()
        except FAULTS as error:
            found = explained(method, error, reads=True)
        if isinstance(found, Barred | Undeliverable):
            raise SettingsError(f"Slack refuses {credential} ({found}); copy it again")
        if isinstance(found, Stranger):
            raise SettingsError(
                f"no Slack answers at {address} ({found}); unset SLACK_API_URL, or mend it: "
                f"Slack's own is {_SLACK}"
            )
        _logger.warning("Slack does not answer (%s); trying again until it does", found)
        await asyncio.sleep(pause if found.seconds is None else found.seconds)
        pause = min(_LONGEST_PAUSE, 2 * pause)


class SlackApp:
    """Slack's two ways to kefu: Socket Mode and HTTP. What comes by them goes to `reception`."""

    def __init__(
        self,
        credentials: SlackCredentials,
        client: AsyncWebClient,
        reception: Reception,
        pages: Callable[[web.Application], None] | None = None,
    ) -> None:
        """`pages`: adds what is served by HTTP besides events."""
        self._credentials, self._client, self._reception = credentials, client, reception
        self._pages = pages
        self._bolt = self._bolt_app()

    def _bolt_app(self) -> AsyncApp:
        """Bolt looks at the names of arguments, and stumbles over `self`."""

        async def authorized() -> AuthorizeResult:  # no event waits for it; reception looks it up
            return AuthorizeResult(enterprise_id=None, team_id=None)

        async def taken(
            body: dict[str, Any],
            next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002
        ) -> BoltResponse:
            return await self._reception.received(body) or await next()

        secret = self._credentials.signing_secret
        app = AsyncApp(
            client=self._client,
            authorize=authorized,
            signing_secret=secret or "none",
            request_verification_enabled=bool(secret),
            process_before_response=True,
            logger=logging.getLogger("kefu.slack"),
        )
        app.use(taken)
        return app

    @asynccontextmanager
    async def sockets(self) -> AsyncIterator[asyncio.Future[None]]:
        """Connected by Socket Mode meanwhile. Yields what is done when the first connection
        stands, and fails with a SettingsError where Slack does not take the token."""
        connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        tasks = [asyncio.create_task(self._keep_connected(connected)) for _ in range(SOCKETS)]
        try:
            yield connected
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            connected.cancel()

    async def _keep_connected(self, connected: asyncio.Future[None]) -> None:
        """A connection that is down for some seconds is given up and made anew: the library tries
        the old address, which Slack lets serve only once, for ever (bolt-python #1529)."""

        async def ask() -> str:
            token = self._credentials.app_token
            return str((await self._client.apps_connections_open(app_token=token))["url"])

        while True:
            try:
                address = await _patiently(
                    "apps.connections.open", "SLACK_APP_TOKEN", self._client.base_url, ask
                )
                await self._connection(address, connected)
            except SettingsError as error:
                if not connected.done():
                    connected.set_exception(error)
                    return
                _logger.error("%s", error)
                await asyncio.sleep(_LONGEST_PAUSE)

    async def _connection(self, address: str, connected: asyncio.Future[None]) -> None:
        """Until it is down."""
        token = self._credentials.app_token
        handler = AsyncSocketModeHandler(
            self._bolt, token, web_client=self._client, ping_interval=_PING
        )
        socket = handler.client
        socket.wss_uri = address
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await socket.connect()  # type: ignore[no-untyped-call]
                if not connected.done():
                    connected.set_result(None)
                up = time.monotonic()
                while time.monotonic() - up < _PATIENCE:
                    await asyncio.sleep(_LOOK)
                    if await socket.is_connected():
                        up = time.monotonic()
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def http(self, host: str, port: int) -> AsyncIterator[int]:
        """Listening for HTTP events meanwhile, where there is a secret to know Slack by; yields
        the port. Raise SettingsError."""
        served = web.Application(client_max_size=4 << 20)
        if self._credentials.signing_secret:
            served.router.add_post(EVENTS_PATH, self._received)
        if self._pages is not None:
            self._pages(served)
        runner = web.AppRunner(served, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            try:
                await site.start()
            except OSError as error:
                raise SettingsError(
                    f"--http {host}:{port} cannot be listened on: {error.strerror}; name another"
                ) from None
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    async def _received(self, request: web.Request) -> web.Response:
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        if not _STAMP.fullmatch(stamp):  # the library's check would fail on it
            return web.Response(status=401)
        try:
            asked = await to_bolt_request(request)
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ):  # no JSON, or other types in it
            return web.Response(status=400)
        return await to_aiohttp_response(await self._bolt.async_dispatch(asked))
