"""What is remembered of a conversation, in the inbox, and the report."""

from __future__ import annotations

from bot.conversation import Reply, ReplyStatus
from bot.errors import StoreError
from bot.memory import Memory
from bot.store import Store
from tests.tui.driving import notices, until
from tests.tui.inbox_driving import called, inbox, opened, said
from tui.screens.note import NoteDialog
from tui.screens.report import ReportScreen
from tui.widgets.prompt import Prompt


async def test_an_agent_corrects_the_summary(store: Store) -> None:
    talk = await called(store, "Where is order LL20000001?")
    async with inbox(store) as pilot:
        await opened(pilot, talk)
        assert not pilot.app.screen.query_one("#remembered").display
        await pilot.press("ctrl+e")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteDialog))
        prompt = pilot.app.screen.query_one(Prompt)
        assert prompt.text.startswith("The customer asked “Where is order LL20000001?”.")
        prompt.write("Anna waits for [two] parcels.")
        await pilot.press("enter")
        await until(pilot, lambda: "[two] parcels" in said(pilot, "#remembered"))
    assert await store.digests.edits(talk.id) == {"summary": "Anna waits for [two] parcels."}


async def test_what_is_remembered_is_shown(store: Store) -> None:
    talk = await called(store, "My name is Ada, order LL20000001 is late.")
    await store.log.record(talk.id, Reply("It comes.", ReplyStatus.ANSWERED, "en"))
    last = (await store.log.messages(talk.id))[-1]
    await Memory(store.memories, store.digests).fold(talk.id, last.id)
    async with inbox(store) as pilot:
        await opened(pilot, talk)
        await until(pilot, lambda: "order: LL20000001" in said(pilot, "#remembered"))


async def test_the_report_is_read_like_a_page(store: Store) -> None:
    await called(store, "Where is it?")

    async def made() -> str:
        return "# Lamps\n\n| figure | share |\n|---|---:|\n| Resolution | 50.0% |\n"

    async def failed() -> str:
        raise StoreError("the disk is full")

    async with inbox(store) as pilot:
        await pilot.press("f10")
        await until(pilot, lambda: "There is no report here." in notices(pilot))
        for make, shown in ((made, "Lamps"), (failed, "the disk is full")):
            screen = ReportScreen(make)
            pilot.app.push_screen(screen)
            await until(pilot, lambda shown=shown: shown in text_of(pilot.app.screen))  # type: ignore[misc]
            await pilot.press("escape")
            await until(pilot, lambda screen=screen: pilot.app.screen is not screen)  # type: ignore[misc]


def text_of(screen: object) -> str:
    from textual.screen import Screen
    from textual.widgets import Static

    assert isinstance(screen, Screen)
    return "\n".join(str(part.render()) for part in screen.query(Static) if part.display)
