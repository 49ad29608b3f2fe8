"""A reply is shown while it is written, where that takes long enough to be worth it, and only while
no person has the conversation."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from bot.delivery import Lease, Live, Postponed, Undeliverable
from bot.errors import LeaseLost, StoreError
from bot.store.inbox import Inbox

_logger = logging.getLogger("kefu")


@dataclass(frozen=True, slots=True)
class Pace:
    after: float = 1.0
    """Seconds from its first word: a reply that is whole by then is not shown in parts."""
    every: float = 1.2
    """Seconds between two parts: platforms take about one a second."""
    patience: float = 3.0
    """Seconds without a word after which a sign of life is given."""
    status_every: float = 60.0
    """Seconds between two signs of life; Slack forgets one after two minutes."""


class Drafting:
    def __init__(self, inbox: Inbox, live: Live, lease: Lease, pace: Pace) -> None:
        self._inbox, self._live, self._lease, self._pace = inbox, live, lease, pace
        self._text = self._shown = ""
        self._draft = ""
        self._ahead = 0
        self._spoke_at: float | None = None
        self._is_over = bool(lease.draft)
        """What an earlier attempt began is not written on: the reply takes its place."""
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def add(self, piece: str) -> None:
        self._text += piece
        self._spoke_at = self._spoke_at or time.monotonic()

    def waits(self, ahead: int) -> None:
        """For the engine, behind so many."""
        self._ahead = ahead

    async def close(self) -> None:
        """When this returns, no part is on its way."""
        self._closing.set()
        await self._task

    async def drop(self) -> None:
        """A person took over."""
        if draft := self._draft or self._lease.draft:
            try:
                await self._live.drop(self._lease, draft)
            except (Postponed, Undeliverable) as error:
                _logger.info("a draft was left as it is: %s", error)

    async def _run(self) -> None:
        told = time.monotonic() - self._pace.status_every + self._pace.patience
        pause = self._pace.after
        while not await self._closes_within(pause):
            pause, now = self._pace.every, time.monotonic()
            try:
                if self._spoke_at is None:
                    if now - told >= self._pace.status_every:
                        told = now
                        await self._live.status(self._lease.place, self._ahead)
                elif (due := self._spoke_at + self._pace.after) > now:
                    pause = due - now
                elif self._text.strip() and not self._is_over:
                    await self._show()
            except Postponed as error:
                pause = max(pause, error.seconds or 0.0)
            except (Undeliverable, LeaseLost, StoreError) as error:
                _logger.info("a reply is not shown while it is written: %s", error)
                self._is_over = True
            except Exception:
                _logger.exception("a reply could not be shown while it was written")
                self._is_over = True

    async def _show(self) -> None:
        text = self._text
        if text == self._shown:
            return
        before = self._draft or self._live.begun(self._lease)
        if not await self._inbox.draft(self._lease, before):
            self._is_over = True
            return
        after = before
        try:
            after = await self._live.show(self._lease, self._draft, self._shown, text)
            self._draft, self._shown = after, text
        except Undeliverable:
            after = self._draft  # nothing was begun
            raise
        except Postponed as error:
            if not error.landed:
                after = self._draft
            elif not self._draft:
                self._is_over = True  # it may be there: the reply looks for it
            raise
        finally:
            await self._inbox.drafted(self._lease, after)

    async def _closes_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return False
        return True
