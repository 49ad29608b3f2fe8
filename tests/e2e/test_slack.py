"""`kefu slack` as an operator runs it, with the models that come along, beside the stand-in."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.adapters.slack.several import install
from tests.e2e.slack_server import SlackServer
from tests.e2e.slack_server.oauth import SlackWorkspaces

KEFU = Path(sys.executable).with_name("kefu")
HELP = "C0HELP"
QUESTION = "<@U0KEFU> How long do I have to return shoes?"
PATIENCE = 60


@asynccontextmanager
async def kefu_slack(slack: SlackServer, *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        KEFU, "slack", *arguments, env=os.environ | slack.environment, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def replies(slack: SlackServer, thread: str, count: int) -> list[str]:
    async with asyncio.timeout(PATIENCE):
        while len(found := slack.replies(HELP, thread)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return [message["text"] for message in found]


async def line(process: Process) -> str:
    assert process.stderr is not None
    return (await asyncio.wait_for(process.stderr.readline(), PATIENCE)).decode()


async def test_from_a_mention_to_a_person(sample_home: Path) -> None:
    async with SlackServer() as slack, kefu_slack(slack) as process:
        assert "connected to Slack" in await line(process)
        thread = slack.say(HELP, "U1", QUESTION)
        (answer,) = await replies(slack, thread, 1)
        assert "60 days" in answer
        slack.say(HELP, "U1", "I want to talk to a person, please.", thread=thread)
        (_, handed_off) = await replies(slack, thread, 2)
        assert "I have called a person" in handed_off
        slack.say(HELP, "U1", "Are you there?", thread=thread)
        process.send_signal(signal.SIGTERM)
        assert "done" in await line(process)
        assert await process.wait() == 0
        assert len(slack.replies(HELP, thread)) == 2


async def test_killed_with_a_message_in_hand_and_started_again(sample_home: Path) -> None:
    async with SlackServer(ack_seconds=0.5) as slack:
        async with kefu_slack(slack) as process:
            await line(process)
            thread = slack.say(HELP, "U1", QUESTION)
            await slack.deliveries[-1].taken.wait()
            process.kill()
            await process.wait()
        async with kefu_slack(slack):
            other = slack.say(HELP, "U2", QUESTION)
            for one in (thread, other):
                (answer,) = await replies(slack, one, 1)
                assert "60 days" in answer


async def test_http_events(sample_home: Path) -> None:
    async with SlackServer() as slack, kefu_slack(slack, "--http", "127.0.0.1:0") as process:
        told = await line(process)
        assert "listening at http://127.0.0.1:" in told
        slack.events_url = told.split()[3].rstrip(";")
        thread = slack.say(HELP, "U1", QUESTION)
        (answer,) = await replies(slack, thread, 1)
        assert "60 days" in answer


async def test_two_workspaces_by_oauth(sample_home: Path) -> None:
    async with (
        SlackWorkspaces("T1", "T2") as slack,
        kefu_slack(slack, "--http", "127.0.0.1:0") as process,
    ):
        told = await line(process)
        assert "/slack/install" in told
        slack.events_url = told.split()[3].rstrip(";").replace("/install", "/events")
        assert "connected to Slack" in await line(process)  # SLACK_APP_TOKEN is set, too
        await install(slack, "T1", "T2")
        for number, team in enumerate(("T1", "T2")):
            assert f"installed in the Slack workspace {team}" in await line(process)
            slack.enter(team)
            thread = slack.say(HELP, "U1", QUESTION.replace("U0KEFU", f"UBOT{team}"))
            if number:
                slack.events_url = None  # by Socket Mode
            (answer,) = await replies(slack, thread, 1)
            assert "60 days" in answer
