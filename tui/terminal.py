"""What the terminal applications share: their keys and colours, and errors as one line."""

from __future__ import annotations

import sys
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.worker import WorkerFailed

from bot.errors import KefuError
from bot.settings import TerminalSettings
from tui.keys import APP_KEYS, unknown_ids

BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-roomy")]
"""Under 100 columns list and sources come only when they are asked for."""


class TerminalApp(App[None]):
    CSS_PATH = "kefu.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*APP_KEYS]
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS

    def __init__(self, settings: TerminalSettings) -> None:
        super().__init__()
        self._settings = settings
        self._clashes: set[str] = set()
        self.failure: str | None = None
        """Why it ended by itself, in one line."""

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

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:  # noqa: ARG002
        """Textual asks at every key press; the reader is told once."""
        for binding in clashed_bindings:
            if (name := binding.id or binding.action) not in self._clashes:
                self._clashes.add(name)
                self._warn(f"terminal.keys: {binding.key} is taken from {name}")

    def _warn(self, text: str) -> None:
        self.notify(text, severity="warning", markup=False, timeout=15)

    def status(self) -> int:
        """The exit code, once it has ended. What went wrong is on stderr by then."""
        if self.failure is not None:
            print(f"kefu: {self.failure}", file=sys.stderr)
        return self.return_code or 0
