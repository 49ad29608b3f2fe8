from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.keys import DIALOG_KEYS

WORDS = {5: "very good", 4: "good", 3: "so so", 2: "bad", 1: "very bad"}


class RateDialog(ModalScreen[int | None]):
    """Asks how the conversation was, 1 to 5."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *DIALOG_KEYS,
        *(Binding(str(score), f"pick({score})", show=False) for score in WORDS),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="rate"):
            yield Static("How was this conversation? 1 to 5, or pick one.", markup=False)
            yield OptionList(
                *(Option(f"{'★' * score:<5}  {score}  {says}") for score, says in WORDS.items()),
                id="scores",
                markup=False,
            )

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(list(WORDS)[event.option_index])

    def action_pick(self, score: int) -> None:
        self.dismiss(score)

    def action_cancel(self) -> None:
        self.dismiss(None)
