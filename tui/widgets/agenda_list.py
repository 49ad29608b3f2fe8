from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.events import Key
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from bot.store.agenda import AgendaItem, Need
from tui.keys import LIST_KEYS
from tui.mood import GLYPHS, MUTED
from tui.text import age, one_line, waited

WORDS = {
    Need.WAITS: ("→ waits", "$text-accent"),
    Need.UNHAPPY: ("unhappy", "$text-error"),
    Need.OPEN: ("", ""),
}


class AgendaList(OptionList):
    """Conversations by need. The ids of its options are theirs."""

    BINDINGS: ClassVar[list[BindingType]] = [LIST_KEYS[-1]]

    def __init__(self, clock: Callable[[], datetime], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, markup=False)
        self._clock = clock
        self._shown: list[Content] = []
        self._is_chosen = False
        """The agent moved in the list: what is highlighted stays so. Before, it is the first."""
        self.items: list[AgendaItem] = []

    def show(self, items: Sequence[AgendaItem], current: str | None) -> None:
        """Only rows that changed are drawn anew, where the conversations are the same."""
        now = self._clock()
        rows = [_row(item, now, item.conversation.id == current) for item in items]
        ids = [item.conversation.id for item in items]
        if ids == [item.conversation.id for item in self.items]:
            self._redraw(rows)
        else:
            self._replace(rows, ids, current)
        if current in ids and not self.has_focus:
            self.highlighted = ids.index(current)
        self._shown, self.items = rows, list(items)

    def on_key(self, event: Key) -> None:
        if event.key not in ("enter", "tab", "shift+tab"):
            self._is_chosen = True

    def _redraw(self, rows: Sequence[Content]) -> None:
        for index, (before, row) in enumerate(zip(self._shown, rows, strict=True)):
            if not row.is_same(before):
                self.replace_option_prompt_at_index(index, row)

    def _replace(self, rows: Sequence[Content], ids: Sequence[str], current: str | None) -> None:
        highlighted = self.highlighted_option
        is_theirs = highlighted and self.has_focus and self._is_chosen
        wanted = (highlighted.id if highlighted and is_theirs else None) or current
        top = self.scroll_y
        self.clear_options()
        self.add_options(Option(row, id_) for row, id_ in zip(rows, ids, strict=True))
        if ids:
            self.highlighted = ids.index(wanted) if wanted in ids else 0
        if self.has_focus:
            self.scroll_to(y=top, animate=False)

    def beside(self, current: str | None, step: int) -> str | None:
        """The one `step` places down from the current one."""
        ids = [item.conversation.id for item in self.items]
        place = ids.index(current) + step if current in ids else 0
        return ids[place] if 0 <= place < len(ids) else None


def _row(item: AgendaItem, now: datetime, is_current: bool) -> Content:  # noqa: FBT001
    talk = item.conversation
    who = f"{one_line(talk.agent, 12)} has it" if item.need is Need.HELD else ""
    told, colour = (who, "$text-primary") if who else WORDS[item.need]
    customer = talk.customer.rpartition("/")[2]  # without the workspace
    place = " ".join(filter(None, (one_line(customer, 20), one_line(talk.channel, 10))))
    if item.need is Need.WAITS:
        told = f"{told} {waited(item.since, now)}"
    else:
        place = f"{age(talk.updated_at, now)} {place}"
    told = f" {told} " if told else ""
    glyph, tone = GLYPHS[item.mood] if item.mood else (" ", MUTED)
    return Content.assemble(
        (one_line(talk.title, 80) or "No message yet", "bold" if is_current else ""),
        "\n",
        (glyph, tone),
        (told, colour),
        (f" {place}", MUTED),
        "\n",
    )
