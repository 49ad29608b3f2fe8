"""What Slack sends, by both ways: committed, then acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.adapters.slack.app import SlackApp, SlackCredentials, who_are_we
from bot.adapters.slack.client import SlackClient
from bot.adapters.slack.reception import Reception
from bot.adapters.slack.workspaces import OneWorkspace
from bot.delivery import Fate
from bot.desk import Desk
from bot.errors import SettingsError, StoreFull
from bot.store import Store, open_store
from tests.e2e.slack_server import SlackServer
from tests.faults.desk_life import Echo


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer(ack_seconds=1.0) as slack:
        yield slack


async def app_of(slack: SlackServer, store: Store, *, http: bool) -> SlackApp:
    credentials = SlackCredentials.from_environment(http=http, environment=slack.environment)
    web = credentials.web()
    workspaces = OneWorkspace(web, (await who_are_we(web)).bot_user_id or "")
    desk = Desk(store, Echo(store), SlackClient(workspaces))  # type: ignore[arg-type]
    return SlackApp(credentials, web, Reception(desk, store, workspaces))


@asynccontextmanager
async def listening(slack: SlackServer, store: Store) -> AsyncIterator[None]:
    app = await app_of(slack, store, http=True)
    async with app.http("127.0.0.1", 0) as port:
        slack.events_url = f"http://127.0.0.1:{port}/slack/events"
        yield


async def taken(slack: SlackServer) -> None:
    async with asyncio.timeout(10):
        for delivery in slack.deliveries:
            await delivery.taken.wait()


async def waiting(store: Store) -> int:
    return (await store.inbox.count("slack")).get(Fate.WAITING, 0)


@pytest.mark.parametrize("http", [True, False])
async def test_what_is_addressed_is_taken_in_once(
    slack: SlackServer, store: Store, http: bool
) -> None:
    slack.faults.duplicates = 3
    slack.workspace.channels["D1"] = type(slack.workspace.channels["C0HELP"])(is_im=True)
    app = await app_of(slack, store, http=http)
    async with app.http("127.0.0.1", 0) if http else app.sockets() as port:
        slack.events_url = f"http://127.0.0.1:{port}/slack/events" if http else None
        thread = slack.say("C0HELP", "U1", "<@U0KEFU> a mention")
        slack.say("C0HELP", "U1", "overheard")
        slack.say("D1", "U1", "a direct message")
        await taken(slack)
        slack.say("C0HELP", "U2", "in our thread", thread=thread)
        slack.emit({"type": "team_join", "user": {"id": "U9"}})
        await taken(slack)
    assert await waiting(store) == 3
    assert slack.unacknowledged == 0


async def test_edits_and_deletions_reach_the_inbox(slack: SlackServer, store: Store) -> None:
    async with listening(slack, store):
        first = slack.say("C0HELP", "U1", "<@U0KEFU> hats")
        second = slack.say("C0HELP", "U1", "<@U0KEFU> socks")
        overheard = slack.say("C0HELP", "U1", "nothing")
        await taken(slack)
        slack.change("C0HELP", first, "<@U0KEFU> shoes")
        slack.delete("C0HELP", second)
        slack.change("C0HELP", overheard, "<@U0KEFU> now it is for you")
        await taken(slack)
    leases = await store.inbox.lease("slack", limit=9, seconds=60)
    assert sorted(lease.text for lease in leases) == ["now it is for you", "shoes"]


async def test_what_was_not_stored_is_not_acknowledged_and_comes_again(
    slack: SlackServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in = store.inbox.take_in
    fails = [True, True]

    async def full(*messages: Any) -> None:
        if fails:
            fails.pop()
            raise StoreFull("the disk is full")
        await take_in(*messages)

    monkeypatch.setattr(store.inbox, "take_in", full)
    async with listening(slack, store):
        slack.say("C0HELP", "U1", "<@U0KEFU> hello")
        await taken(slack)
    assert await waiting(store) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": ""},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "yesterday"},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "１２３"},
        {"X-Slack-Request-Timestamp": str(int(time.time()) - 400)},
        {"X-Slack-Request-Timestamp": str(int(time.time()) + 400)},
        {"X-Slack-Request-Timestamp": "9" * 400},
    ],
)
async def test_what_is_not_slacks_is_refused(
    slack: SlackServer, store: Store, headers: dict[str, str]
) -> None:
    event = {"type": "message", "channel_type": "im", "channel": "D1", "user": "U1"}
    body = {"type": "event_callback", "team_id": "T1", "event": {**event, "ts": "1.000001"}}
    async with listening(slack, store):
        encoded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
        status, _ = await slack.post_event(body, encoded)
        assert status == 401
    assert await waiting(store) == 0


async def test_slack_verifies_the_address(slack: SlackServer, store: Store) -> None:
    async with listening(slack, store):
        status, text = await slack.post_event({"type": "url_verification", "challenge": "abc"})
    assert (status, "abc" in text) == (200, True)


async def test_torn_bodies_are_no_crash(slack: SlackServer, store: Store) -> None:
    async with listening(slack, store):
        for event in ({}, {"type": "message"}, {"type": ["message"]}, {"type": None}):
            status, _ = await slack.post_event({"type": "event_callback", "event": event})
            assert status == 200
        status, _ = await slack.post_event({"type": "event_callback"})
        assert status == 200
        status, _ = await slack.post_event({"type": "something_new"})
        assert status == 404
    assert await waiting(store) == 0


async def test_a_closed_socket_is_opened_again(slack: SlackServer, store: Store) -> None:
    slack.faults.disconnects = 0.3
    app = await app_of(slack, store, http=False)
    async with app.sockets():
        for number in range(20):
            slack.say("C0HELP", "U1", f"<@U0KEFU> {number}")
            await asyncio.sleep(0.02)
        await taken(slack)
    assert await waiting(store) == 20


async def test_sockets_come_back_after_an_outage_with_new_addresses(
    slack: SlackServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.adapters.slack.app._PATIENCE", 1.0)
    monkeypatch.setattr("bot.adapters.slack.app._LOOK", 0.1)
    app = await app_of(slack, store, http=False)
    async with app.sockets() as connected:
        await connected
        await slack.hang_up(1.5)
        slack.say("C0HELP", "U1", "<@U0KEFU> are you back?")
        await taken(slack)
    assert await waiting(store) == 1


async def test_an_app_token_that_slack_refuses_is_named(store: Store) -> None:
    async with SlackServer() as slack:
        app = await app_of(slack, store, http=False)
        slack.app_token = "xapp-other"
        async with app.sockets() as connected:
            with pytest.raises(SettingsError, match="refuses SLACK_APP_TOKEN"):
                await asyncio.wait_for(connected, 5)


async def test_a_root_with_replies_is_deleted_too(slack: SlackServer, store: Store) -> None:
    async with listening(slack, store):
        root = slack.say("C0HELP", "U1", "<@U0KEFU> my secret")
        slack.say("C0HELP", "U1", "and more", thread=root)
        await taken(slack)
        slack.delete("C0HELP", root)
        await taken(slack)
    assert (await store.inbox.count("slack")) == {Fate.WAITING: 1, Fate.REFUSED: 1}


async def test_a_follow_up_may_overtake_its_root(slack: SlackServer, store: Store) -> None:
    app = await app_of(slack, store, http=False)
    root, follow_up = "1800000000.000001", "1800000000.000002"
    said = {"type": "message", "channel": "C1", "user": "U1"}
    body = {"type": "event_callback", "team_id": "T1"}
    for event in (
        {**said, "ts": "1800000000.000009", "text": "a root of its own"},
        {**said, "ts": follow_up, "thread_ts": root, "text": "second"},
        {**said, "ts": root, "text": "<@U0KEFU> first", "type": "app_mention"},
    ):
        await app._reception.take(body | {"event": event}, "U0KEFU")
    assert await waiting(store) == 2
    (lease,) = await store.inbox.lease("slack", limit=9, seconds=60)
    assert lease.text == "first"


async def test_torn_requests(slack: SlackServer, store: Store) -> None:
    async with listening(slack, store), ClientSession() as session:
        assert slack.events_url
        for body in (b"{torn", b"\xff\xfe", b""):
            headers = {"X-Slack-Request-Timestamp": "1", "Content-Type": "application/json"}
            async with session.post(slack.events_url, data=body, headers=headers) as answer:
                assert answer.status in {400, 401}


async def test_a_port_that_is_taken_is_named(slack: SlackServer, store: Store) -> None:
    app = await app_of(slack, store, http=True)
    async with app.http("127.0.0.1", 0) as port:
        with pytest.raises(SettingsError, match=f"--http 127.0.0.1:{port} cannot be listened on"):
            async with app.http("127.0.0.1", port):
                pass


async def test_without_a_secret_to_know_slack_by_no_events_are_taken(
    slack: SlackServer, store: Store
) -> None:
    app = await app_of(slack, store, http=False)
    app._credentials = replace(app._credentials, signing_secret="")
    async with app.http("127.0.0.1", 0) as port:
        slack.events_url = f"http://127.0.0.1:{port}/slack/events"
        assert (await slack.post_event({"type": "event_callback"}))[0] == 404
