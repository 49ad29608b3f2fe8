from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from bot.conversation import Message
from bot.text import printable
from tui.mood import mood


class CustomerMessage(Static):
    """What the customer said, with how it sounded once that is known."""

    def __init__(
        self,
        text: str,
        message: Message | None = None,
        name: str = "You",
        translation: str = "",
    ) -> None:
        super().__init__(markup=False)
        self.translation = translation
        self._customer = name
        self.text = text
        self.message = message

    def on_mount(self) -> None:
        self._show()

    def note(self, message: Message) -> None:
        self.message = message
        self._show()

    def show_translation(self, text: str) -> None:
        self.translation = text
        self._show()

    def _show(self) -> None:
        sentiment = self.message.sentiment if self.message else None
        feeling = Content.assemble("   ", mood(sentiment)) if sentiment else Content("")
        said = printable(self.text).rstrip("\n")
        shown = Content.assemble((self._customer, "bold"), feeling, "\n", said)
        if self.translation:
            translated = f"⇄ {printable(self.translation)}"
            shown = Content.assemble(shown, "\n\n", (translated, "italic $text-accent"))
        self.update(shown)
