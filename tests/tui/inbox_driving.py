"""An inbox over a real store, and a bot at the agent's side that says what it was told to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from textual.pilot import Pilot
from textual.widgets import Static

from bot.agent_desk import AgentDesk
from bot.conversation import Citation, Conversation, ConversationState, Reply, ReplyStatus
from bot.settings import InboxSettings, TerminalSettings
from bot.skills.topics import Topics
from bot.store import Store
from tests.tui.driving import shown as text_of
from tests.tui.driving import until
from tui.inbox import InboxApp
from tui.screens.inbox import InboxScreen
from tui.widgets.agenda_list import AgendaList

SAID = "Shoes can be returned within 60 days of delivery."
PAGE = Citation("returns.md", "Returns", "How long you have > Shoes", SAID)
CALLED = Reply("A person is called.", ReplyStatus.HANDED_OFF, "en", rule="asked for a person")
SUGGESTED = Reply(SAID, ReplyStatus.ANSWERED, "en", citations=(PAGE,))


@dataclass
class FakeAide:
    reply: Reply | None = SUGGESTED
    translation: str = "Wo ist mein Paket?"
    error: Exception | None = None
    opening: asyncio.Event | None = None
    """Set when it may be open at last; None opens it at once."""
    writing: asyncio.Event | None = None
    opened: int = 0
    closed: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FakeAide]:
        if self.opening is not None:
            await self.opening.wait()
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1

    async def suggest(self, conversation_id: str) -> Reply | None:
        await self._work("suggest", conversation_id)
        return self.reply

    async def cited(
        self, text: str, citations: Sequence[Citation], language: str
    ) -> tuple[Citation, ...]:
        return tuple(citation for citation in citations if citation.quote in text)

    async def translate(self, text: str, language: str) -> str:
        await self._work(language, text)
        return self.translation

    async def _work(self, *asked: str) -> None:
        self.asked.append((asked[0], asked[1]))
        if self.writing is not None:
            await self.writing.wait()
        if self.error is not None:
            raise self.error


@asynccontextmanager
async def inbox(
    store: Store,
    agent: str = "ben",
    *,
    size: tuple[int, int] = (120, 36),
    aide: FakeAide | None = None,
    topics: Topics | None = None,
    clock: datetime | None = None,
    **settings: Any,
) -> AsyncIterator[Pilot[None]]:
    """As soon as its list is shown."""
    desk = AgentDesk(store, agent, "Lamps", topics or Topics(), aide.open if aide else None)
    more: dict[str, Any] = {"clock": lambda: clock} if clock else {}
    app = InboxApp(desk, TerminalSettings(), InboxSettings(**settings), **more)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: bool(said(pilot, "#subject")))
        yield pilot


def home(pilot: Pilot[None]) -> InboxScreen:
    return cast("InboxApp", pilot.app).home


def said(pilot: Pilot[None], name: str) -> str:
    return text_of(home(pilot).query_one(name, Static))


def listed(pilot: Pilot[None]) -> list[str]:
    return [str(option.prompt) for option in home(pilot).query_one(AgendaList).options]


def rows(pilot: Pilot[None]) -> list[str]:
    return [row.text for row in home(pilot).talk.transcript.rows]


def prompted(pilot: Pilot[None]) -> str:
    return home(pilot).prompt.text


async def opened(pilot: Pilot[None], talk: Conversation) -> None:
    await home(pilot).show(talk.id)
    await until(pilot, lambda: home(pilot).prompt.has_focus and bool(rows(pilot)))


async def taken(pilot: Pilot[None], talk: Conversation) -> None:
    await opened(pilot, talk)
    await pilot.press("f5")
    await until(pilot, lambda: "ben has it" in said(pilot, "#about"))


async def called(store: Store, text: str, customer: str = "T1/U1", **note: Any) -> Conversation:
    """A conversation of a customer who waits for a person."""
    talk = await store.log.start(channel="slack", customer=customer)
    await store.log.note(talk.id, text)
    await store.log.record(talk.id, CALLED, conversation_state=ConversationState.HANDED_OFF)
    return await store.log.conversation(talk.id)
