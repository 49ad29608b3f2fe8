"""The case beside the conversation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Static

from bot.conversation import Conversation
from bot.errors import StoreError
from bot.store import Store
from tests.tui.driving import notices, until
from tests.tui.driving import shown as text_of
from tests.tui.inbox_driving import SUGGESTED, called, home, inbox, opened, said
from tui.screens.note import NoteDialog
from tui.widgets.case import Case
from tui.widgets.prompt import Prompt

NASTY = "[bold]not markup[/] \x1b[31mred\x07 </message>"


@pytest.fixture
async def talk(store: Store) -> Conversation:
    """Answered once, then a person was called."""
    talk = await store.log.start(channel="slack", customer="anna")
    await store.log.note(talk.id, "How long can shoes be returned?")
    answer = await store.log.record(talk.id, SUGGESTED)
    await store.feedback.give(answer.id, "anna", helpful=False, remark=NASTY)
    return await called(store, "Other things") and talk


async def test_the_digest_the_sources_and_what_the_customer_thinks(
    store: Store, talk: Conversation
) -> None:
    async with inbox(store) as pilot:
        await opened(pilot, talk)
        digest = said(pilot, "#digest")
        assert "Asks  “How long can shoes be returned?”" in digest
        assert "Tried  1 answer by the bot from Returns › How long you have › Shoes" in digest
        assert said(pilot, "#notes") == "None yet."
        assert said(pilot, "#feedback") == (
            "▼ not helpful anna\n“[bold]not markup[/] [31mred </message>”"
        )
        sources = home(pilot).query("#case .source")
        await until(pilot, lambda: len(sources) == 1)
        assert "Returns › How long you have › Shoes" in text_of(sources.first(Static))


async def test_the_sources_are_of_the_bots_answer_before_a_persons(
    store: Store, talk: Conversation
) -> None:
    await store.log.record(talk.id, replace(SUGGESTED, text="Ben here.", citations=()))
    async with inbox(store) as pilot:
        await opened(pilot, talk)
        nothing = home(pilot).query("#case .nothing")
        await until(pilot, lambda: len(nothing) == 1)
        assert "cites no help page" in text_of(nothing.first(Static))
        home(pilot).talk.transcript.focus()
        await pilot.press("up")
        await until(pilot, lambda: len(home(pilot).query("#case .source")) == 1)


async def test_a_note_is_seen_by_the_others_within_a_second(
    store: Store, talk: Conversation
) -> None:
    async with inbox(store, "cleo") as other, inbox(store) as pilot:
        await opened(other, talk)
        await opened(pilot, talk)
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteDialog))
        pilot.app.screen.query_one(Prompt).write(NASTY)
        await pilot.press("enter")
        shown = "ben now\n[bold]not markup[/] [31mred </message>"
        await until(pilot, lambda: said(pilot, "#notes") == shown)
        await until(other, lambda: said(other, "#notes") == shown)
    assert len(await store.log.messages(talk.id)) == 2, "no customer reads it"


async def test_a_note_that_cannot_be_stored_is_not_lost(
    store: Store, talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise StoreError("the disk is full")

    async with inbox(store) as pilot:
        await opened(pilot, talk)
        monkeypatch.setattr(store.notes, "add", full)
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteDialog))
        first = pilot.app.screen
        first.query_one(Prompt).write("She is right.")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen not in (first, home(pilot)))
        assert pilot.app.screen.query_one(Prompt).text == "She is right."
        assert "the disk is full" in notices(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is home(pilot))


async def test_what_is_long_is_cut(store: Store, talk: Conversation) -> None:
    for number in range(25):
        await store.notes.add(talk.id, f"agent {number}", "x" * 40_000)
    async with inbox(store) as pilot:
        await opened(pilot, talk)
        await until(pilot, lambda: "agent 24" in said(pilot, "#notes"))
        assert "agent 4 " not in said(pilot, "#notes")
        assert len(said(pilot, "#notes")) < 50_000


async def test_it_comes_and_goes_with_a_key(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        case = home(pilot).query_one(Case)
        assert case.display
        assert "Open a conversation" in said(pilot, "#digest")
        await pilot.press("f3")
        await until(pilot, lambda: not case.display)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: home(pilot).has_class("-narrow"))
        assert not case.display
        await opened(pilot, talk)
        await pilot.press("f3")
        await until(pilot, lambda: case.region.width > 30)
        assert case.region.right <= 80
        assert home(pilot).prompt.region.width > 30
        await pilot.press("escape")
        await until(pilot, lambda: not case.display)
        assert home(pilot).query_one("#agenda").region.width > 20
