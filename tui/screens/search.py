from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from bot.conversation import Role
from bot.errors import KefuError
from bot.text import counted
from tui.desk import ConversationLog, Hit
from tui.keys import SEARCH_KEYS
from tui.mood import MUTED
from tui.text import one_line
from tui.widgets.conversation_list import UNTITLED

SPEAKERS = {Role.CUSTOMER: "You", Role.ASSISTANT: "kefu", Role.AGENT: "Person"}


class Search(ModalScreen[Hit | None]):
    """Full text over the whole log; the results come while one types."""

    BINDINGS: ClassVar[list[BindingType]] = [*SEARCH_KEYS]

    def __init__(self, log: ConversationLog) -> None:
        super().__init__()
        self._log = log
        self._hits: Sequence[Hit] = ()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="search"):
            yield Input(placeholder="Search all conversations…", compact=True)
            yield OptionList(id="hits", markup=False)
            yield Static("", id="count", markup=False)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._look_up(event.value)

    @work(exclusive=True, group="search")
    async def _look_up(self, text: str) -> None:
        try:
            self._hits = await self._log.search(text) if text.strip() else ()
        except KefuError as error:
            self._hits = ()
            self.query_one("#hits", OptionList).clear_options()
            self.query_one("#count", Static).update(Content(str(error)))
            return
        hits = self.query_one("#hits", OptionList)
        hits.clear_options()
        hits.add_options(Option(_row(hit)) for hit in self._hits)
        hits.highlighted = 0 if self._hits else None
        found = counted(len(self._hits), "message") if text.strip() else ""
        self.query_one("#count", Static).update(Content(found))

    def action_move(self, step: int) -> None:
        hits = self.query_one("#hits", OptionList)
        hits.action_cursor_down() if step > 0 else hits.action_cursor_up()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        if (place := self.query_one("#hits", OptionList).highlighted) is not None:
            self.dismiss(self._hits[place])

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._hits[event.option_index])

    def action_cancel(self) -> None:
        self.dismiss(None)


def _row(hit: Hit) -> Content:
    return Content.assemble(
        (one_line(hit.conversation.title, 100) or UNTITLED, "bold"),
        "\n",
        (f"{SPEAKERS[hit.message.role]}: ", "$text-primary"),
        (one_line(hit.snippet, 160), MUTED),
    )
