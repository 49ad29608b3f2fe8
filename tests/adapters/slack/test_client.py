"""Posts to the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters.slack.app import SlackCredentials, who_are_we
from bot.adapters.slack.calls import Barred, Limited
from bot.adapters.slack.client import SlackClient
from bot.adapters.slack.workspaces import OneWorkspace
from bot.conversation import Citation, Message, Role
from bot.delivery import Outgoing, Place, Postponed, Undeliverable
from bot.errors import SettingsError
from tests.e2e.slack_server import Faults, SlackServer
from tests.e2e.slack_server.workspace import Channel


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as slack:
        yield slack


@pytest.fixture
def client(slack: SlackServer) -> SlackClient:
    return client_of(slack)


def client_of(slack: SlackServer, *, agents: str = "", **changed: str) -> SlackClient:
    environment = slack.environment | changed
    credentials = SlackCredentials.from_environment(http=False, environment=environment)
    return SlackClient(OneWorkspace(credentials.web(), "U0KEFU"), agents=agents)


def outgoing(thread: str, text: str = "Sixty days.", *, landed: bool = False) -> Outgoing:
    message = Message(
        f"id of {text[:20]}",
        "c1",
        Role.ASSISTANT,
        text,
        datetime(2026, 1, 1, tzinfo=UTC),
        citations=(Citation("returns.md", "Returns", "How long", "Sixty days."),),
    )
    return Outgoing(1, 1, 1, Place("slack", f"T0KEFU/C0HELP/{thread}"), message, landed)


async def test_a_reply_stands_in_the_thread(slack: SlackServer, client: SlackClient) -> None:
    thread = slack.say("C0HELP", "U1", "hello")
    ts = await client.deliver(outgoing(thread))
    (reply,) = slack.replies("C0HELP", thread)
    assert (reply["ts"], reply["text"], reply["thread_ts"]) == (ts, "Sixty days.", thread)
    assert reply["metadata"]["event_payload"] == {"id": "id of Sixty days."}


async def test_one_that_may_have_landed_is_looked_for(
    slack: SlackServer, client: SlackClient
) -> None:
    thread = slack.say("C0HELP", "U1", "hello")
    slack.faults.lost_answers = 1.0
    with pytest.raises(Postponed) as raised:
        await client.deliver(outgoing(thread))
    assert raised.value.landed
    slack.faults.lost_answers = 0.0
    for _ in range(500):  # the thread goes on, over several pages
        slack.workspace.add("C0HELP", user="U1", text="more", thread_ts=thread)
    other = await client.deliver(outgoing(thread, "Another.", landed=True))
    found = await client.deliver(outgoing(thread, landed=True))
    assert found != other
    assert [m["text"] for m in slack.replies("C0HELP", thread)] == ["Sixty days.", "Another."]


async def test_a_search_that_is_cut_off_goes_on_where_it_was(
    slack: SlackServer, client: SlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = slack.say("C0HELP", "U1", "hello")
    for _ in range(1_000):
        slack.workspace.add("C0HELP", user="U1", text="more", thread_ts=thread)
    landed = await client.deliver(outgoing(thread))
    calls, asked = client._calls, 0
    call = calls.call

    async def every_other(*given: Any, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked % 2 == 0:
            raise Postponed("conversations.replies: 503")
        return await call(*given, **more)

    monkeypatch.setattr(calls, "call", every_other)
    for _ in range(10):
        with suppress(Postponed):
            assert await client.deliver(outgoing(thread, landed=True)) == landed
            break
    assert asked == 11, "six pages, each but the last followed by one that failed"
    assert len(slack.replies("C0HELP", thread)) == 1


async def test_a_cursor_that_slack_forgot_is_no_leave_to_post_again(
    slack: SlackServer, client: SlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = slack.say("C0HELP", "U1", "hello")
    landed = await client.deliver(outgoing(thread))
    for _ in range(500):
        slack.workspace.add("C0HELP", user="U1", text="more", thread_ts=thread)
    calls, forgets = client._calls, True
    call = calls.call

    async def forgetful(team: str, method: str, given: Any, **more: Any) -> Any:
        nonlocal forgets
        if forgets and method == "conversations.replies" and "cursor" in given:
            forgets = False
            raise Undeliverable("conversations.replies: invalid_cursor")
        return await call(team, method, given, **more)

    monkeypatch.setattr(calls, "call", forgetful)
    with pytest.raises(Postponed):
        await client.deliver(outgoing(thread, "Another.", landed=True))
    assert await client.deliver(outgoing(thread, landed=True)) == landed
    await client.deliver(outgoing(thread, "Another.", landed=True))
    assert [m["text"] for m in slack.replies("C0HELP", thread)] == ["Sixty days.", "Another."]


@pytest.mark.parametrize("fault", ["server_errors", "hangs"])
async def test_a_fault_leaves_it_open(slack: SlackServer, client: SlackClient, fault: str) -> None:
    thread = slack.say("C0HELP", "U1", "hello")
    setattr(slack.faults, fault, 1.0)
    with pytest.raises(Postponed) as raised:
        await client.deliver(outgoing(thread))
    assert raised.value.landed
    assert not isinstance(raised.value, Limited | Barred)


async def test_a_rate_limit_is_kept_without_asking_again(
    slack: SlackServer, client: SlackClient
) -> None:
    thread = slack.say("C0HELP", "U1", "hello")
    slack.faults.rate_limited, slack.faults.retry_after = 1.0, 7
    with pytest.raises(Limited) as raised:
        await client.deliver(outgoing(thread))
    assert (raised.value.seconds, raised.value.landed) == (7.0, False)
    slack.faults.rate_limited = 0.0
    with pytest.raises(Postponed) as again:
        await client.deliver(outgoing(thread))
    assert 6 < (again.value.seconds or 0) <= 7
    assert len(slack.calls) == 1


async def test_what_never_can_be_is_undeliverable(slack: SlackServer, client: SlackClient) -> None:
    thread = slack.say("C0HELP", "U1", "hello")
    with pytest.raises(Undeliverable, match="thread_not_found"):
        await client.deliver(outgoing("1800000000.999999"))
    slack.workspace.channels["C0HELP"].is_archived = True
    with pytest.raises(Undeliverable, match="is_archived"):
        await client.deliver(outgoing(thread))
    del slack.workspace.channels["C0HELP"]
    with pytest.raises(Undeliverable, match="channel_not_found"):
        await client.deliver(outgoing(thread))


async def test_what_an_operator_can_mend_is_tried_again_later(slack: SlackServer) -> None:
    thread = slack.say("C0HELP", "U1", "hello")
    with pytest.raises(Barred, match="invalid_auth"):
        await client_of(slack, SLACK_BOT_TOKEN="xoxb-revoked").deliver(outgoing(thread))
    slack.workspace.scopes.clear()
    with pytest.raises(Barred, match="missing_scope"):
        await client_of(slack).deliver(outgoing(thread))


async def test_a_slack_that_is_gone(slack: SlackServer) -> None:
    client = client_of(slack, SLACK_API_URL="http://127.0.0.1:9/api")
    with pytest.raises(Postponed):
        await client.deliver(outgoing("1800000000.000001"))


def test_missing_credentials_are_named() -> None:
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN and SLACK_APP_TOKEN must be set"):
        SlackCredentials.from_environment(http=False, environment={})
    with pytest.raises(SettingsError, match="SLACK_SIGNING_SECRET must be set"):
        SlackCredentials.from_environment(http=True, environment={"SLACK_BOT_TOKEN": "x"})
    shown = repr(SlackCredentials("xoxb-secret", "xapp-secret", "secret"))
    assert "secret" not in shown.replace("signing_secret", "")


async def test_a_refused_token_is_named_and_a_silent_slack_is_waited_for() -> None:
    async with SlackServer(Faults(rate_limited=0.7, retry_after=0)) as slack:
        environment = slack.environment
        good = SlackCredentials.from_environment(http=False, environment=environment).web()
        assert (await who_are_we(good)).bot_user_id == "U0KEFU"
        slack.faults.rate_limited = 0.0
        environment["SLACK_BOT_TOKEN"] = "xoxb-other"
        bad = SlackCredentials.from_environment(http=False, environment=environment).web()
        with pytest.raises(SettingsError, match=r"refuses SLACK_BOT_TOKEN .*invalid_auth"):
            await who_are_we(bad)


async def test_what_is_no_slack_is_named_and_not_waited_for(slack: SlackServer) -> None:
    for address in ("nonsense", slack.url, f"{slack.url}/elsewhere/"):
        environment = slack.environment | {"SLACK_API_URL": address}
        web = SlackCredentials.from_environment(http=False, environment=environment).web()
        with pytest.raises(SettingsError, match=rf"no Slack answers at {address}.*SLACK_API_URL"):
            await who_are_we(web)


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"])
def test_a_credential_that_was_broken_by_copying_is_named(slack: SlackServer, name: str) -> None:
    environment = slack.environment | {name: "xoxb-1\nx"}
    with pytest.raises(SettingsError, match=f"{name} holds a space or a line break"):
        SlackCredentials.from_environment(http=False, environment=environment)


DIGEST = ("“Where is <!channel> my parcel?”", "Nothing answered yet", "negative")


async def test_agents_are_told_in_their_channel(slack: SlackServer) -> None:
    slack.workspace.channels["C0DESK"] = Channel()
    client = client_of(slack, agents="C0DESK")
    thread = slack.say("C0HELP", "U1", "hello")
    slack.faults.lost_answers = 1.0
    with pytest.raises(Postponed):
        await client.alert(outgoing(thread), DIGEST)
    slack.faults.lost_answers = 0.0
    await client.alert(outgoing(thread, landed=True), DIGEST)
    (told,) = [m for (where, _), m in slack.workspace.messages.items() if where == "C0DESK"]
    text = told["blocks"][0]["text"]["text"]
    assert "• “Where is &lt;!channel&gt; my parcel?”" in text


async def test_the_alert_leads_to_the_thread(slack: SlackServer) -> None:
    slack.workspace.channels["C0DESK"] = Channel()
    thread = slack.say("C0HELP", "U1", "hello")
    ts = await client_of(slack, agents="C0DESK").alert(outgoing(thread), DIGEST)
    text = slack.workspace.messages["C0DESK", ts]["blocks"][0]["text"]["text"]
    assert text.startswith("*A person is needed* · <https://kefu.slack.com/archives/C0HELP/p")


async def test_without_a_channel_of_theirs_agents_are_not_told(
    slack: SlackServer, client: SlackClient
) -> None:
    assert await client.alert(outgoing("1800000000.000001"), DIGEST) == ""
    assert not slack.calls
