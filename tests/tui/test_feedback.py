"""What a customer thinks of an answer and of a conversation."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from tests.tui.conftest import AppMaker
from tests.tui.driving import answers, app_of, awake, notices, transcript, until
from tests.tui.fake_desk import CALM, RETURNS, FakeDesk
from tui.screens.note import NoteDialog
from tui.screens.rate import RateDialog
from tui.widgets.prompt import Prompt


async def shown(pilot: Pilot[None], desk: FakeDesk) -> str:
    """The conversation's id."""
    talk = next(iter(desk.log.conversations))
    await awake(pilot)
    await app_of(pilot).home.show(talk)
    await until(pilot, lambda: len(answers(pilot)) == 2)
    return talk


async def on_top(pilot: Pilot[None], screen: type[Any]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, screen))


async def desk_with_answers() -> FakeDesk:
    desk = FakeDesk()
    await desk.talked(("How long?", CALM, RETURNS), ("And shoes?", CALM, RETURNS))
    return desk


async def test_an_answer_is_helpful_or_not_and_why(make_app: AppMaker) -> None:
    desk = await desk_with_answers()
    async with make_app(desk).run_test(size=(110, 30)) as pilot:
        await shown(pilot, desk)
        first, last = (row.message for row in answers(pilot))
        assert first
        assert last
        await pilot.press("f5")
        await until(pilot, lambda: desk.marks == [(last.id, True, "")])
        transcript(pilot).focus()
        await pilot.press("up")
        await until(pilot, lambda: transcript(pilot).selected is answers(pilot)[0])
        await pilot.press("f6")
        await on_top(pilot, NoteDialog)
        pilot.app.screen.query_one(Prompt).write("no [b]")
        await pilot.press("enter")
        await until(pilot, lambda: desk.marks[1:] == [(first.id, False, "no [b]")])
        assert "Marked as not helpful." in notices(pilot)


async def test_a_conversation_is_rated(make_app: AppMaker) -> None:
    desk = await desk_with_answers()
    async with make_app(desk).run_test(size=(110, 30)) as pilot:
        talk = await shown(pilot, desk)
        await pilot.press("f7")
        await on_top(pilot, RateDialog)
        await pilot.press("escape")
        assert desk.ratings == []
        await pilot.press("f7")
        await on_top(pilot, RateDialog)
        await pilot.press("2")
        await on_top(pilot, NoteDialog)
        await pilot.press(*"slow", "enter")
        await until(pilot, lambda: desk.ratings == [(talk, 2, "slow")])
        await pilot.press("f7")
        await on_top(pilot, RateDialog)
        await pilot.press("down", "enter")
        await on_top(pilot, NoteDialog)
        await pilot.press("escape")
        await until(pilot, lambda: desk.ratings[1:] == [(talk, 4, "")])


async def test_where_nothing_was_said_there_is_nothing_to_rate(make_app: AppMaker) -> None:
    desk = FakeDesk()
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await pilot.press("f5", "f7")
        await until(pilot, lambda: "There is no answer to mark." in notices(pilot))
        assert "This conversation has no message yet." in notices(pilot)
