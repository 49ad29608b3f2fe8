from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui.keys import SEARCH_KEYS
from tui.mood import MUTED
from tui.text import one_line


class CannedReplies(ModalScreen[str | None]):
    """The replies of topics, narrowed down while one types; the text of the one picked."""

    BINDINGS: ClassVar[list[BindingType]] = [*SEARCH_KEYS]

    def __init__(self, replies: Sequence[tuple[str, str]]) -> None:
        """By the topic's name."""
        super().__init__()
        self._replies = replies
        self._fitting = list(replies)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="canned"):
            yield Input(placeholder="Find a reply…", compact=True)
            yield OptionList(id="replies", markup=False)

    def on_mount(self) -> None:
        self._show("")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, typed: str) -> None:
        words = typed.casefold().split()
        self._fitting = [
            (name, text)
            for name, text in self._replies
            if all(word in f"{name} {text}".casefold() for word in words)
        ]
        listed = self.query_one(OptionList)
        listed.clear_options()
        listed.add_options(Option(_row(name, text)) for name, text in self._fitting)
        listed.highlighted = 0 if self._fitting else None

    def action_move(self, step: int) -> None:
        listed = self.query_one(OptionList)
        listed.action_cursor_down() if step > 0 else listed.action_cursor_up()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        if (place := self.query_one(OptionList).highlighted) is not None:
            self.dismiss(self._fitting[place][1])

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._fitting[event.option_index][1])

    def action_cancel(self) -> None:
        self.dismiss(None)


def _row(name: str, text: str) -> Content:
    return Content.assemble((one_line(name, 60), "bold"), "\n", (one_line(text, 160), MUTED))
