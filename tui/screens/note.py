from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.keys import DIALOG_KEYS
from tui.widgets.prompt import Prompt

NOTE = "A note for the other agents: no customer sees it."


class NoteDialog(ModalScreen[str | None]):
    """Asks for a text; None where none was written."""

    BINDINGS: ClassVar[list[BindingType]] = [*DIALOG_KEYS]

    def __init__(
        self,
        keys: Mapping[str, str],
        begun: str = "",
        says: str = NOTE,
        empty: str = "Nothing is written yet; esc leaves without a note.",
    ) -> None:
        super().__init__()
        self._keys, self._begun, self._says, self._empty = keys, begun, says, empty

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="note"):
            yield Static(self._says, markup=False)
            yield Prompt(
                self._keys,
                id="prompt",
                placeholder="Enter keeps it, esc does not…",
                empty=self._empty,
            )

    def on_mount(self) -> None:
        prompt = self.query_one(Prompt)
        prompt.write(self._begun)
        prompt.focus()

    @on(Prompt.Sent)
    def _written(self, event: Prompt.Sent) -> None:
        self.dismiss(event.text)

    @on(Prompt.Refused)
    def _refused(self, event: Prompt.Refused) -> None:
        self.notify(event.reason, severity="warning", markup=False)

    def action_cancel(self) -> None:
        self.dismiss(None)
