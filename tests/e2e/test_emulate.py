"""The Slack adapter beside npm's emulate, a second opinion on Slack: `make test-emulate`.

What emulate does not have is not looked at here: Socket Mode, buttons and commands, rate limits,
renewed tokens, a second workspace. It hears any token, and takes it for its admin's.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack.app import SlackCredentials, who_are_we
from bot.adapters.slack.client import SlackClient
from bot.adapters.slack.manifest import SCOPES
from bot.adapters.slack.surfaces import home_view, remark_form
from bot.adapters.slack.workspaces import OneWorkspace
from bot.conversation import Citation, Message, Role
from bot.delivery import Outgoing, Place, Undeliverable

FOLDER = os.environ.get("KEFU_EMULATE", "")
KEFU = Path(sys.executable).with_name("kefu")
PATIENCE = 60
TEAM, CHANNEL, CUSTOMER, BOT = "T000000001", "C000000001", "U000000001", "UKEFU00001"
BOT_TOKEN, CUSTOMER_TOKEN = "xoxb-kefu", "xoxp-customer"
CLIENT_ID, CLIENT_SECRET = "111.222", "a client's secret"
QUESTION = f"<@{BOT}> How long do I have to return shoes?"

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="KEFU_EMULATE names no folder: make test-emulate"
)


@dataclass
class Emulate:
    process: Process
    url: str
    redirect_url: str

    @property
    def environment(self) -> dict[str, str]:
        return {"SLACK_API_URL": f"{self.url}/api/", "SLACK_SIGNING_SECRET": "shared"}

    def web(self, token: str) -> AsyncWebClient:
        credentials = SlackCredentials.from_environment(
            http=True, environment=self.environment | {"SLACK_BOT_TOKEN": token}
        )
        return credentials.web()

    async def send_events_to(self, url: str) -> None:
        assert await _told(self.process, url) == url


async def _told(process: Process, line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line.encode() + b"\n")
    return (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().strip()


@pytest.fixture
async def emulate() -> AsyncIterator[Emulate]:
    script = Path(__file__).with_name("emulate.mjs")
    process = await asyncio.create_subprocess_exec(node(), script, FOLDER, stdin=PIPE, stdout=PIPE)
    redirect_url = f"http://127.0.0.1:{free_port()}/slack/oauth_redirect"
    try:
        url = await _told(process, json.dumps(seed(free_port(), redirect_url)))
        yield Emulate(process, url.replace("localhost", "127.0.0.1"), redirect_url)
    finally:
        process.kill()
        await process.wait()


def node() -> str:
    """The one beside emulate, where the machine's own was too old."""
    beside = Path(FOLDER, "node_modules", ".bin", "node")
    return str(beside) if beside.exists() else "node"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def seed(port: int, redirect_url: str) -> dict[str, Any]:
    scopes = sorted(SCOPES)
    app = {
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "app_id": "A0KEFU",
        "name": "kefu", "redirect_uris": [redirect_url], "scopes": scopes,
        "bot_id": "BKEFU00001", "bot_user_id": BOT,
    }  # fmt: skip
    of_bot = {
        "token": BOT_TOKEN, "type": "bot", "user_id": BOT, "bot_user_id": BOT,
        "bot_id": "BKEFU00001", "app_id": "A0KEFU", "scopes": scopes,
    }  # fmt: skip
    of_customer = {
        "token": CUSTOMER_TOKEN, "user_id": CUSTOMER,
        "scopes": ["chat:write", "channels:history", "channels:manage", "im:history", "im:write"],
    }  # fmt: skip
    return {
        "port": port, "signing_secret": "shared", "strict_scopes": True,
        "oauth_apps": [app], "tokens": [of_bot, of_customer],
    }  # fmt: skip


@asynccontextmanager
async def kefu_slack(emulate: Emulate, port: int, given: Mapping[str, str]) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        KEFU, "slack", "--http", f"127.0.0.1:{port}",
        env=os.environ | emulate.environment | given, stderr=PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        told = (await asyncio.wait_for(process.stderr.readline(), PATIENCE)).decode()
        assert "listening at" in told
        await emulate.send_events_to(f"http://127.0.0.1:{port}/slack/events")
        yield
    finally:
        process.terminate()
        await process.wait()


