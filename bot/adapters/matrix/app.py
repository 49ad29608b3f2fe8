"""kefu as a Matrix user: what its homeserver tells is committed, then acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import count

from bot.adapters.matrix.events import (
    CHANNEL,
    Edited,
    Event,
    Judged,
    Redacted,
    Said,
    Understood,
    Unreadable,
    Us,
    Where,
    inner,
    place_parts,
    understood,
)
from bot.adapters.matrix.homeserver import Barred, Homeserver, Stranger
from bot.adapters.matrix.invitations import Invitations
from bot.adapters.matrix.rooms import Rooms, named
from bot.adapters.matrix.text import UNREADABLE, notice
from bot.conversation import Message
from bot.delivery import Incoming, Place, Postponed, Undeliverable
from bot.desk import Desk
from bot.errors import SettingsError, StoreError, UnknownMessage
from bot.store import Store

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
_WAIT = 30.0
"""Seconds that the homeserver waits for news before it answers that there are none."""
_logger = logging.getLogger("kefu")


async def who_are_we(server: Homeserver) -> Us:
    """Waits for a homeserver that does not answer. Raise SettingsError where it does not know us,
    or is none."""
    pause, given = _FIRST_PAUSE, server.credentials
    while True:
        try:
            user = await server.who_am_i()
            return Us(user, await server.display_name(user) or user[1:].partition(":")[0])
        except (Barred, Undeliverable) as error:
            raise SettingsError(
                f"{given.homeserver} refuses {given.named} ({error}); copy it again"
            ) from None
        except Stranger as error:
            raise SettingsError(
                f"MATRIX_HOMESERVER {given.homeserver} is no homeserver ({error}); "
                "write the address that Matrix clients use"
            ) from None
        except Postponed as error:
            _logger.warning("the homeserver does not answer (%s); trying again", error)
            await asyncio.sleep(pause if error.seconds is None else error.seconds)
        pause = min(_LONGEST_PAUSE, 2 * pause)


class MatrixApp:
    """Between a homeserver and the desk."""

    def __init__(
        self, server: Homeserver, us: Us, desk: Desk, store: Store, *, agents: str = ""
    ) -> None:
        self._server, self._us, self._desk, self._store = server, us, desk, store
        self._rooms = Rooms(server, us, agents=agents)
        self._invitations = Invitations(server)
        self._cursor, self._order = f"sync {us.user_id}", count()

    @asynccontextmanager
    async def syncing(self) -> AsyncIterator[asyncio.Future[None]]:
        """Reading meanwhile. Yields what is done when the homeserver answered for the first
        time."""
        connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        reading = asyncio.create_task(self._keep_reading(connected))
        try:
            yield connected
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await self._invitations.close()
            connected.cancel()

    async def _keep_reading(self, connected: asyncio.Future[None]) -> None:
        since, pause = "", _FIRST_PAUSE
        trouble: Exception | None = None
        while True:
            try:
                since = await self._read(since) if since else await self._begin()
            except Exception as error:  # whatever is wrong with one sync must not end the reading
                self._warn(error, trouble)
                trouble, asked = error, getattr(error, "seconds", None)
                await asyncio.sleep(pause if asked is None else asked)
                pause = min(_LONGEST_PAUSE, 2 * pause)
                continue
            if not connected.done():
                connected.set_result(None)
            if trouble is not None:
                _logger.warning("the homeserver is read again")
            trouble, pause = None, _FIRST_PAUSE

    def _warn(self, error: Exception, before: Exception | None) -> None:
        """An outage of an hour is one line."""
        if type(error) is type(before):
            return
        if isinstance(error, Barred):
            named = self._server.credentials.named
            _logger.error("%s was withdrawn (%s): nothing is read; copy it again", named, error)
        elif isinstance(error, Postponed | Undeliverable | StoreError):
            _logger.warning("nothing is read from the homeserver (%s); trying again", error)
        else:
            _logger.error("a sync failed unexpectedly", exc_info=error)

    async def _begin(self) -> str:
        """Where to read on: where another stopped, else from now on."""
        overview = await self._server.overview()
        self._invite(overview)
        since = await self._store.cursors.get(CHANNEL, self._cursor)
        return since or await self._reached(_next(overview))

    async def _read(self, since: str) -> str:
        """What came since then is on disk when this returns; where to read on. A room that cannot
        be read now keeps no other waiting: all of this comes again, and the rest is known then."""
        try:
            answer = await self._server.sync(since, wait=_WAIT)
        except Undeliverable as error:  # it was set up anew, or put back to a backup
            _logger.error("the homeserver forgot where kefu stopped (%s): reading from now", error)
            return await self._reached(_next(await self._server.overview()))
        self._invite(answer)
        trouble: Postponed | None = None
        for room, section in named(inner(inner(answer, "rooms"), "join")):
            try:
                for event in await self._rooms.news(room, section, since):
                    await self._take(room, event)
            except Postponed as error:
                trouble = error
        if trouble is not None:
            raise trouble
        following = _next(answer)
        return since if following == since else await self._reached(following)

    async def _reached(self, token: str) -> str:
        await self._store.cursors.put(CHANNEL, self._cursor, token)
        return token

    def _invite(self, answer: Event) -> None:
        self._invitations.accept(
            *(room for room, _ in named(inner(inner(answer, "rooms"), "invite")))
        )

    async def _take(self, room: str, event: Event) -> None:
        where = Where(room, await self._rooms.is_direct(room), next(self._order))
        try:
            found = understood(event, where, self._us)
            if found is not None:
                await self.take(found, where)
        except (Postponed, StoreError):
            raise
        except Exception as error:  # it would come again for ever, and nothing after it
            _logger.error("an event of %s was left out", room, exc_info=error)

    async def take(self, found: Understood, where: Where) -> None:
        """On disk when this returns. Raise StoreError or Postponed: then it must come again."""
        match found:
            case Said():
                await self._hear(found, where.room)
            case Edited():
                await self._edit(found, where)
            case Redacted(event):
                await self._redact(event, where.room)
            case Judged():
                await self._judge(found, where.room)
            case Unreadable():
                await self._tell_unreadable(where.room)

    async def _hear(self, said: Said, room: str) -> None:
        message = said.message
        if said.replies_to and (reply := await self._ours(said.replies_to, room)):
            message = replace(message, place=reply[1])
        if said.is_addressed or await self._store.inbox.knows(message.place):
            await self._desk.take_in(message)

    async def _ours(self, event: str, room: str) -> tuple[Message, Place] | None:
        """A reply of ours, and where it stands; only of this room, whatever an event claims."""
        reply = await self._store.outbox.message_at(CHANNEL, event)
        place = None if reply is None else await self._store.outbox.place_of(reply.id)
        if reply is None or place is None or place_parts(place.key)[0] != room:
            return None
        return reply, place

    async def _edit(self, edited: Edited, where: Where) -> None:
        """Whose it is and where it stands, the message itself says: an edit may claim anything."""
        try:
            event = await self._server.event(where.room, edited.event)
        except Undeliverable:
            return
        said = understood(event, where, self._us)
        if not isinstance(said, Said) or said.message.customer != edited.sender:
            return
        message = replace(said.message, text=edited.text, revision=edited.revision)
        await self._desk.edit(message, is_addressed=edited.mentions_us)

    async def _redact(self, event: str, room: str) -> None:
        """A message, or a thumb."""
        place = await self._store.inbox.place_of(CHANNEL, event)
        if place is None:
            await self._store.feedback.take_back_at(event)
        elif place_parts(place.key)[0] == room:
            await self._store.inbox.delete(Incoming(place, event, "", "", ""))

    async def _judge(self, judged: Judged, room: str) -> None:
        found = await self._ours(judged.reference, room)
        if found is None:
            return
        with suppress(UnknownMessage):  # it was erased meanwhile
            await self._store.feedback.give(
                found[0].id, judged.customer, helpful=judged.helpful, reference=judged.event
            )

    async def _tell_unreadable(self, room: str) -> None:
        """Once in each room; where that fails, at the next message."""
        told = f"unreadable {room}"
        if await self._store.cursors.get(CHANNEL, told):
            return
        _logger.warning("%s is encrypted, and cannot be read", room)
        try:
            reference = await self._server.send(room, notice(UNREADABLE), told.replace(" ", "."))
        except (Postponed, Undeliverable):
            return
        await self._store.cursors.put(CHANNEL, told, reference or "told")


def _next(answer: Event) -> str:
    token = answer.get("next_batch")
    if not isinstance(token, str) or not token:
        raise Postponed("a sync without next_batch")
    return token
