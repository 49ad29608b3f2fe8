from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.message import Message
from textual.widgets import TextArea

from bot.text import printable
from tui.keys import PROMPT_KEYS, actions
from tui.text import LIMIT


class Prompt(TextArea, inherit_bindings=False):
    """Where the customer writes. What was written leaves it only when it is sent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding
        for binding in TextArea.BINDINGS
        if not (isinstance(binding, Binding) and binding.key in ("f6", "f7"))
    ]
    """The inbox has these two for itself, and the footer would list them first."""

    class Sent(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Refused(Message):
        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(
        self,
        keys: Mapping[str, str],
        *,
        id: str,  # noqa: A002
        placeholder: str = "Ask a question…",
        empty: str = "",
    ) -> None:
        """`keys` are those that settings give to bindings, by their ids; `empty` is told who sends
        nothing."""
        super().__init__(
            id=id,
            compact=True,
            highlight_cursor_line=False,
            placeholder=placeholder,
            max_checkpoints=50,
        )
        self.is_waiting = False
        """A message is being answered: what is written now stays here until that is done."""
        self._empty = empty
        self._actions = actions(PROMPT_KEYS, keys)
        self._history: list[str] = []
        self._place: int | None = None
        """Of the history's entry that was recalled; None while there is none."""

    def remember(self, texts: list[str]) -> None:
        self._history = list(texts)
        self._place = None

    def write(self, text: str) -> None:
        self.text = text
        self.move_cursor(self.document.end)

    def rewrite(self, text: str) -> None:
        """As `write`, but undo takes it back."""
        self.replace(text, self.document.start, self.document.end, maintain_selection_offset=False)
        self.move_cursor(self.document.end)

    async def on_key(self, event: Key) -> None:
        """Runs before the editor's own handler, which gets every key that is not wanted here."""
        binding = self._actions.get(event.key)
        if binding is not None and self._wants(binding.id):
            event.stop()
            event.prevent_default()
            await self.run_action(binding.action)

    def _wants(self, name: str | None) -> bool:
        match name:
            case "prompt.older":
                return self._recalls() or (not self.text and bool(self._history))
            case "prompt.newer":
                return self._recalls()
            case "prompt.page_up" | "prompt.page_down":
                return self.document.line_count <= 2
            case "prompt.bottom" | "prompt.help":
                return not self.text
        return True

    def action_send(self) -> None:
        if len(self.text) > LIMIT:
            self.post_message(self.Refused(_too_long("message", len(self.text))))
        elif self.text.strip() and self.is_waiting:
            self.post_message(self.Refused("A reply is being written; esc stops it."))
        elif not self.text.strip() and self._empty:
            self.post_message(self.Refused(self._empty))
        elif self.text.strip():
            self.is_waiting = True
            self.post_message(self.Sent(self.text.strip()))
            self.write("")

    def action_newline(self) -> None:
        self.insert("\n")
        self.scroll_cursor_visible()

    def on_paste(self, event: Paste) -> None:
        """Runs before the editor's own handler, which then inserts what is left in the event."""
        event.text = printable(event.text)
        if len(self.text) + len(event.text) > LIMIT:
            event.prevent_default()
            event.stop()
            self.post_message(self.Refused(_too_long("paste", len(event.text))))

    def action_recall(self, step: int) -> None:
        place = self._place if self._recalls() and self._place is not None else len(self._history)
        self._place = max(0, place + step)
        if self._place < len(self._history):
            self.write(self._history[self._place])
        else:
            self.write("")

    def _recalls(self) -> bool:
        """Whether the text is an entry of the history that nobody has changed."""
        place = self._place
        return (
            place is not None and place < len(self._history) and self._history[place] == self.text
        )


def _too_long(what: str, length: int) -> str:
    return f"This {what} has {length:,} characters; a message holds {LIMIT:,}. Nothing was changed."
