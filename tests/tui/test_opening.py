"""The terminal while the models load, and when they cannot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.errors import ModelFileError
from bot.settings import TerminalSettings
from tests.tui.conftest import AppMaker
from tests.tui.driving import answers, app_of, awake, footer, notices, until, write
from tests.tui.fake_desk import FakeDesk
from tui import app as terminal
from tui.desk import ChatDesk


class SlowDesk:
    def __init__(self, desk: FakeDesk) -> None:
        self.desk = desk
        self.loaded = asyncio.Event()
        self.closed = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ChatDesk]:
        await self.loaded.wait()
        try:
            yield self.desk
        finally:
            self.closed = True


async def test_the_customer_writes_while_the_models_load(make_app: AppMaker) -> None:
    slow = SlowDesk(FakeDesk(warnings=("no AMX: slower [b]here[/b]",)))
    async with make_app(slow.open).run_test() as pilot:
        await pilot.press(*"hello", "enter")
        await until(pilot, lambda: len(answers(pilot)) == 1)
        assert footer(answers(pilot)[0]) == "waking up…"
        slow.loaded.set()
        await awake(pilot)
        await until(pilot, lambda: footer(answers(pilot)[0]).startswith("2 sources"))
        assert notices(pilot) == ["no AMX: slower [b]here[/b]"]
    assert slow.closed


async def test_a_message_is_taken_back_before_the_models_are_there(make_app: AppMaker) -> None:
    slow = SlowDesk(FakeDesk())
    async with make_app(slow.open).run_test() as pilot:
        await write(pilot, "hello")
        await until(pilot, lambda: len(answers(pilot)) == 1)
        await pilot.press("escape")
        await until(pilot, lambda: app_of(pilot).home.prompt.text == "hello")
        assert footer(answers(pilot)[0]) == "■ stopped"
        await pilot.press("ctrl+q")
    assert slow.desk.log.conversations == {}


def test_a_desk_that_cannot_open_is_one_line_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[ChatDesk]:
        if error := ModelFileError("model [x].gguf: there is no such file; kefu models list"):
            raise error
        yield FakeDesk()

    run = terminal.KefuApp.run
    monkeypatch.setattr(
        terminal.KefuApp, "run", lambda self: run(self, headless=True, size=(80, 24))
    )
    assert terminal.run(broken, TerminalSettings()) == 1
    written = capsys.readouterr()
    assert written.err == "kefu: model [x].gguf: there is no such file; kefu models list\n"
    assert written.out == ""
