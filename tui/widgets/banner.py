from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from bot.conversation import ConversationState

HANDED_OFF = "A person was called and will read all of this. You can go on writing."
CLOSED = "This conversation was closed. You can go on writing."


class Banner(Static):
    """Says in whose hands the conversation is, where they are not the assistant's."""

    def show_state(self, state: ConversationState) -> None:
        says = {ConversationState.HANDED_OFF: HANDED_OFF, ConversationState.CLOSED: CLOSED}
        self.display = state in says
        self.update(Content(f"→ {says.get(state, '')}"))
