from __future__ import annotations

from collections.abc import Sequence

from bot.conversation import Message, Role
from tests.tui.fake_desk import START
from tui.window import FIRST, MOUNTED, STEP, Window


def message(number: int) -> Message:
    return Message(f"{number:04}", "c", Role.CUSTOMER, str(number), START)


class Log:
    def __init__(self, length: int) -> None:
        self.said = [message(number) for number in range(length)]
        self.given = 0

    async def source(self, limit: int, before: str | None) -> Sequence[Message]:
        said = [one for one in self.said if before is None or one.id < before][-limit:]
        self.given += len(said)
        return said


def numbers(messages: Sequence[Message]) -> list[int]:
    return [int(one.text) for one in messages]


async def test_it_opens_at_the_newest_and_reads_no_more() -> None:
    log = Log(5000)
    window = Window(log.source)
    await window.open()
    assert numbers(window.mounted) == list(range(4980, 5000))
    assert log.given == FIRST
    assert window.has_older
    assert not window.has_newer


async def test_it_reads_back_to_the_first_message_and_forth_again() -> None:
    log = Log(100)
    window = Window(log.source)
    await window.open()
    while messages := await window.older():
        assert len(messages) <= STEP
        window.drop_newest(window.surplus())
        assert len(window.mounted) <= MOUNTED
    assert numbers(window.mounted) == list(range(MOUNTED))
    assert not window.has_older
    while window.newer():
        window.drop_oldest(window.surplus())
    assert numbers(window.mounted) == list(range(40, 100))
    assert log.given == 100


async def test_what_is_said_now_comes_last_and_once() -> None:
    window = Window(Log(3).source)
    await window.open()
    window.add(message(3))
    window.add(message(3))
    assert numbers(window.mounted) == [0, 1, 2, 3]


async def test_it_opens_around_a_message() -> None:
    window = Window(Log(500).source)
    await window.open_at("0123")
    assert numbers(window.mounted) == list(range(113, 143))
    assert window.has_newer
    window.to_newest()
    assert numbers(window.mounted)[-1] == 499


async def test_a_message_that_is_gone_opens_at_the_newest() -> None:
    window = Window(Log(30).source)
    await window.open_at("nowhere")
    assert numbers(window.mounted) == list(range(10, 30))


async def test_an_empty_conversation() -> None:
    window = Window(Log(0).source)
    await window.open()
    assert window.mounted == []
    assert await window.older() == []
    assert not window.has_older
