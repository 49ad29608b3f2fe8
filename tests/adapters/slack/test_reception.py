"""What is pressed, typed and opened in the stand-in, by both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.slack.app import SlackApp, SlackCredentials, who_are_we
from bot.adapters.slack.client import SlackClient
from bot.adapters.slack.reception import Business, Reception
from bot.adapters.slack.surfaces import HELPFUL, PERSON, UNHELPFUL
from bot.adapters.slack.workspaces import OneWorkspace
from bot.delivery import Fate
from bot.desk import Desk, DeskLimits
from bot.hours import BusinessHours
from bot.store import Store, open_store
from tests.e2e.slack_server import SlackServer
from tests.e2e.slack_server.workspace import Channel
from tests.faults.desk_life import Echo

HELP = "C0HELP"
QUICK = DeskLimits(poll_seconds=0.02, first_pause=0.01, drain_seconds=5)
FRIDAY_NIGHT = datetime(2026, 11, 20, 20, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as slack:
        yield slack


@asynccontextmanager
async def answering(slack: SlackServer, store: Store, *, http: bool = True) -> AsyncIterator[None]:
    credentials = SlackCredentials.from_environment(http=http, environment=slack.environment)
    web = credentials.web()
    workspaces = OneWorkspace(web, (await who_are_we(web)).bot_user_id or "")
    desk = Desk(store, Echo(store), SlackClient(workspaces), QUICK)  # type: ignore[arg-type]
    hours = BusinessHours.parse("Europe/Berlin", {"mon": "09:00-17:00"})
    business = Business("Lamps & <!channel>", hours)
    reception = Reception(desk, store, workspaces, business, lambda: FRIDAY_NIGHT)
    app = SlackApp(credentials, web, reception)
    async with app.http("127.0.0.1", 0) if http else app.sockets() as port:
        slack.events_url = f"http://127.0.0.1:{port}/slack/events" if http else None
        working = asyncio.create_task(desk.run())
        try:
            yield
        finally:
            desk.stop()
            await working


async def until(done: Callable[[], Any]) -> Any:
    async with asyncio.timeout(20):
        while not (found := done()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found


async def answered(slack: SlackServer, text: str = "shoes?") -> tuple[str, str]:
    """The ts of a thread, and of kefu's reply in it."""
    thread = slack.say(HELP, "U1", f"<@U0KEFU> {text}")
    (reply,) = await until(lambda: slack.replies(HELP, thread))
    return thread, reply["ts"]


async def feedback(slack: SlackServer, store: Store, ts: str) -> list[tuple[str, bool, str]]:
    (message,) = [m for (_, stamp), m in slack.workspace.messages.items() if stamp == ts]
    found = await store.feedback.of([message["metadata"]["event_payload"]["id"]])
    return [(one.customer, one.helpful, one.remark) for one in found]


@pytest.mark.parametrize("http", [True, False])
async def test_helpful_or_not_and_why(slack: SlackServer, store: Store, http: bool) -> None:
    async with answering(slack, store, http=http):
        _, ts = await answered(slack)
        await slack.press(HELP, ts, "U1", HELPFUL).taken.wait()
        assert await feedback(slack, store, ts) == [("T0KEFU/U1", True, "")]
        (thanks,) = await until(lambda: slack.workspace.whispers)
        assert (thanks["user"], thanks["text"]) == ("U1", "Thank you, that helps us.")
        await slack.press(HELP, ts, "U1", UNHELPFUL).taken.wait()
        assert await feedback(slack, store, ts) == [("T0KEFU/U1", False, "")]
        await until(lambda: slack.workspace.forms)
        await slack.submit("U1", "It is <!here> 30 days.").taken.wait()
        assert await feedback(slack, store, ts) == [("T0KEFU/U1", False, "It is <!here> 30 days.")]


