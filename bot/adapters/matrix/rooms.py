"""The rooms that we are in: which are direct, and what was said in one since we last read."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from bot.adapters.matrix.events import Event, Us, identifier, inner
from bot.adapters.matrix.homeserver import Homeserver
from bot.delivery import Undeliverable

PAGES = 200
"""Of a room that are read at a time."""
_logger = logging.getLogger("kefu")


class Rooms:
    def __init__(self, server: Homeserver, us: Us, *, agents: str = "") -> None:
        self._server, self._us, self._agents = server, us, agents
        self._members: dict[str, int] = {}

    async def is_direct(self, room: str) -> bool:
        """One other and we are in it. That of the agents never is: they are no customers."""
        if room == self._agents:
            return False
        if room not in self._members:
            try:
                self._members[room] = await self._server.count_members(room)
            except Undeliverable:  # we are in it no more
                return False
        return self._members[room] <= 2

    async def news(self, room: str, section: Event, since: str) -> list[Event]:
        """Of a room in a sync: all that was said since the last, in order; where we came into the
        room meanwhile, all since we were invited."""
        timeline = inner(section, "timeline")
        recent, start = listed(timeline), timeline.get("prev_batch")
        is_cut = timeline.get("limited") is True and isinstance(start, str)
        if is_cut or any(map(is_member, [*listed(inner(section, "state")), *recent])):
            self._members.pop(room, None)
        events = [*await self._gap(room, start, since), *recent] if is_cut else recent
        if not any(map(self._comes_in, events)):
            return events
        if is_cut and not any(map(self._bounds, events)):
            events = [*await self._gap(room, start, None), *recent]
        return self._since_invited(events)

    async def _gap(self, room: str, start: object, end: str | None) -> list[Event]:
        """Backwards from `start`, to `end` or to where we were invited."""
        found: list[Event] = []
        for _ in range(PAGES):
            try:
                answer = await self._server.earlier(room, str(start), end)
            except Undeliverable:  # we may not read it any more
                return found
            page = listed(answer, "chunk")[::-1]
            found = page + found
            following = answer.get("end")
            is_over = end is None and any(self._bounds(one) for one in page)
            if is_over or not isinstance(following, str) or following == start:
                return found
            start = following
        _logger.error("%s: more was said than is read at a time; the oldest is left out", room)
        return found

    def _since_invited(self, events: Sequence[Event]) -> list[Event]:
        for at in range(len(events) - 1, -1, -1):
            if self._bounds(events[at]):
                return list(events[at:])
        return list(events)

    def _bounds(self, event: Event) -> bool:
        """What was said before it was not said to us."""
        if not is_member(event) or event.get("state_key") != self._us.user_id:
            return False
        is_join = inner(event, "content").get("membership") == "join"
        return not is_join or _membership_before(event) not in {"join", "invite"}

    def _comes_in(self, event: Event) -> bool:
        is_ours = is_member(event) and event.get("state_key") == self._us.user_id
        is_join = inner(event, "content").get("membership") == "join"
        return is_ours and is_join and _membership_before(event) != "join"


def is_member(event: Event) -> bool:
    return event.get("type") == "m.room.member"


def listed(section: Event, name: str = "events") -> list[Event]:
    found = section.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def named(rooms: Event) -> list[tuple[str, Event]]:
    """Rooms of a sync, by their ids."""
    return [(room, inner(rooms, room)) for room in rooms if identifier({"id": room}, "id")]


def _membership_before(event: Event) -> object:
    return inner(inner(event, "unsigned"), "prev_content").get("membership")
