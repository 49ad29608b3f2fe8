from __future__ import annotations

from bot.settings import TerminalSettings
from tests.tui.fake_desk import FakeDesk
from tui.picture import QUESTIONS, picture


async def test_the_picture_shows_the_answered_questions() -> None:
    desk = FakeDesk()
    svg = await picture(desk, TerminalSettings())
    assert desk.assistant.asked == list(QUESTIONS)
    text = svg.replace("&#160;", " ")
    assert text.startswith("<svg")
    assert "And what does sending them back cost?" in text
    assert "[1] " in text
