"""The inbox over a real store; two agents at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from bot.agent_desk import AgentDesk
from bot.conversation import (
    Conversation,
    ConversationState,
    Reply,
    ReplyStatus,
    Role,
    Sentiment,
    SentimentLabel,
)
from bot.delivery import Incoming, Place, Posting
from bot.settings import TerminalSettings
from bot.store import Store, open_store
from tui.inbox import InboxApp
from tui.widgets.agenda_list import AgendaList
from tui.widgets.customer_message import CustomerMessage
from tui.widgets.transcript import Transcript

CROSS = Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


@pytest.fixture
async def talk(store: Store) -> Conversation:
    """Of an unhappy customer in Slack, who waits for a person; beside one who does not."""
    await store.log.start(channel="slack", customer="T1/U2", title="A calm one")
    place = Place("slack", "T1/C1/1800000000.000001")
    await store.inbox.take_in(Incoming(place, "1", "1", "T1/U1", "Where is my [red]parcel[/]?"))
    (lease,) = await store.inbox.lease("slack", limit=1, seconds=60)
    message = await store.inbox.note(lease)
    await store.log.tag(message.id, language="en", sentiment=CROSS)
    said = Reply("A person is called.", ReplyStatus.HANDED_OFF, "en")
    await store.inbox.record(lease, said, ConversationState.HANDED_OFF)
    return await store.log.conversation(message.conversation)


@asynccontextmanager
async def inbox(store: Store, agent: str = "ben") -> AsyncIterator[Pilot[None]]:
    app = InboxApp(AgentDesk(store, agent, "Lamps"), TerminalSettings())
    async with app.run_test(size=(110, 30)) as pilot:
        await pilot.pause()
        yield pilot


def said(pilot: Pilot[None], name: str) -> str:
    return str(pilot.app.screen.query_one(name, Static).content)


def listed(pilot: Pilot[None]) -> list[str]:
    return [str(option.prompt) for option in pilot.app.screen.query_one(AgendaList).options]


def shown(pilot: Pilot[None]) -> list[str]:
    return [row.text for row in pilot.app.screen.query_one(Transcript).rows]


async def until(pilot: Pilot[None], done: Callable[[], Any]) -> None:
    for _ in range(100):
        if done():
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not come to pass")


async def write(pilot: Pilot[None], text: str) -> None:
    for letter in text:
        await pilot.press("space" if letter == " " else letter)
    await pilot.press("enter")
    await pilot.pause()


async def test_who_waits_for_a_person_comes_first(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        assert pilot.app.screen.query_one(AgendaList).region.width > 25
        first, second = listed(pilot)
        assert "Where is my [red]parcel[/]?" in first
        assert "→ waits" in first
        assert "A calm one" in second
        assert "1 conversation waiting for a person" in said(pilot, "#subject")
        assert "ben" in said(pilot, "#engine")


async def test_take_over_answer_and_hand_back(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        assert shown(pilot) == ["Where is my [red]parcel[/]?", "A person is called."]
        assert "T1/U1 in slack · waits for a person · ▂" in said(pilot, "#about")
        await write(pilot, "too early")
        assert len(shown(pilot)) == 2, "not without taking it over"
        await pilot.press("f5")
        await until(pilot, lambda: "ben has it" in said(pilot, "#about"))
        await pilot.press("enter")
        await until(pilot, lambda: shown(pilot)[-1:] == ["too early"])
        (posted,) = await store.outbox.lease("slack", limit=9, seconds=60)
        assert (posted.message.text, posted.message.role) == ("too early", Role.AGENT)
        await pilot.press("f6")
        await until(pilot, lambda: "the bot answers" in said(pilot, "#about"))
        found = await store.log.conversation(talk.id)
        assert (found.state, found.agent) == (ConversationState.OPEN, "")
        await pilot.press("f7")
        await until(pilot, lambda: len(listed(pilot)) == 1)


async def test_two_agents_see_each_others_claims(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        await pilot.press("enter")
        await AgentDesk(store, "cleo", "Lamps").take_over(talk.id)
        await until(pilot, lambda: "cleo has it" in said(pilot, "#about"))
        await until(pilot, lambda: any("cleo has it" in row for row in listed(pilot)))
        for key in ("f5", "f6", "f7"):
            await pilot.press(key)
            await pilot.pause()
        found = await store.log.conversation(talk.id)
        assert (found.state, found.agent) == (ConversationState.HANDED_OFF, "cleo")
        assert any("cleo has this" in n.message for n in pilot.app._notifications)


async def test_what_the_customer_writes_meanwhile_is_seen(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        await store.log.note(talk.id, "Hello?")
        await until(pilot, lambda: shown(pilot)[-1] == "Hello?")
        row = pilot.app.screen.query(CustomerMessage).last()
        assert "T1/U1" in str(row.content)


async def test_a_takeover_withdraws_what_the_bot_had_not_sent(
    store: Store, talk: Conversation
) -> None:
    async with inbox(store) as pilot:
        await pilot.press("f5")
        await until(pilot, lambda: "ben has it" in said(pilot, "#about"))
    assert await store.outbox.count("slack") == {Posting.WITHDRAWN: 1}


async def test_search_and_help(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        await pilot.press("ctrl+f")
        await pilot.pause()
        await pilot.press(*"parcel")
        await pilot.pause(0.4)
        await pilot.press("enter")
        await until(pilot, lambda: len(shown(pilot)) == 2)
        await pilot.press("f1")
        await pilot.pause()
        told = [str(static.content) for static in pilot.app.screen.query(Static)]
        assert "inbox.take" in told
        assert "chat.new" not in told
