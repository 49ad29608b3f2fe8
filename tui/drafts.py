"""What an agent has begun to write, in each conversation, until it is sent."""

from __future__ import annotations

from dataclasses import dataclass

from bot.conversation import Reply


@dataclass(slots=True)
class Draft:
    text: str = ""
    suggestion: Reply | None = None
    """The bot's, on which the text may still rest."""
    original: str = ""
    """What the text was translated from."""
    translation: str = ""

    def is_translated(self, text: str) -> bool:
        """Whether it is the translation still, word for word."""
        return bool(self.translation) and text == self.translation

    def basis(self, text: str) -> str:
        """In the language in which the suggestion was made."""
        return self.original if self.is_translated(text) else text


class Drafts:
    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}

    def of(self, conversation_id: str) -> Draft:
        return self._drafts.setdefault(conversation_id, Draft())

    def forget(self, conversation_id: str) -> None:
        self._drafts.pop(conversation_id, None)


def appended(text: str, more: str) -> str:
    """Nothing that was written is lost."""
    return f"{text.rstrip()}\n\n{more}" if text.strip() else more
