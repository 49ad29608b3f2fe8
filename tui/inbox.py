"""`kefu inbox`: the conversations of every channel before an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from textual.app import SystemCommand
from textual.screen import Screen

from bot.settings import InboxSettings, TerminalSettings
from tui.inbox_desk import InboxDesk
from tui.keys import INBOX_GROUPS
from tui.screens.help import Help
from tui.screens.inbox import InboxScreen
from tui.screens.report import MakeReport
from tui.terminal import TerminalApp

BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (112, "-roomy")]
"""Under 112 columns the case comes only when it is asked for."""


class InboxApp(TerminalApp):
    TITLE = "kefu inbox"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS

    def __init__(
        self,
        desk: InboxDesk,
        settings: TerminalSettings,
        inbox: InboxSettings | None = None,
        *,
        report: MakeReport | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(settings)
        self._report = report
        self._desk, self._inbox, self._clock = desk, inbox or InboxSettings(), clock

    def get_default_screen(self) -> Screen[None]:
        keys = self._settings.keys
        self.home = InboxScreen(self._desk, self._inbox, self._clock, keys, self._report)
        return self.home

    async def on_unmount(self) -> None:
        await self.home.close()

    async def action_quit(self) -> None:
        await self.home.close()
        self.exit()

    def action_to_prompt(self) -> None:
        self.home.to_list()

    def action_interrupt(self) -> None:
        self.notify("ctrl+q quits.", markup=False)

    def action_help(self) -> None:
        if not isinstance(self.screen, Help):
            self.push_screen(Help(self._settings.keys, INBOX_GROUPS))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        yield SystemCommand("Help", "Show every key", self.action_help)
        yield SystemCommand("Quit", "Leave the inbox", self.action_quit)
        if isinstance(screen, InboxScreen):
            yield from screen.commands()


async def run(
    desk: InboxDesk,
    settings: TerminalSettings,
    inbox: InboxSettings,
    report: MakeReport | None = None,
) -> int:
    """Until the agent quits; the exit code."""
    app = InboxApp(desk, settings, inbox, report=report)
    await app.run_async()
    return app.status()
