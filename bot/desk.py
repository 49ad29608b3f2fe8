"""The front desk: takes messages in from a platform, never loses one, and replies once.

A message is on disk before its platform is told that we have it. Workers lease it, one a
conversation at a time; the reply, its place in the outbox and the message's fate are one
transaction, which whoever lost the lease cannot make. The outbox is posted in order, and a post
that may have landed is looked for before it is made again. So it may be ended at any moment, and
several processes may serve one database.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from bot.assistant import Assistant
from bot.attachments import Fetch, as_text
from bot.conversation import (
    ConversationState,
    Failed,
    HandedOff,
    Message,
    MessageState,
    Reply,
    ReplyStatus,
    Token,
    Waiting,
)
from bot.crew import Crew
from bot.delivery import (
    Fate,
    Incoming,
    Lease,
    Live,
    Outgoing,
    Post,
    Postponed,
    Undeliverable,
    with_attached,
)
from bot.digest.brief import LOOKED_AT, brief
from bot.drafting import Drafting, Pace
from bot.errors import KefuError, LeaseLost, ModelError, StoreError
from bot.line import tell_who_waits
from bot.skills import handoff
from bot.store import Store
from bot.together import Together

_MINUTE = 60.0
_DOUBLINGS = 30
"""Of a pause; the longest one comes much earlier."""
_logger = logging.getLogger("kefu")


class Adapter(Protocol):
    """To a platform."""

    @property
    def channel(self) -> str: ...

    async def deliver(self, outgoing: Outgoing) -> str:
        """Post it; what the platform calls it. Raise Postponed or Undeliverable."""
        ...

    async def alert(self, outgoing: Outgoing, digest: Sequence[str]) -> str:
        """As `deliver`, but to the agents, in a few lines; nothing, and "", where the operator
        named no room of theirs."""
        ...


@dataclass(frozen=True, slots=True)
class DeskLimits:
    workers: int = 16
    """Messages that are worked on at a time."""
    senders: int = 8
    """Posts that are made at a time."""
    attempts: int = 3
    """How often a message may fail before the customer is told."""
    leases: int = 10
    """How often it may be taken up and not be finished: it may be what ends the process."""
    posts: int = 50
    """So often a post is tried: with the pauses between them, most of a day."""
    turn_seconds: float = 900.0
    """How long a message may be worked on, waiting for the engine included."""
    lease_seconds: float = 60.0
    poll_seconds: float = 0.5
    """How soon the work of other processes is seen; one's own is seen at once."""
    first_pause: float = 1.0
    longest_pause: float = 1800.0
    drain_seconds: float = 20.0
    replies_a_minute: int = 20
    """In one conversation, by one process; more wait."""
    pace: Pace = field(default_factory=Pace)


