from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from bot.conversation import Conversation
from tui.screens.chat import ChatScreen
from tui.text import one_line

SEARCHED = 500
DISCOVERED = 6


class Conversations(Provider):
    """Conversations by their title, in the command palette."""

    async def startup(self) -> None:
        screen = self.screen
        self._conversations: Sequence[Conversation] = (
            await screen.recent(SEARCHED) if isinstance(screen, ChatScreen) else ()
        )

    async def discover(self) -> Hits:
        for conversation in self._conversations[:DISCOVERED]:
            title = _title(conversation)
            yield DiscoveryHit(Content(title), self._opening(conversation), title, "Open it")

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for conversation in self._conversations:
            title = _title(conversation)
            if (score := matcher.match(title)) > 0:
                opening = self._opening(conversation)
                yield Hit(score, _highlighted(title, query), opening, title, "Open it")

    def _opening(self, conversation: Conversation) -> Callable[[], object]:
        screen = self.screen
        assert isinstance(screen, ChatScreen)
        return lambda: screen.run_worker(screen.show(conversation.id))


def _highlighted(title: str, query: str) -> Content:
    """Textual's own reads the title as markup, and it holds a customer's words."""
    shown = Content(title)
    for word in query.split():
        start = title.casefold().find(word.casefold())
        if start >= 0:
            shown = shown.stylize("bold reverse", start, start + len(word))
    return shown


def _title(conversation: Conversation) -> str:
    return f"Conversation: {one_line(conversation.title, 80)}"