async def test_the_wish_for_a_person_is_a_message_like_any_other(
    slack: SlackServer, store: Store
) -> None:
    async with answering(slack, store):
        thread, ts = await answered(slack)
        await slack.press(HELP, ts, "U2", PERSON).taken.wait()
        await until(lambda: len(slack.replies(HELP, thread)) == 2)
    (talk,) = await store.log.overview()
    said = [message.text for message in await store.log.messages(talk.conversation.id)]
    assert said[2:] == ["Talk to a person", "Re: Talk to a person"]


async def test_of_another_workspace_nothing_is_believed(slack: SlackServer, store: Store) -> None:
    async with answering(slack, store):
        _, ts = await answered(slack)
        delivery = slack.press(HELP, ts, "U1", HELPFUL)
        await delivery.taken.wait()
        press = delivery.body
        other = {**press, "team": {"id": "T0OTHER"}}
        odd = {**press, "actions": [{"action_id": HELPFUL, "value": "../1"}]}
        for body, status in ((other, 200), (odd, 200), ({**press, "user": 1}, 400)):
            assert (await slack.post_event(body, kind="interactive"))[0] == status
        assert await feedback(slack, store, ts) == [("T0KEFU/U1", True, "")]


async def test_asked_by_command_only_who_asked_reads_it(slack: SlackServer, store: Store) -> None:
    slack.workspace.channels["C0OTHER"] = Channel(is_foreign=True)
    async with answering(slack, store):
        delivery = slack.command(HELP, "U1", "ask  How long for <!channel> shoes?")
        await delivery.taken.wait()
        assert delivery.answer["text"] == "> How long for &lt;!channel&gt; shoes?"
        (told,) = await until(lambda: slack.workspace.whispers)
        assert told["user"] == "U1"
        assert told["text"] == "Re: How long for &lt;!channel&gt; shoes?"
        assert not slack.workspace.thread(HELP, "")
        await slack.command("C0OTHER", "U2", "ask and here?").taken.wait()
        direct = await until(
            lambda: [m for (where, _), m in slack.workspace.messages.items() if where == "U2"]
        )
        assert [message["text"] for message in direct] == ["Re: and here?"]
    assert await store.inbox.count("slack") == {Fate.ANSWERED: 2}


@pytest.mark.parametrize("http", [True, False])
async def test_status_report_and_help(slack: SlackServer, store: Store, http: bool) -> None:
    async with answering(slack, store, http=http):
        await answered(slack)
        told = {}
        for text in ("status", "report", "", "sing"):
            delivery = slack.command(HELP, "U1", text)
            await delivery.taken.wait()
            told[text] = delivery.answer["text"]
            assert delivery.answer["response_type"] == "ephemeral"
    assert (
        "Nobody is there at the moment; from Monday, 23 November 09:00 (CET) on." in told["status"]
    )
    assert "0 messages before the bot, 0 conversations waiting for a person" in told["status"]
    assert "1 message in 1 conversation" in told["report"]
    assert "1 answered, 0 not found" in told["report"]
    assert told[""] == told["sing"]
    assert "/kefu ask" in told[""]


async def test_the_apps_home(slack: SlackServer, store: Store) -> None:
    async with answering(slack, store):
        slack.emit({"type": "app_home_opened", "user": "U1", "tab": "home"})
        view = await until(lambda: slack.workspace.homes.get("U1"))
    assert view["blocks"][0]["text"]["text"] == "Lamps & <!channel>"
    assert "&lt;!channel&gt;" in view["blocks"][1]["text"]["text"]


async def test_slack_that_fails_meanwhile_loses_no_feedback(
    slack: SlackServer, store: Store
) -> None:
    async with answering(slack, store):
        _, ts = await answered(slack)
        slack.faults.server_errors = 1.0
        for action in (UNHELPFUL, HELPFUL):
            await slack.press(HELP, ts, "U1", action).taken.wait()
        assert await feedback(slack, store, ts) == [("T0KEFU/U1", True, "")]
