"""A long conversation, and odd text."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from textual.pilot import Pilot
from textual.widgets import Markdown

from tests.tui.conftest import AppMaker
from tests.tui.driving import (
    answers,
    app_of,
    ask,
    awake,
    customers,
    rows,
    shown,
    transcript,
    until,
)
from tests.tui.fake_desk import CALM, RETURNS, FakeDesk, Script
from tui.window import FIRST, MOUNTED, STEP


def has_rows(pilot: Pilot[None], number: int) -> bool:
    return len(rows(pilot)) == number


async def test_a_long_conversation_is_mounted_as_a_window(make_app: AppMaker) -> None:
    desk = FakeDesk()
    turns = [(f"Question {number}", CALM, RETURNS) for number in range(100)]
    conversation = await desk.talked(*turns)
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await app_of(pilot).home.show(conversation.id)
        view = transcript(pilot)
        await until(pilot, lambda: view.max_scroll_y > 0 and view.scroll_y == view.max_scroll_y)
        assert len(rows(pilot)) == FIRST
        assert desk.log.reads[-1] == FIRST

        first = rows(pilot)[0]
        view.scroll_to(y=1, animate=False)
        await until(pilot, lambda: len(rows(pilot)) == FIRST + STEP)
        await until(pilot, lambda: first.region.y == view.region.y)  # what is read stays in place

        for mounted in range(FIRST + 2 * STEP, MOUNTED + STEP, STEP):
            view.scroll_to(y=1, animate=False)
            await until(pilot, partial(has_rows, pilot, mounted))
        last = rows(pilot)[-1]
        view.scroll_to(y=1, animate=False)
        await until(pilot, lambda: not last.is_attached)
        await until(pilot, partial(has_rows, pilot, MOUNTED))

        await pilot.press("end")
        await until(pilot, lambda: customers(pilot)[-1].text == "Question 99")
        await until(pilot, lambda: view.scroll_y == view.max_scroll_y)
        assert len(rows(pilot)) == FIRST
        await ask(pilot, "One more")
        await until(pilot, lambda: view.scroll_y == view.max_scroll_y)
        assert customers(pilot)[-1].text == "One more"


async def test_sending_follows_the_reply_again(make_app: AppMaker) -> None:
    desk = FakeDesk()
    conversation = await desk.talked(*[(f"Question {n}", CALM, RETURNS) for n in range(10)])
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await app_of(pilot).home.show(conversation.id)
        view = transcript(pilot)
        await until(pilot, lambda: view.max_scroll_y > 30)
        await pilot.press("pageup")
        await until(pilot, lambda: view.scroll_y < view.max_scroll_y)
        await ask(pilot, "And now?")
        await until(pilot, lambda: view.scroll_y == view.max_scroll_y)


async def test_text_from_outside_is_never_obeyed(make_app: AppMaker) -> None:
    odd = "[bold]b[/] [/nothing] \x1b[31mred\x1b]0;title\x07 \x00 <order number> \u202eمرحبا 👩‍👩‍👧"
    clean = "[bold]b[/] [/nothing] [31mred]0;title  <order number> مرحبا 👩‍👩‍👧"
    desk = FakeDesk(Script(reply=replace(RETURNS, text=odd)))
    async with make_app(desk).run_test(size=(120, 36)) as pilot:
        await awake(pilot)
        await ask(pilot, odd)
        assert shown(customers(pilot)[0]).split("\n")[1] == clean
        assert answers(pilot)[0].query_one(Markdown).source == clean
        block = answers(pilot)[0].query_one("MarkdownParagraph")
        assert str(block.render()) == " ".join(clean.split()), "HTML is no markup either"
        screenshot = pilot.app.export_screenshot()
        assert not [bad for bad in "\x1b\x00\x07\u202e" if bad in screenshot]
