from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui.keys import CONFIRM_KEYS


class Confirm(ModalScreen[bool]):
    """A question before something that cannot be undone."""

    BINDINGS: ClassVar[list[BindingType]] = [*CONFIRM_KEYS]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question = question
        self._yes = yes

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question, markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="no", compact=True)
                yield Button(self._yes, id="yes", variant="error", compact=True)

    @on(Button.Pressed, "#yes")
    def action_confirm(self) -> None:
        self.dismiss(result=True)

    @on(Button.Pressed, "#no")
    def action_cancel(self) -> None:
        self.dismiss(result=False)
