"""The bot at the agent's side, opened when it is asked for the first time and not before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from bot.conversation import Citation
from bot.errors import KefuError, UsageError
from tui.drafts import Draft
from tui.inbox_desk import Aide
from tui.opening import Opening


class AideOnCall:
    def __init__(self, opener: Callable[[], AbstractAsyncContextManager[Aide]] | None) -> None:
        self._opener = opener
        self._opening: Opening[Aide] | None = None

    @property
    def is_here(self) -> bool:
        return self._opening is not None and self._opening.is_open

    async def aide(self) -> Aide:
        """Whoever is cancelled while they wait leaves it opening: the next one waits less."""
        if self._opener is None:
            raise UsageError("there is no bot here to ask")
        if self._opening is None or self._opening.has_failed:
            self._opening = Opening(self._opener)
            self._opening.start()
        return await self._opening.desk()

    async def cited(self, draft: Draft, text: str) -> tuple[Citation, ...]:
        """What of the draft's suggestion the text still rests on."""
        suggestion = draft.suggestion
        if suggestion is None or not suggestion.citations or not self.is_here:
            return ()
        try:
            aide = await self.aide()
            basis = draft.basis(text)
            return await aide.cited(basis, suggestion.citations, suggestion.language)
        except KefuError:  # the answer goes out all the same
            return ()

    async def close(self) -> None:
        if self._opening is not None:
            await self._opening.close()
