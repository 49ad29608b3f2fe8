"""kefu for several workspaces of the stand-in, and a browser to install it with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import ClientSession

from bot.adapters.slack.app import SlackApp, SlackCredentials
from bot.adapters.slack.client import SlackClient
from bot.adapters.slack.installations import Installations
from bot.adapters.slack.oauth import pages
from bot.adapters.slack.reception import Reception
from bot.desk import Desk, DeskLimits
from bot.store import Store
from tests.e2e.slack_server.oauth import SlackWorkspaces
from tests.faults.desk_life import Echo

QUICK = DeskLimits(poll_seconds=0.02, first_pause=0.01, drain_seconds=5)


def installations(slack: SlackWorkspaces, store: Store) -> Installations:
    credentials = SlackCredentials.from_environment(http=True, environment=slack.environment)
    return Installations(store.installations, credentials)


@asynccontextmanager
async def serving(
    slack: SlackWorkspaces, store: Store, *, sockets: bool = False
) -> AsyncIterator[None]:
    """The pages by HTTP, and events by HTTP or, instead, by Socket Mode."""
    environment = slack.environment | ({"SLACK_SIGNING_SECRET": ""} if sockets else {})
    credentials = SlackCredentials.from_environment(http=True, environment=environment)
    workspaces = installations(slack, store)
    desk = Desk(store, Echo(store), SlackClient(workspaces), QUICK)  # type: ignore[arg-type]
    reception = Reception(desk, store, workspaces)
    app = SlackApp(credentials, credentials.web(), reception, pages(credentials, store))
    async with app.http("127.0.0.1", 0) as port:
        address = f"http://127.0.0.1:{port}/slack/events"
        working = asyncio.create_task(desk.run())
        try:
            if sockets:
                async with app.sockets() as connected:
                    await connected
                    yield
            else:
                slack.events_url = address
                yield
        finally:
            desk.stop()
            await working


class Browser:
    """Follows no redirect by itself."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self.cookie = ""
        self.headers: dict[str, str] = {}

    async def get(self, url: str, **query: str) -> tuple[int, str]:
        """The status, and the text or where it sends one."""
        sent = {"Cookie": self.cookie} if self.cookie else {}
        async with self._session.get(
            url, params=query, headers=sent, allow_redirects=False
        ) as answer:
            if "Set-Cookie" in answer.headers:
                self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
            self.headers = dict(answer.headers)
            return answer.status, answer.headers.get("Location") or await answer.text()


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with ClientSession() as session:
        yield Browser(session)


async def allowed(slack: SlackWorkspaces, visitor: Browser, team: str) -> str:
    """Where Slack sends a browser back to, with a code and the state."""
    assert slack.events_url
    start = slack.events_url.replace("/events", "/install")
    status, to_slack = await visitor.get(start)
    assert status == 302
    assert to_slack.startswith(f"{slack.url}/oauth/v2/authorize?")
    status, back = await visitor.get(f"{to_slack}&team={team}")
    assert status == 302
    return back


async def install(slack: SlackWorkspaces, *teams: str) -> None:
    async with browser() as visitor:
        for team in teams:
            status, text = await visitor.get(await allowed(slack, visitor, team))
            assert status == 200, text


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def until(done: Callable[[], Any]) -> Any:
    async with asyncio.timeout(20):
        while not (found := done()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found
