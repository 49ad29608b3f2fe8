from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.conversation import ReplyStatus, Shortened
from bot.errors import ModelError
from tests.tui.fake_desk import RETURNS, SHOES, FakeDesk, Script, cite
from tui.desk import WITH_PERSON
from tui.plain import chat_plain

SHORT = replace(RETURNS, text="Within 30 days.", citations=(cite(SHOES, "30 days"),))


async def talk(desk: FakeDesk, text: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = await chat_plain(desk, io.StringIO(text), out, err)
    return code, out.getvalue(), err.getvalue()


async def test_each_line_is_answered_with_its_sources() -> None:
    desk = FakeDesk(Script(reply=SHORT), Script(reply=replace(SHORT, text="Yes.", citations=())))
    code, out, err = await talk(desk, "How long?\n\nReally?\n")
    assert out == (
        "Within 30 days.\n"
        "Sources:\n"
        "  [1] Returns › How long you have › Shoes (returns.md)\n"
        "\n"
        "Yes.\n"
        "\n"
    )
    assert (code, err) == (0, "")
    assert desk.assistant.asked == ["How long?", "Really?"]
    assert len(desk.log.conversations) == 1


async def test_lines_may_come_one_by_one() -> None:
    async def lines() -> AsyncIterator[str]:
        yield "How long?"

    out = io.StringIO()
    assert await chat_plain(FakeDesk(Script(reply=SHORT)), lines(), out, io.StringIO()) == 0
    assert out.getvalue().startswith("Within 30 days.\nSources:")


async def test_the_end_of_the_input_ends_it() -> None:
    desk = FakeDesk()
    assert await talk(desk, "") == (0, "", "")
    assert desk.log.conversations == {}


async def test_what_is_not_the_reply_goes_to_stderr() -> None:
    desk = FakeDesk(
        Script(error="the model is gone", shortened=Shortened(passages=1)),
        Script(before_noted=ModelError("closed")),
        Script(rule="held", silent=True),
        warnings=("slow machine",),
    )
    code, out, err = await talk(desk, "one\ntwo\nthree\n")
    assert code == 1
    assert out == f"{RETURNS.text}\n"
    assert err.splitlines() == [
        "slow machine",
        "not read: 1 passage",
        "the model is gone",
        "closed",
        WITH_PERSON,
    ]


async def test_the_checked_reply_follows_one_that_was_not_kept() -> None:
    unknown = replace(SHORT, text="I do not know.", status=ReplyStatus.UNKNOWN, citations=())
    _, out, _ = await talk(FakeDesk(Script(reply=SHORT, checked=unknown)), "What?\n")
    assert out == "Within 30 days.\n\nI do not know.\n\n"


async def test_control_characters_are_left_out() -> None:
    desk = FakeDesk(Script(reply=replace(SHORT, text="\x1b[2J\x00[b] ok", citations=())))
    _, out, _ = await talk(desk, "\x1b[31mred\x00\n")
    assert out == "[2J[b] ok\n\n"
    assert desk.assistant.asked == ["[31mred"]


async def test_a_megabyte_is_refused_and_the_rest_answered() -> None:
    desk = FakeDesk(Script(reply=SHORT))
    code, out, err = await talk(desk, "x" * 1_048_576 + "\nHow long?\n")
    assert code == 1
    assert err == "this message has 1,048,576 characters; a message holds 20,000\n"
    assert out.startswith("Within 30 days.")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_a_terminal_is_asked_for_the_next_line() -> None:
    out, err = io.StringIO(), io.StringIO()
    await chat_plain(FakeDesk(Script(reply=SHORT)), Terminal("How long?\n"), out, err)
    assert err.getvalue() == "> > "
    assert ">" not in out.getvalue()


class GoneReader(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


async def test_a_reader_that_went_away_is_no_error() -> None:
    err = io.StringIO()
    assert await chat_plain(FakeDesk(), io.StringIO("How long?\n"), GoneReader(), err) == 0
    assert err.getvalue() == ""


class Watched(io.StringIO):
    def __init__(self, awaited: str) -> None:
        super().__init__()
        self.awaited = awaited
        self.written = asyncio.Event()

    def write(self, text: str) -> int:
        if self.awaited in text:
            self.written.set()
        return super().write(text)


async def test_cancelling_stops_the_reply_and_stores_it() -> None:
    desk = FakeDesk(Script(reply=SHORT, gate=asyncio.Semaphore(2)))
    out = Watched("30")
    task = asyncio.create_task(chat_plain(desk, io.StringIO("How long?\n"), out, io.StringIO()))
    async with asyncio.timeout(10):
        await out.written.wait()
    task.cancel()
    await asyncio.wait([task])
    (said,) = desk.log.said.values()
    assert said[-1].text == "Within 30"


@pytest.mark.parametrize("text", ["How long?", "How long?\r\n"])
async def test_the_last_line_needs_no_end(text: str) -> None:
    desk = FakeDesk(Script(reply=SHORT))
    await talk(desk, text)
    assert desk.assistant.asked == ["How long?"]
