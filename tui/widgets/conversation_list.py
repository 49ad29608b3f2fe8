from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from bot.conversation import Conversation, ConversationState
from tui.desk import Overview
from tui.keys import LIST_KEYS
from tui.mood import MUTED, dot
from tui.text import age, one_line

UNTITLED = "New conversation"
MARKS = {ConversationState.HANDED_OFF: "→ person", ConversationState.CLOSED: "closed"}


class ConversationList(OptionList):
    """All conversations, newest first. The ids of its options are theirs."""

    BINDINGS: ClassVar[list[BindingType]] = [*LIST_KEYS]

    def __init__(self, clock: Callable[[], datetime], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, markup=False)
        self._clock = clock
        self.conversations: list[Conversation] = []
        self.border_title = "Conversations"

    def show(self, overviews: Sequence[Overview], current: str | None) -> None:
        highlighted = self.highlighted_id or current
        self.conversations = [overview.conversation for overview in overviews]
        now = self._clock()
        self.clear_options()
        self.add_options(
            Option(
                _row(overview, now, overview.conversation.id == current), overview.conversation.id
            )
            for overview in overviews
        )
        ids = [conversation.id for conversation in self.conversations]
        if highlighted in ids and self.has_focus:
            self.highlighted = ids.index(highlighted)
        elif current in ids:
            self.highlighted = ids.index(current)

    @property
    def highlighted_id(self) -> str | None:
        option = self.highlighted_option
        return option.id if option else None

    def beside(self, current: str | None, step: int) -> Conversation | None:
        """The one `step` places down from the current one; a new one stands above all."""
        ids = [conversation.id for conversation in self.conversations]
        place = (ids.index(current) if current in ids else -1) + step
        return self.conversations[place] if 0 <= place < len(ids) else None


def _row(overview: Overview, now: datetime, is_current: bool) -> Content:  # noqa: FBT001
    conversation = overview.conversation
    title = one_line(conversation.title, 80) or UNTITLED
    mark = MARKS.get(conversation.state, "")
    return Content.assemble(
        (title, "bold" if is_current else ""),
        "\n",
        dot(overview.sentiment),
        (f" {age(conversation.updated_at, now)}", MUTED),
        (f"  {mark}", "$text-accent"),
        "\n",
    )
