"""Who waits in line for some seconds is told how many come before."""

from __future__ import annotations

import asyncio
import time

from bot.delivery import Live, Place
from bot.errors import StoreError
from bot.store.inbox import Inbox

LOOK_SECONDS = 3.0
"""Who is in line at two looks is told."""
AGAIN_SECONDS = 60.0
"""Slack forgets it after two minutes."""
AT_ONCE = 50
"""Told at a look; platforms limit calls."""
_LONGEST = 1_000


async def tell_who_waits(
    inbox: Inbox, live: Live, channel: str, look_seconds: float = LOOK_SECONDS
) -> None:
    """Until it is cancelled."""
    told: dict[Place, float] = {}
    before: set[Place] = set()
    while True:
        await asyncio.sleep(look_seconds)
        try:
            line = await inbox.line(channel, limit=_LONGEST)
        except StoreError:  # the desk says so
            continue
        now = time.monotonic()
        patient = [(place, ahead) for place, ahead in line if place in before]
        before = {place for place, _ in line}
        told = {place: at for place, at in told.items() if place in before}
        due = [one for one in patient if now - told.get(one[0], -AGAIN_SECONDS) >= AGAIN_SECONDS]
        for place, ahead in due[:AT_ONCE]:
            told[place] = now
            await live.status(place, ahead)
