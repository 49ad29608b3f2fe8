"""How the inbox looks. After a change that is meant: `pytest tests/tui --snapshot-update`, look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bot.agent_desk import AgentDesk
from bot.conversation import ConversationState, Tag
from bot.settings import TerminalSettings
from bot.skills.topics import Topic, Topics
from bot.store import Store, open_store
from tests.tui.driving import until
from tests.tui.fake_desk import CALM, CROSS, GLAD, RETURNS, START
from tests.tui.inbox_driving import CALLED, FakeAide, home, opened, prompted
from tui.inbox import InboxApp
from tui.screens.canned import CannedReplies
from tui.screens.note import NoteDialog

Compare = Callable[..., bool]
Driving = Callable[[Pilot[None], list[str]], Awaitable[None]]
TOPICS = Topics([Topic("recall", ("X-100",), {"en": "Unplug the lamp and do not use it."})])


async def furnished(path: Path) -> list[str]:
    """The ids of its conversations, the one that waits first."""
    async with await open_store(path) as store:
        store.log._clock = store.notes._clock = lambda: START
        waits = await talked(store, "anna", ("How long can I return shoes?", CALM, "en"))
        answer = await store.log.record(waits, RETURNS)
        store.log._clock = lambda: START + timedelta(minutes=10)
        unhappy = await store.log.note(waits, "That is not what I asked. Get me a person!")
        await store.log.tag(unhappy.id, Tag("en", CROSS))
        await store.log.record(waits, CALLED, conversation_state=ConversationState.HANDED_OFF)
        await store.feedback.give(answer.id, "anna", helpful=False, remark="I bought [lamps].")
        await store.notes.add(waits, "cleo", "She ordered twice; the first one came back.")
        held = await talked(store, "bob", ("Wo ist mein Paket?", CROSS, "de"))
        await store.outbox.take_over(held, "ben")
        glad = await talked(store, "T024BE7LD/U2147483697", ("Thanks a lot!", GLAD, "en"))
        return [waits, held, glad]


async def talked(store: Store, customer: str, *said: tuple[str, object, str]) -> str:
    talk = await store.log.start(channel="slack", customer=customer)
    for text, mood, language in said:
        message = await store.log.note(talk.id, text)
        await store.log.tag(message.id, Tag(language, mood))  # type: ignore[arg-type]
    return talk.id


@pytest.fixture
def looks(tmp_path: Path, snap_compare: Compare) -> Compare:
    def compare(
        drive: Driving,
        *,
        size: tuple[int, int] = (140, 40),
        theme: str = "textual-dark",
        is_empty: bool = False,
    ) -> bool:
        path = tmp_path / "kefu.db"
        ids = [] if is_empty else asyncio.run(furnished(path))
        store = asyncio.run(open_store(path))
        aide = FakeAide(translation="Where is my parcel?")
        app = InboxApp(
            AgentDesk(store, "ben", "Lantern & Loom", TOPICS, aide.open),
            TerminalSettings(theme=theme),
            clock=lambda: START + timedelta(hours=2),
        )

        async def run_before(pilot: Pilot[None]) -> None:
            await until(pilot, lambda: home(pilot)._waiting is not None)
            home(pilot).prompt.cursor_blink = False
            pilot.app.clear_notifications()
            await drive(pilot, ids)

        try:
            return snap_compare(app, terminal_size=size, run_before=run_before)
        finally:
            asyncio.run(store.close())

    return compare


async def read(pilot: Pilot[None], ids: list[str]) -> None:
    talk = await home(pilot)._desk.log.conversation(ids[0])
    await opened(pilot, talk)
    home(pilot).talk.transcript.focus()
    await pilot.press("up")
    await until(pilot, lambda: len(home(pilot).query("#case .source")) == 2)


async def stay(pilot: Pilot[None], ids: list[str]) -> None:
    pass


def test_a_conversation_and_its_case(looks: Compare) -> None:
    assert looks(read)


def test_the_light_theme(looks: Compare) -> None:
    assert looks(read, theme="textual-light")


def test_a_small_terminal(looks: Compare) -> None:
    assert looks(read, size=(80, 24))


def test_a_small_terminal_with_the_case(looks: Compare) -> None:
    async def drive(pilot: Pilot[None], ids: list[str]) -> None:
        await read(pilot, ids)
        await pilot.press("f3")
        await until(pilot, lambda: home(pilot).query_one("#case").region.width > 30)

    assert looks(drive, size=(80, 24))


def test_nobody_has_written(looks: Compare) -> None:
    assert looks(stay, is_empty=True)


def test_a_translation_and_a_suggestion(looks: Compare) -> None:
    async def drive(pilot: Pilot[None], ids: list[str]) -> None:
        await opened(pilot, await home(pilot)._desk.log.conversation(ids[1]))
        await pilot.press("ctrl+t")
        await until(pilot, lambda: bool(home(pilot).talk.transcript.translations))
        await pilot.press("f8")
        await until(pilot, lambda: bool(prompted(pilot)))

    assert looks(drive)


def test_a_note_is_written(looks: Compare) -> None:
    async def drive(pilot: Pilot[None], ids: list[str]) -> None:
        await read(pilot, ids)
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteDialog))
        pilot.app.screen.query_one("Prompt").cursor_blink = False  # type: ignore[attr-defined]

    assert looks(drive, size=(80, 24))


def test_a_ready_reply_is_picked(looks: Compare) -> None:
    async def drive(pilot: Pilot[None], ids: list[str]) -> None:
        await read(pilot, ids)
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(pilot.app.screen, CannedReplies))
        pilot.app.screen.query_one("Input").cursor_blink = False  # type: ignore[attr-defined]

    assert looks(drive, size=(80, 24))
