"""Several workspaces at one desk: each has its own data, and none another's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters.slack.client import SlackClient
from bot.adapters.slack.surfaces import HELPFUL, PERSON, UNHELPFUL
from bot.conversation import Message, Reply, ReplyStatus, Role
from bot.delivery import Fate, Outgoing, Place, Posting
from bot.store import Store
from tests.adapters.slack.several import install, installations, serving, until
from tests.e2e.slack_server.oauth import SlackWorkspaces
from tests.e2e.slack_server.workspace import Channel

HELP = "C0HELP"


async def asked(slack: SlackWorkspaces, team: str, text: str) -> tuple[str, dict[str, Any]]:
    """The ts of a thread in that workspace, and kefu's reply there."""
    slack.enter(team)
    channel = next(iter(slack.workspace.channels))
    thread = slack.say(channel, "U1", f"<@{slack.workspace.bot_user}> {text}")
    (reply,) = await until(lambda: slack.replies(channel, thread))
    return thread, reply


async def customers(store: Store) -> set[str]:
    return {one.conversation.customer for one in await store.log.overview()}


async def feedback(store: Store, reply: Mapping[str, Any]) -> list[tuple[str, bool, str]]:
    found = await store.feedback.of([reply["metadata"]["event_payload"]["id"]])
    return [(one.customer, one.helpful, one.remark) for one in found]


@pytest.mark.parametrize("sockets", [False, True])
async def test_each_is_answered_where_it_asked(
    workspaces: SlackWorkspaces, store: Store, sockets: bool
) -> None:
    async with serving(workspaces, store):
        await install(workspaces, "T1", "T2")
    workspaces.events_url = None
    async with serving(workspaces, store, sockets=sockets):
        for team in ("T1", "T2"):
            _, reply = await asked(workspaces, team, f"shoes of {team}?")
            assert f"shoes of {team}?" in reply["text"]
    for team, workspace in workspaces.workspaces.items():
        told = [message["text"] for message in workspace.messages.values()]
        assert len(told) == 2
        assert all(team in text for text in told)
    assert await customers(store) == {"T1/U1", "T2/U1"}


async def test_the_same_ids_elsewhere_are_others(workspaces: SlackWorkspaces, store: Store) -> None:
    """Channels, users and timestamps are the same in both; a thread is known in one alone."""
    async with serving(workspaces, store):
        await install(workspaces, "T1", "T2")
        thread, _ = await asked(workspaces, "T1", "in the first")
        workspaces.enter("T2")
        follow_up = {"type": "message", "channel": HELP, "channel_type": "channel", "user": "U1"}
        follow_up |= {"ts": "1800000000.009999", "thread_ts": thread, "text": "and there"}
        await workspaces.emit(follow_up).taken.wait()
    assert await customers(store) == {"T1/U1"}


async def test_nothing_pressed_elsewhere_counts(workspaces: SlackWorkspaces, store: Store) -> None:
    async with serving(workspaces, store):
        await install(workspaces, "T1", "T2")
        _, reply = await asked(workspaces, "T1", "shoes?")
        press = workspaces.press(HELP, reply["ts"], "U1", UNHELPFUL)
        await press.taken.wait()
        await until(lambda: workspaces.workspace.forms)
        for team in ("T2", "T3", "E1"):
            for action in (HELPFUL, PERSON):
                button = {**press.body["actions"][0], "action_id": action}
                body = press.body | {"team": {"id": team}, "actions": [button]}
                assert (await workspaces.post_event(body, kind="interactive"))[0] == 200
            form = workspaces.submit("U1", "wrong")
            form.body["team"] = {"id": team}
            await form.taken.wait()
        both = press.body | {"team_id": "T2", "actions": [{**press.body["actions"][0]}]}
        await workspaces.post_event(both, kind="interactive")
        assert await feedback(store, reply) == [("T1/U1", False, "")]
    assert await customers(store) == {"T1/U1"}


async def test_reports_are_of_one_workspace(workspaces: SlackWorkspaces, store: Store) -> None:
    async with serving(workspaces, store):
        await install(workspaces, "T1", "T2")
        for _ in range(2):
            await asked(workspaces, "T1", "shoes?")
        told = {}
        for team in ("T1", "T2"):
            workspaces.enter(team)
            command = workspaces.command(HELP, "U1", "report")
            await command.taken.wait()
            told[team] = command.answer["text"]
        assert "2" in told["T1"]
        assert told["T1"] != told["T2"]
        workspaces.emit({"type": "app_home_opened", "tab": "home", "user": "U7"})
        await until(lambda: workspaces.workspaces["T2"].homes)
        assert workspaces.workspaces["T1"].homes == {}


async def test_unsigned_bodies_are_refused_whatever_they_name(
    workspaces: SlackWorkspaces, store: Store
) -> None:
    event = {"type": "message", "channel_type": "im", "channel": "D1", "user": "U1"}
    said = {"type": "event_callback", "event": {**event, "ts": "1800000000.000001", "text": "x"}}
    gone = {"type": "event_callback", "event": {"type": "app_uninstalled"}}
    async with serving(workspaces, store):
        await install(workspaces, "T1")
        for body in (said, gone):
            for signature in ("", "v0=" + "0" * 64):
                status, _ = await workspaces.post_event(
                    {**body, "team_id": "T1"}, {"X-Slack-Signature": signature}
                )
                assert status == 401
    assert await store.inbox.count("slack") == {}
    assert await store.installations.count("slack") == 1


async def test_a_workspace_without_kefu_is_not_heard(
    workspaces: SlackWorkspaces, store: Store
) -> None:
    async with serving(workspaces, store):
        await install(workspaces, "T1")
        workspaces.enter("T2")
        workspaces.say(HELP, "U1", "<@UBOTT2> shoes?")
        command = workspaces.command(HELP, "U1", "ask shoes?")
        for delivery in workspaces.deliveries:
            await delivery.taken.wait()
        assert command.answer is None
    assert await store.inbox.count("slack") == {}


