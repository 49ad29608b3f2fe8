"""How it looks. After a change that is meant: `pytest tests/tui --snapshot-update`, then look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets.markdown import MarkdownFence

from bot.conversation import ConversationState
from tests.tui.conftest import AppMaker
from tests.tui.driving import answers, app_of, ask, awake, sources, until, write
from tests.tui.fake_desk import CALM, CROSS, GLAD, RETURNS, FakeDesk, Script
from tui.screens.help import Help
from tui.widgets.conversation_list import ConversationList

Compare = Callable[..., bool]
Driving = Callable[[Pilot[None]], Awaitable[None]]

FENCE = """\
This is how the shop's own programs look an order up:

```python
def order(number: str) -> str:
    return f"/orders/{number}"  # [not markup]
```

It answers at once."""


async def furnished(*scripts: Script) -> FakeDesk:
    desk = FakeDesk(*scripts)
    await desk.talked(("Can I pay with a gift card?", GLAD, RETURNS))
    parcel = await desk.talked(("Where is my parcel? It was due on Monday.", CROSS, RETURNS))
    await desk.log.set_state(parcel.id, ConversationState.HANDED_OFF)
    await desk.talked(("多久可以收到货？", CALM, RETURNS))
    return desk


@pytest.fixture
def looks(make_app: AppMaker, snap_compare: Compare) -> Compare:
    def compare(
        drive: Driving,
        *scripts: Script,
        size: tuple[int, int] = (120, 36),
        theme: str = "textual-dark",
    ) -> bool:
        app = make_app(asyncio.run(furnished(*scripts)), theme=theme)

        async def run_before(pilot: Pilot[None]) -> None:
            await awake(pilot)
            conversations = app.home.query_one(ConversationList)
            await until(pilot, lambda: conversations.option_count >= 3)
            await drive(pilot)

        return snap_compare(app, terminal_size=size, run_before=run_before)

    return compare


async def converse(pilot: Pilot[None]) -> None:
    await ask(pilot, "How long do I have to return shoes?")
    await until(pilot, lambda: len(sources(pilot)) == 2)


async def stay(pilot: Pilot[None]) -> None:
    pass


def test_an_empty_conversation(looks: Compare) -> None:
    assert looks(stay)


def test_a_conversation_with_sources(looks: Compare) -> None:
    assert looks(converse)


def test_the_light_theme(looks: Compare) -> None:
    assert looks(converse, theme="textual-light")


def test_a_small_terminal(looks: Compare) -> None:
    assert looks(converse, size=(80, 24))


def test_a_small_terminal_with_sources(looks: Compare) -> None:
    async def drive(pilot: Pilot[None]) -> None:
        await converse(pilot)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: app_of(pilot).home.query_one("#sources").region.height > 4)

    assert looks(drive, size=(80, 24))


def code(pilot: Pilot[None]) -> str:
    return "".join(fence.code for fence in answers(pilot)[0].query(MarkdownFence))


def test_a_code_fence_while_it_is_written(looks: Compare) -> None:
    words = FENCE.split(" ")
    gate = asyncio.Semaphore(words.index("[not") + 1)

    async def drive(pilot: Pilot[None]) -> None:
        await write(pilot, "How does it look an order up?")
        await until(pilot, lambda: answers(pilot)[0].text.endswith("[not"))
        await until(pilot, lambda: "# [not" in code(pilot))

    assert looks(drive, Script(reply=replace(RETURNS, text=FENCE), gate=gate))


def test_a_conversation_that_was_handed_over(looks: Compare) -> None:
    async def drive(pilot: Pilot[None]) -> None:
        await ask(pilot, "I want to talk to a person!")

    assert looks(drive, Script(rule="asked_for_person", sentiment=CROSS))


def test_the_help(looks: Compare) -> None:
    async def drive(pilot: Pilot[None]) -> None:
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, Help))

    assert looks(drive)