async def replies(
    web: AsyncWebClient, thread: str, count: int, channel: str = CHANNEL
) -> Sequence[Mapping[str, Any]]:
    """The bot's, in the thread."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await web.api_call(
                "conversations.replies", data={"channel": channel, "ts": thread}
            )
            found = [one for one in answer["messages"] if one["user"] == BOT]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def test_a_customer_is_answered_in_the_thread(emulate: Emulate, sample_home: Path) -> None:
    customer = emulate.web(CUSTOMER_TOKEN)
    async with kefu_slack(emulate, free_port(), {"SLACK_BOT_TOKEN": BOT_TOKEN}):
        asked = await customer.chat_postMessage(channel=CHANNEL, text=QUESTION)
        (answer,) = await replies(customer, asked["ts"], 1)
        assert "60 days" in answer["text"]
        assert answer["thread_ts"] == asked["ts"]
        assert answer["metadata"]["event_type"] == "kefu_reply"
        assert {block["type"] for block in answer["blocks"]} >= {"section", "actions"}
        await customer.chat_postMessage(
            channel=CHANNEL, thread_ts=asked["ts"], text="I want to talk to a person, please."
        )
        (_, handed_off) = await replies(customer, asked["ts"], 2)
        assert "I have called a person" in handed_off["text"]


async def test_a_direct_message_needs_no_mention(emulate: Emulate, sample_home: Path) -> None:
    customer = emulate.web(CUSTOMER_TOKEN)
    async with kefu_slack(emulate, free_port(), {"SLACK_BOT_TOKEN": BOT_TOKEN}):
        asked = await customer.chat_postMessage(channel=BOT, text=QUESTION.partition(" ")[2])
        (answer,) = await replies(customer, asked["ts"], 1, asked["channel"])
        assert "60 days" in answer["text"]


async def test_installed_by_oauth(emulate: Emulate, sample_home: Path) -> None:
    port = int(emulate.redirect_url.split(":")[2].partition("/")[0])
    given = {
        "SLACK_BOT_TOKEN": "", "SLACK_CLIENT_ID": CLIENT_ID, "SLACK_CLIENT_SECRET": CLIENT_SECRET,
        "SLACK_REDIRECT_URI": emulate.redirect_url, "SLACK_APP_TOKEN": "",
    }  # fmt: skip
    customer = emulate.web(CUSTOMER_TOKEN)
    async with kefu_slack(emulate, port, given), ClientSession() as browser:
        async with browser.get(
            emulate.redirect_url.replace("oauth_redirect", "install"), allow_redirects=False
        ) as sent:
            cookie = sent.headers["Set-Cookie"].partition(";")[0]
            to_slack = sent.headers["Location"]
        async with browser.get(to_slack) as page:
            fields = re.findall(r'name="(\w+)" value="([^"]*)"', await page.text())
        form = {name: unescape(value) for name, value in fields}
        allow = f"{emulate.url}/oauth/v2/authorize/callback"
        async with browser.post(allow, data=form, allow_redirects=False) as back:
            address = back.headers["Location"]
        async with browser.get(address, headers={"Cookie": cookie}) as done:
            assert (done.status, "Thank you" in await done.text()) == (200, True)
        asked = await customer.chat_postMessage(channel=CHANNEL, text=QUESTION)
        (answer,) = await replies(customer, asked["ts"], 1)
        assert "60 days" in answer["text"]


def outgoing(thread: str, *, landed: bool = False, channel: str = CHANNEL) -> Outgoing:
    source = Citation("returns.md", "Returns", "How long", "Sixty days.")
    at = datetime.now(UTC)
    message = Message("id1", "c1", Role.ASSISTANT, "Sixty <days>.", at, citations=(source,))
    return Outgoing(1, 1, 1, Place("slack", f"{TEAM}/{channel}/{thread}"), message, landed)


async def test_posts_are_found_again(emulate: Emulate) -> None:
    web = emulate.web(BOT_TOKEN)
    us = await who_are_we(web)
    assert (us.team_id, us.bot_user_id) == (TEAM, BOT)
    client = SlackClient(OneWorkspace(web, BOT), agents="C000000002")
    asked = await emulate.web(CUSTOMER_TOKEN).chat_postMessage(channel=CHANNEL, text="hello")
    posted = await client.deliver(outgoing(asked["ts"]))
    assert await client.deliver(outgoing(asked["ts"], landed=True)) == posted
    (reply,) = await replies(web, asked["ts"], 1)
    assert (reply["ts"], reply["text"]) == (posted, "Sixty &lt;days&gt;.")
    told = await client.alert(outgoing(asked["ts"]), ("“hello”",))
    assert await client.alert(outgoing(asked["ts"], landed=True), ("“hello”",)) == told


async def test_what_only_one_sees(emulate: Emulate) -> None:
    client = SlackClient(OneWorkspace(emulate.web(BOT_TOKEN), BOT))
    assert await client.deliver(outgoing(f"@{CUSTOMER}.trigger"))


async def test_what_never_can_be(emulate: Emulate) -> None:
    client = SlackClient(OneWorkspace(emulate.web(BOT_TOKEN), BOT))
    with pytest.raises(Undeliverable, match="channel_not_found"):
        await client.deliver(outgoing("1800000000.000001", channel="C0NOWHERE"))
    closed = {"channel": "C000000002"}
    await emulate.web(CUSTOMER_TOKEN).api_call("conversations.archive", json=closed)
    with pytest.raises(Undeliverable, match="is_archived"):
        await client.deliver(outgoing("1800000000.000001", channel="C000000002"))


async def test_the_home_and_the_form(emulate: Emulate) -> None:
    web = emulate.web(BOT_TOKEN)
    home = home_view("Lamps & more", ["*Open*"])
    assert (await web.views_publish(user_id=CUSTOMER, view=home))["view"]["type"] == "home"
    given = await web.api_call("views.generateTriggerId", json={"user_id": CUSTOMER})
    opened = await web.views_open(trigger_id=given["trigger_id"], view=remark_form("0" * 32, "en"))
    assert opened["view"]["type"] == "modal"