async def test_uninstalled_and_installed_again(workspaces: SlackWorkspaces, store: Store) -> None:
    async with serving(workspaces, store):
        await install(workspaces, "T1", "T2")
        thread, _ = await asked(workspaces, "T1", "shoes?")
        gone = workspaces.uninstall("T1")
        await gone.taken.wait()
        assert await store.installations.count("slack") == 1
        (talk,) = await store.log.overview()
        await asked(workspaces, "T2", "hats?")
        await install(workspaces, "T1")
        late = {**gone.body, "event_id": "Ev-late", "event_time": int(time.time()) - 60}
        assert (await workspaces.post_event(late))[0] == 200
        workspaces.enter("T1")
        workspaces.say(HELP, "U1", "and in blue?", thread=thread)
        await until(lambda: len(workspaces.replies(HELP, thread)) == 2)
    said = [message.text for message in await store.log.messages(talk.conversation.id)]
    assert said[2:] == ["and in blue?", "Re: and in blue?"]


async def test_a_reply_to_where_kefu_is_no_more_says_so(
    workspaces: SlackWorkspaces, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(workspaces, store):
        await install(workspaces, "T1")
        await asked(workspaces, "T1", "shoes?")
        await workspaces.uninstall("T1").taken.wait()
        (talk,) = await store.log.overview()
        late = Reply("Sorry for the wait.", ReplyStatus.ANSWERED, "en")
        await store.outbox.post(talk.conversation.id, late, role=Role.AGENT, agent="Ben")
        async with asyncio.timeout(20):
            while not (await store.outbox.count("slack")).get(Posting.GAVE_UP):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert "kefu is not installed in the Slack workspace T1" in caplog.text
    assert len(await store.log.messages(talk.conversation.id)) == 3


@pytest.mark.parametrize(
    ("tokens", "count"),
    [({"oauth": ["U1"]}, 1), ({"oauth": ["U1"], "bot": []}, 1), ({"bot": ["UBOTT1"]}, 0), (7, 1)],
)
async def test_revoked_tokens(
    workspaces: SlackWorkspaces, store: Store, tokens: object, count: int
) -> None:
    async with serving(workspaces, store):
        await install(workspaces, "T1")
        await workspaces.emit({"type": "tokens_revoked", "tokens": tokens}).taken.wait()
    assert await store.installations.count("slack") == count


async def test_an_organisation_of_two_and_a_stranger(store: Store) -> None:
    async with SlackWorkspaces("T1", "T2", "T9") as slack, serving(slack, store):
        slack.organise("E1", "T1", "T2")
        await install(slack, "E1", "T9")
        slack.enter("T2")
        slack.emit({"type": "app_home_opened", "tab": "home", "user": "U7"})
        await until(lambda: [one for one in slack.workspaces.values() if one.homes])
        replies = {team: (await asked(slack, team, f"of {team}?"))[1] for team in ("T1", "T2")}
        assert await customers(store) == {"T1/U1", "T2/U1"}
        assert [len(slack.workspaces[team].messages) for team in ("T1", "T2", "T9")] == [2, 2, 0]
        slack.enter("T1")
        press = slack.press("C0T1", replies["T1"]["ts"], "U1", HELPFUL)
        await press.taken.wait()
        assert press.body["team"] is None
        assert await feedback(store, replies["T1"]) == [("T1/U1", True, "")]
        foreign = press.body | {"enterprise": None, "team": {"id": "T9"}}
        foreign["actions"] = [{**press.body["actions"][0], "action_id": UNHELPFUL}]
        await slack.post_event(foreign, kind="interactive")
        assert await feedback(store, replies["T1"]) == [("T1/U1", True, "")]
        await slack.uninstall("E1").taken.wait()
        assert await store.installations.count("slack") == 1
        slack.say("C0T1", "U1", "<@UBOTE1> still there?")
        await slack.deliveries[-1].taken.wait()
    assert (await store.inbox.count("slack")) == {Fate.ANSWERED: 2}


async def test_in_a_shared_channel_the_one_who_has_kefu_hears(
    workspaces: SlackWorkspaces, store: Store
) -> None:
    async with serving(workspaces, store):
        await install(workspaces, "T1")
        workspaces.enter("T1")
        ts = workspaces.say(HELP, "U1", "<@UBOTT1> shoes?")
        for delivery in workspaces.deliveries:
            delivery.body["team_id"] = "T7STRANGER"
        await until(lambda: workspaces.replies(HELP, ts))
    assert await customers(store) == {"T1/U1"}


@pytest.mark.parametrize(("agents", "team"), [("C0DESK", "T2"), ("T1/C0DESK", "T1")])
async def test_agents_are_told_in_the_customers_workspace_or_in_their_own(
    workspaces: SlackWorkspaces, store: Store, agents: str, team: str
) -> None:
    async with serving(workspaces, store):
        await install(workspaces, "T1", "T2")
    for workspace in workspaces.workspaces.values():
        workspace.channels["C0DESK"] = Channel()
    message = Message("id1", "c1", Role.CUSTOMER, "Where is it?", datetime.now(UTC))
    place = Place("slack", f"T2/{HELP}/1800000000.000001")
    client = SlackClient(installations(workspaces, store), agents=agents)
    for landed in (False, True):
        await client.alert(Outgoing(1, 1, 1, place, message, landed), ("“Where is it?”",))
    told = {name: len(one.messages) for name, one in workspaces.workspaces.items()}
    assert told == {"T1": 0, "T2": 0} | {team: 1}
