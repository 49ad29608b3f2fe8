"""Replies to Matrix: each once, because each transaction is one event however often it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from bot.adapters.matrix.events import CHANNEL, Us, place_parts
from bot.adapters.matrix.homeserver import Homeserver
from bot.adapters.matrix.text import Content, alert_of, contents_of, link_to
from bot.delivery import Outgoing


class MatrixClient:
    channel = CHANNEL

    def __init__(self, server: Homeserver, us: Us, *, agents: str = "") -> None:
        """`agents`: the room in which they are told, by id or alias."""
        self._server, self._us, self._agents = server, us, agents

    async def deliver(self, outgoing: Outgoing) -> str:
        """The event id of its last part."""
        room, thread = place_parts(outgoing.place.key)
        reference, message = "", outgoing.message
        for part, content in enumerate(contents_of(message)):
            shown = content | _in_thread(thread)
            reference = await self._server.send(room, shown, f"{message.id}.{part}")
        return reference

    async def alert(self, outgoing: Outgoing, digest: Sequence[str]) -> str:
        if not self._agents:
            return ""
        if self._agents.startswith("#"):
            self._agents = await self._server.resolve(self._agents) or self._agents
        server = self._us.user_id.partition(":")[2]
        link = link_to(*place_parts(outgoing.place.key), server)
        told = alert_of(digest, link)
        return await self._server.send(self._agents, told, f"{outgoing.message.id}.alert")


def _in_thread(thread: str) -> Content:
    if not thread:
        return {}
    before = {"m.in_reply_to": {"event_id": thread}, "is_falling_back": True}
    return {"m.relates_to": {"rel_type": "m.thread", "event_id": thread, **before}}
