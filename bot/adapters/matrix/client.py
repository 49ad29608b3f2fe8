"""Replies to Matrix: each once, also where the homeserver did not say whether it has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.adapters.matrix.events import CHANNEL, Us, inner, place_parts
from bot.adapters.matrix.homeserver import Homeserver
from bot.adapters.matrix.rooms import listed
from bot.adapters.matrix.text import Content, alert_of, contents_of, link_to
from bot.conversation import Message
from bot.delivery import Outgoing, Postponed, Undeliverable

TRANSACTION = "kefu.transaction"
"""In what we send, so that it is known again: the homeserver makes one event of a transaction that
is sent twice, but Synapse only for a day, and no homeserver once the token is another's."""
_CLOCKS_APART = 3600.0
"""Seconds by which the homeserver's clock and ours may differ."""
_PAGES = 50


class MatrixClient:
    channel = CHANNEL

    def __init__(self, server: Homeserver, us: Us, *, agents: str = "") -> None:
        """`agents`: the id of the room in which they are told."""
        self._server, self._us, self._agents = server, us, agents

    async def deliver(self, outgoing: Outgoing) -> str:
        """The event id of its last part."""
        room, thread = place_parts(outgoing.place.key)
        contents = [content | _in_thread(thread) for content in contents_of(outgoing.message)]
        return await self._send(room, contents, outgoing, "")

    async def alert(self, outgoing: Outgoing, digest: Sequence[str]) -> str:
        if not self._agents:
            return ""
        server = self._us.user_id.partition(":")[2]
        link = link_to(*place_parts(outgoing.place.key), server)
        return await self._send(self._agents, [alert_of(digest, link)], outgoing, "alert.")

    async def _send(
        self, room: str, contents: Sequence[Content], outgoing: Outgoing, kind: str
    ) -> str:
        message, reference = outgoing.message, ""
        landed = await self._landed(room, message) if outgoing.may_have_landed else {}
        for part, content in enumerate(contents):
            name = f"{message.id}.{kind}{part}"
            reference = landed.get(name) or await self._server.send(
                room, content | {TRANSACTION: name}, name
            )
        return reference

    async def _landed(self, room: str, message: Message) -> Mapping[str, str]:
        """Event ids of what we said in the room since the message was written, by transaction.
        Raise Postponed where that is not to be found out."""
        found: dict[str, str] = {}
        earliest = (message.created_at.timestamp() - _CLOCKS_APART) * 1000
        start: str | None = None
        for _ in range(_PAGES):
            try:
                answer = await self._server.said_by(self._us.user_id, room, start)
            except Undeliverable:  # the sending itself will say so
                return found
            page = listed(answer, "chunk")
            for one in page:
                name = inner(one, "content").get(TRANSACTION)
                if isinstance(name, str):
                    found[name] = str(one.get("event_id", ""))
            following = answer.get("end")
            if not isinstance(following, str) or following == start:
                return found
            if any(_sent_at(one) < earliest for one in page):
                return found
            start = following
        raise Postponed("too much was said in the room to look through")


def _sent_at(event: Mapping[str, object]) -> float:
    """Milliseconds."""
    time = event.get("origin_server_ts")
    return time if isinstance(time, int) else 0.0


def _in_thread(thread: str) -> Content:
    if not thread:
        return {}
    before = {"m.in_reply_to": {"event_id": thread}, "is_falling_back": True}
    return {"m.relates_to": {"rel_type": "m.thread", "event_id": thread, **before}}
