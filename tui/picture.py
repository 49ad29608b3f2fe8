"""The picture of the terminal in the README: `python -m tui.picture OUT.svg`."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from textual.pilot import Pilot

from bot.settings import TerminalSettings
from tui.app import KefuApp
from tui.desk import ChatDesk, DeskOpener

QUESTIONS = ("How long do I have to return shoes?", "And what does sending them back cost?")
SIZE = (120, 36)
PATIENCE = 300.0
"""Seconds for the models to load and for each answer."""


async def picture(
    desk: ChatDesk | DeskOpener,
    settings: TerminalSettings,
    questions: Sequence[str] = QUESTIONS,
) -> str:
    """The SVG of the application after it has answered the questions."""
    app = KefuApp(desk, settings)
    async with app.run_test(size=SIZE) as pilot:
        await _until(pilot, lambda: app.is_awake)
        app.home.prompt.cursor_blink = False
        for question in questions:
            app.home.prompt.write(question)
            await pilot.press("enter")
            await _until(pilot, lambda: app.home.chat.turn is None and not app.home.prompt.text)
        await pilot.pause()
        return app.export_screenshot(title="kefu chat")


async def _until(pilot: Pilot[None], reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not reached():
            await pilot.pause(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="the SVG file to write")
    parser.add_argument("--home", type=Path, help="the folder of the kefu to take a picture of")
    arguments = parser.parse_args()

    from bot.app import open_kefu
    from bot.settings import load_settings

    settings = load_settings(arguments.home)
    svg = asyncio.run(picture(lambda: open_kefu(settings), settings.terminal))
    arguments.out.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
