"""The terminal application: `KefuApp` is the application, `run` is how `kefu chat` starts it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from textual import work
from textual.app import App, SystemCommand
from textual.screen import Screen

from bot.errors import KefuError
from bot.settings import TerminalSettings
from tui.commands import Conversations
from tui.desk import ChatDesk, DeskOpener
from tui.keys import APP_KEYS, effective_keys
from tui.opening import Opening, opener_of
from tui.screens.chat import ChatScreen
from tui.screens.help import Help
from tui.terminal import TerminalApp


class KefuApp(TerminalApp):
    TITLE = "kefu"
    COMMANDS = App.COMMANDS | {Conversations}

    def __init__(
        self,
        desk: ChatDesk | DeskOpener,
        settings: TerminalSettings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Given an opener, the first frame is drawn before the desk is opened."""
        super().__init__(settings)
        self._opener = opener_of(desk)
        self._clock = clock

    def on_load(self) -> None:
        self._opening = Opening(self._opener)

    def get_default_screen(self) -> Screen[None]:
        self.home = ChatScreen(self._opening, self._clock, self._settings.keys)
        return self.home

    def on_mount(self) -> None:  # Textual calls that of the base class, too
        self.call_after_refresh(self._wake)

    @property
    def is_awake(self) -> bool:
        return self._opening.is_open

    def _wake(self) -> None:
        self._opening.start()
        self._greet()

    @work(group="opening")
    async def _greet(self) -> None:
        try:
            desk = await self._opening.desk()
        except (KefuError, OSError) as error:
            self._give_up(error)
        else:
            await self.home.greet(desk)

    async def on_unmount(self) -> None:
        await self.home.chat.stopped()
        await self._opening.close()

    async def action_quit(self) -> None:
        await self.home.chat.stopped()
        self.exit()

    def action_to_prompt(self) -> None:
        self.home.to_prompt()

    async def action_interrupt(self) -> None:
        if not self.home.chat.stop():
            quits = next(binding for binding in APP_KEYS if binding.id == "app.quit")
            self.notify(f"{effective_keys(quits, self._settings.keys)} quits.", markup=False)

    def action_help(self) -> None:
        if not isinstance(self.screen, Help):
            self.push_screen(Help(self._settings.keys))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        yield SystemCommand("Help", "Show every key", self.action_help)
        yield SystemCommand("Screenshot", "Save a picture of the terminal (SVG)", self._picture)
        yield SystemCommand("Quit", "Leave kefu", self.action_quit)
        if isinstance(screen, ChatScreen):
            yield from screen.commands()

    def _picture(self) -> None:
        self.set_timer(0.1, self.deliver_screenshot)


def run(desk: ChatDesk | DeskOpener, settings: TerminalSettings) -> int:
    """Run until the customer quits; the exit code. What went wrong is on stderr by then."""
    app = KefuApp(desk, settings)
    app.run()
    return app.status()
