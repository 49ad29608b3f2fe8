"""The terminal application: `KefuApp` is the application, `run` is how `kefu chat` starts it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen
from textual.worker import WorkerFailed

from bot.errors import KefuError
from bot.settings import TerminalSettings
from tui.commands import Conversations
from tui.desk import ChatDesk, DeskOpener
from tui.keys import APP_KEYS, effective_keys, unknown_ids
from tui.opening import Opening, opener_of
from tui.screens.chat import ChatScreen
from tui.screens.help import Help

BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-roomy")]
"""Under 100 columns list and sources come only when they are asked for."""


class KefuApp(App[None]):
    TITLE = "kefu"
    CSS_PATH = "kefu.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*APP_KEYS]
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    COMMANDS = App.COMMANDS | {Conversations}

    def __init__(
        self,
        desk: ChatDesk | DeskOpener,
        settings: TerminalSettings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Given an opener, the first frame is drawn before the desk is opened."""
        super().__init__()
        self._opener = opener_of(desk)
        self._settings = settings
        self._clock = clock
        self._clashes: set[str] = set()
        self.failure: str | None = None
        """Why the desk could not be opened, in one line."""

    def on_load(self) -> None:
        self._opening = Opening(self._opener)

    def get_default_screen(self) -> Screen[None]:
        self.home = ChatScreen(self._opening, self._clock, self._settings.keys)
        return self.home

    def on_mount(self) -> None:
        self.set_keymap(self._settings.keys)
        if self._settings.theme in self.available_themes:
            self.theme = self._settings.theme
        else:
            self._warn(
                f"terminal.theme: there is no theme {self._settings.theme!r}; ctrl+p lists them"
            )
        for unknown in unknown_ids(self._settings.keys):
            self._warn(f"terminal.keys: there is no key binding {unknown!r}; f1 lists their ids")
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

    def _handle_exception(self, error: Exception) -> None:
        """What is meant for the reader, a full disk for example, is a line and not a traceback."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(cause, KefuError | OSError):
            self._give_up(cause)
        else:
            super()._handle_exception(error)

    def _give_up(self, error: BaseException) -> None:
        self.failure = " ".join(str(error).split())
        self.exit(return_code=1)

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

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:  # noqa: ARG002
        """Textual asks at every key press; the reader is told once."""
        for binding in clashed_bindings:
            if (name := binding.id or binding.action) not in self._clashes:
                self._clashes.add(name)
                self._warn(f"terminal.keys: {binding.key} is taken from {name}")

    def _warn(self, text: str) -> None:
        self.notify(text, severity="warning", markup=False, timeout=15)


def run(desk: ChatDesk | DeskOpener, settings: TerminalSettings) -> int:
    """Run until the customer quits; the exit code. What went wrong is on stderr by then."""
    app = KefuApp(desk, settings)
    app.run()
    if app.failure is not None:
        print(f"kefu: {app.failure}", file=sys.stderr)
    return app.return_code or 0
