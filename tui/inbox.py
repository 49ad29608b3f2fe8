"""`kefu inbox`: the conversations of every channel before an agent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.worker import WorkerFailed

from bot.errors import KefuError
from bot.settings import TerminalSettings
from tui.app import BREAKPOINTS
from tui.keys import APP_KEYS, INBOX_GROUPS
from tui.screens.help import Help
from tui.screens.inbox import InboxDesk, InboxScreen


class InboxApp(App[None]):
    TITLE = "kefu inbox"
    CSS_PATH = "kefu.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*APP_KEYS]
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS

    def __init__(
        self,
        desk: InboxDesk,
        settings: TerminalSettings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._desk, self._settings, self._clock = desk, settings, clock
        self.failure: str | None = None

    def get_default_screen(self) -> Screen[None]:
        self.home = InboxScreen(self._desk, self._clock, self._settings.keys)
        return self.home

    def on_mount(self) -> None:
        self.set_keymap(self._settings.keys)
        if self._settings.theme in self.available_themes:
            self.theme = self._settings.theme

    def _handle_exception(self, error: Exception) -> None:
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(cause, KefuError | OSError):
            self.failure = " ".join(str(cause).split())
            self.exit(return_code=1)
        else:
            super()._handle_exception(error)

    def action_to_prompt(self) -> None:
        self.home.to_list()

    def action_interrupt(self) -> None:
        self.notify("ctrl+q quits.", markup=False)

    def action_help(self) -> None:
        if not isinstance(self.screen, Help):
            self.push_screen(Help(self._settings.keys, INBOX_GROUPS))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # noqa: ARG002
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        yield SystemCommand("Help", "Show every key", self.action_help)
        yield SystemCommand("Quit", "Leave the inbox", self.action_quit)


async def run(desk: InboxDesk, settings: TerminalSettings) -> int:
    """Until the agent quits; the exit code."""
    app = InboxApp(desk, settings)
    await app.run_async()
    if app.failure is not None:
        print(f"kefu: {app.failure}", file=sys.stderr)
    return app.return_code or 0
