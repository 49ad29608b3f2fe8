"""What a test does to the application, each waiting until it has happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Static

from tui.app import KefuApp
from tui.widgets.assistant_message import AssistantMessage
from tui.widgets.customer_message import CustomerMessage
from tui.widgets.transcript import Row, Transcript

PATIENCE = 10.0


def app_of(pilot: Pilot[None]) -> KefuApp:
    return cast("KefuApp", pilot.app)


async def until(pilot: Pilot[None], reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not reached():  # noqa: ASYNC110 - the screen has no event for it
            await asyncio.sleep(0.005)
    await pilot.pause()


async def awake(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await until(pilot, lambda: app.is_awake)
    app.home.prompt.cursor_blink = False


async def write(pilot: Pilot[None], text: str) -> None:
    app_of(pilot).home.prompt.write(text)
    await pilot.press("enter")


async def ask(pilot: Pilot[None], text: str) -> None:
    """Send and wait for the end of the reply."""
    chat = app_of(pilot).home.chat
    await write(pilot, text)
    await until(pilot, lambda: chat.turn is None)


def transcript(pilot: Pilot[None]) -> Transcript:
    return app_of(pilot).home.query_one(Transcript)


def rows(pilot: Pilot[None]) -> list[Row]:
    return transcript(pilot).rows


def customers(pilot: Pilot[None]) -> list[CustomerMessage]:
    return [row for row in rows(pilot) if isinstance(row, CustomerMessage)]


def answers(pilot: Pilot[None]) -> list[AssistantMessage]:
    return transcript(pilot).answers


def shown(widget: Static) -> str:
    """The text of a widget as it stands on the screen."""
    visual = widget.visual
    assert isinstance(visual, Content)
    return visual.plain


def footer(row: AssistantMessage) -> str:
    return shown(row.query_one(".footer", Static))


def sources(pilot: Pilot[None]) -> list[str]:
    return [
        shown(source) for source in app_of(pilot).home.query("#sources .source").results(Static)
    ]


def notices(pilot: Pilot[None]) -> list[str]:
    return [notification.message for notification in pilot.app._notifications]