class Desk:
    def __init__(
        self,
        store: Store,
        assistant: Assistant,
        adapter: Adapter,
        limits: DeskLimits | None = None,
        live: Live | None = None,
        fetch: Fetch | None = None,
    ) -> None:
        """`live`: shows replies while they are written, and who waits how long; `fetch`: what is
        attached."""
        self._store, self._assistant, self._adapter = store, assistant, adapter
        self._live, self._fetch = live, fetch
        self._served: Counter[str] = Counter()
        """Conversations, each with how often it was served in this minute."""
        self._minute = time.monotonic()
        self._limits = limits = limits or DeskLimits()
        self._workers: Crew[Lease] = Crew(
            limits.workers, self._lease_incoming, self._serve, poll_seconds=limits.poll_seconds
        )
        self._intake = Together[Incoming](lambda messages: store.inbox.take_in(*messages))
        self._posted = Together[tuple[Outgoing, str]](lambda posted: store.outbox.sent(*posted))
        self._senders: Crew[tuple[Outgoing, float]] = Crew(
            limits.senders, self._lease_outgoing, self._send, poll_seconds=limits.poll_seconds
        )

    async def take_in(self, incoming: Incoming) -> None:
        """On disk when this returns, once. Raise StoreError: then the platform must not be told
        that we have it."""
        await self._intake.put(incoming)
        self._workers.ring()

    async def edit(self, incoming: Incoming, *, is_addressed: bool) -> None:
        """Its text is another now; one that did not come yet is taken in so."""
        await self._store.inbox.edit(incoming, is_addressed=is_addressed)
        self._workers.ring()

    def stop(self) -> None:
        """Take up nothing more: `run` finishes what was begun, for `drain_seconds` at most."""
        self._workers.stop()

    async def run(self) -> None:
        """Until `stop`, or until it is cancelled: then what was begun is left for another."""
        work = [self._senders.run(), self._renew()]
        if self._live is not None:
            work.append(tell_who_waits(self._store.inbox, self._live, self._adapter.channel))
        helpers = [asyncio.create_task(one) for one in work]
        try:
            await self._workers.run()
            await self._workers.finish(self._limits.drain_seconds)
        finally:
            await asyncio.shield(asyncio.ensure_future(self._leave(helpers)))

    async def _leave(self, helpers: Sequence[asyncio.Task[None]]) -> None:
        """Give back what is unfinished, and post what is recorded."""
        with suppress(StoreError):  # its lease runs out
            await self._store.inbox.release(self._workers.in_hand)
        await self._workers.drop()
        self._senders.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.drain_seconds):
                await self._senders.run_dry()
        await self._senders.drop()
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)

    async def _lease_incoming(self, room: int) -> list[Lease]:
        return await self._store.inbox.lease(
            self._adapter.channel, limit=room, seconds=self._limits.lease_seconds
        )

    async def _lease_outgoing(self, room: int) -> list[tuple[Outgoing, float]]:
        """Each with when it was leased, at the earliest."""
        now = time.monotonic()
        leased = await self._store.outbox.lease(
            self._adapter.channel, limit=room, seconds=self._limits.lease_seconds
        )
        return [(one, now) for one in leased]

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._limits.lease_seconds / 4)
            try:
                await self._store.inbox.renew(
                    self._workers.in_hand, seconds=self._limits.lease_seconds
                )
            except Exception as error:  # there are three more chances
                _logger.warning("leases were not renewed: %r", error)

    def _is_too_much(self, lease: Lease) -> bool:
        """Two programs may be talking to each other."""
        now = time.monotonic()
        if now - self._minute > _MINUTE:
            self._minute = now
            self._served.clear()
        self._served[lease.conversation.id] += 1
        return self._served[lease.conversation.id] > self._limits.replies_a_minute

    async def _serve(self, lease: Lease) -> None:
        try:
            if lease.attempt > self._limits.leases:
                await self._give_up(lease, "it could not be finished")
            elif self._is_too_much(lease):
                await self._store.inbox.postpone(
                    lease, seconds=_MINUTE / 4, reason="too many replies a minute", counts=False
                )
            else:
                async with asyncio.timeout(self._limits.turn_seconds):
                    await self._answer(lease)
        except LeaseLost:
            pass  # whoever has it now answers
        except Exception as error:
            if not isinstance(error, KefuError | Postponed):
                _logger.error("a message failed at the desk", exc_info=error)
            with suppress(StoreError):  # else its lease runs out
                await self._again(lease, error)
        self._senders.ring()

    async def _answer(self, lease: Lease) -> None:
        message = await self._note(lease)
        async with self._drafting(lease) as draft:

            async def record(reply: Reply, then: ConversationState | None) -> Message:
                if draft:
                    await draft.close()
                said = await self._store.inbox.record(lease, reply, then)
                if draft and said.state is MessageState.STOPPED:
                    await draft.drop()
                return said

            async with aclosing(self._assistant.respond(message, record=record)) as events:
                async for event in events:
                    if draft and isinstance(event, Token):
                        draft.add(event.text)
                    elif draft and isinstance(event, Waiting):
                        draft.waits(event.place)
                    elif isinstance(event, HandedOff) and event.message is None:
                        await self._store.inbox.end(lease, Fate.HANDED_OFF, event.rule)
                    elif isinstance(event, Failed):
                        await self._again(lease, event.cause or ModelError(event.error), message)

    async def _note(self, lease: Lease) -> Message:
        """In the log, tagged."""
        attached, tag = "", None
        if lease.message_id is None:
            if lease.attachments:
                patient = lease.failures + 1 < self._limits.attempts
                attached = await as_text(
                    lease.attachments, lease.place, self._fetch, patient=patient
                )
            with suppress(KefuError):  # it stands in the log first, whatever fails
                tag = await self._assistant.tag_of(with_attached(lease.text, attached))
        message = await self._store.inbox.note(lease, attached, tag)
        return message if message.sentiment else await self._assistant.tag(message)

    @asynccontextmanager
    async def _drafting(self, lease: Lease) -> AsyncIterator[Drafting | None]:
        if self._live is None:
            yield None
            return
        draft = Drafting(self._store.inbox, self._live, lease, self._limits.pace)
        try:
            yield draft
        finally:
            await draft.close()

    async def _again(self, lease: Lease, error: Exception, message: Message | None = None) -> None:
        """Trouble with the database is not the message's own failure."""
        reason = str(error) or type(error).__name__
        counts = not isinstance(error, StoreError)
        if counts and lease.failures + 1 >= self._limits.attempts:
            await self._give_up(lease, reason, message)
            return
        pause = self._pause(lease.failures + 1)
        await self._store.inbox.postpone(lease, seconds=pause, reason=reason, counts=counts)

    async def _give_up(self, lease: Lease, reason: str, message: Message | None = None) -> None:
        """Set aside: the customer is told, and a person is called."""
        message = message or await self._store.inbox.note(lease)
        language = message.language or "en"
        _logger.error("message %d of the inbox was set aside: %s", lease.number, reason)
        notice = Reply(
            self._assistant.farewell(handoff.FAILED, language),
            ReplyStatus.HANDED_OFF,
            language,
            rule=handoff.FAILED,
        )
        await self._store.inbox.give_up(lease, notice, reason)

    async def _send(self, leased: tuple[Outgoing, float]) -> None:
        """Begun in the first half of its lease, or left to whoever has it next."""
        outgoing, since = leased
        if time.monotonic() - since > self._limits.lease_seconds / 2:
            return
        with suppress(StoreError):  # its lease runs out, and it is looked for
            try:
                async with asyncio.timeout(self._limits.lease_seconds / 2):
                    reference = await self._deliver(outgoing)
            except Undeliverable as error:
                await self._lose(outgoing, str(error))
            except Exception as error:
                await self._send_later(outgoing, error)
            else:
                await self._posted.put((outgoing, reference))

    async def _deliver(self, outgoing: Outgoing) -> str:
        if outgoing.kind is Post.REPLY:
            return await self._adapter.deliver(outgoing)
        talk = outgoing.message.conversation
        messages = await self._store.log.messages(talk, limit=LOOKED_AT)
        return await self._adapter.alert(outgoing, brief(messages).lines)

    async def _send_later(self, outgoing: Outgoing, error: Exception) -> None:
        if not isinstance(error, Postponed | TimeoutError):
            _logger.error("a post failed unexpectedly", exc_info=error)
        reason = str(error) or type(error).__name__
        asked = error.seconds if isinstance(error, Postponed) else None
        if asked is None and outgoing.attempt >= self._limits.posts:
            await self._lose(outgoing, reason)
            return
        await self._store.outbox.postpone(
            outgoing,
            seconds=self._pause(outgoing.attempt) if asked is None else asked,
            reason=reason,
            landed=error.landed if isinstance(error, Postponed) else True,
            counts=asked is None,
        )

    async def _lose(self, outgoing: Outgoing, reason: str) -> None:
        if outgoing.kind is Post.ALERT:
            told = "agents were not told that a person is needed (handoff.agents): %s"
            _logger.error(told, reason)
        else:
            _logger.error("message %s could not be posted: %s", outgoing.message.id, reason)
        await self._store.outbox.gave_up(outgoing, reason)

    def _pause(self, attempt: int) -> float:
        doubled = 2.0 ** min(attempt - 1, _DOUBLINGS)
        return min(self._limits.longest_pause, self._limits.first_pause * doubled)
