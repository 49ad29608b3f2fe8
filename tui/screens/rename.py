from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.keys import DIALOG_KEYS
from tui.text import one_line

TITLE_LIMIT = 120


class Rename(ModalScreen[str | None]):
    """Asks for a title; None where it shall stay as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [*DIALOG_KEYS]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Rename the conversation", markup=False)
            yield Input(self._title, max_length=TITLE_LIMIT, compact=True)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(one_line(event.value, TITLE_LIMIT) or None)

    def action_cancel(self) -> None:
        self.dismiss(None)
