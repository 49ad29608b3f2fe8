"""One life of a front desk for Slack, to be ended at any moment. Its assistant repeats the message:
what a reply answers can be read off it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

from bot.adapters.slack.app import SlackApp, SlackCredentials, who_are_we
from bot.adapters.slack.client import SlackClient
from bot.adapters.slack.reception import Reception
from bot.adapters.slack.workspaces import OneWorkspace
from bot.assistant import Record
from bot.conversation import (
    Answered,
    HandedOff,
    Message,
    Reply,
    ReplyStatus,
    Sentiment,
    SentimentLabel,
    Tag,
    Token,
    TurnEvent,
)
from bot.conversation import ConversationState as State
from bot.desk import Desk, DeskLimits
from bot.drafting import Pace
from bot.skills import handoff
from bot.store import Store, open_store

LIMITS = DeskLimits(
    lease_seconds=1.5,
    poll_seconds=0.1,
    first_pause=0.05,
    longest_pause=1.0,
    leases=1_000_000,
    posts=1_000_000,
    replies_a_minute=1_000_000,
    pace=Pace(after=0.02, every=0.02),
)
CALM = Tag("en", Sentiment(SentimentLabel.NEUTRAL, 0.0, 1.0))
WRITES = 0.02
"""Seconds at most that a word takes: what is written is shown before it is a reply, or not."""


class Echo:
    """In the place of the assistant."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def farewell(self, rule: str, language: str) -> str:
        return rule

    async def tag_of(self, text: str) -> Tag:
        del text
        return CALM

    async def respond(self, message: Message, *, record: Record) -> AsyncIterator[TurnEvent]:
        found = await self._store.log.conversation(message.conversation)
        if found.state is State.HANDED_OFF:
            yield HandedOff(handoff.HELD, None)
            return
        text = f"Re: {message.text}"
        for word in text.split(" "):
            await asyncio.sleep(random.random() * WRITES)
            yield Token(f"{word} ")
        reply = Reply(text, ReplyStatus.ANSWERED, "en")
        yield Answered(await record(reply, None))


def live(home: Path, environment: dict[str, str], http: int | None = None) -> None:
    """Until it is ended. `http`: the port of HTTP events; else Socket Mode."""
    asyncio.run(_live(home, environment, http))


async def _live(home: Path, environment: dict[str, str], http: int | None) -> None:
    random.seed()
    credentials = SlackCredentials.from_environment(http=http is not None, environment=environment)
    web = credentials.web()
    async with await open_store(home / "kefu.db") as store:
        workspaces = OneWorkspace(web, (await who_are_we(web)).bot_user_id or "")
        client = SlackClient(workspaces)
        desk = Desk(store, Echo(store), client, LIMITS, client.live)  # type: ignore[arg-type]
        app = SlackApp(credentials, web, Reception(desk, store, workspaces))
        serving = app.sockets() if http is None else app.http("127.0.0.1", http)
        async with serving:
            await desk.run()
