from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from bot.store import Store
from bot.store.oauth_states import OAuthStates


async def test_each_serves_once(store: Store) -> None:
    states = store.oauth_states
    one, other = await states.issue(600), await states.issue(600)
    assert one != other
    asked = [states.consume(one) for _ in range(3)]
    assert sorted(await asyncio.gather(*asked)) == [False, False, True]
    assert await states.consume(other)
    assert not await states.consume("never issued")


async def test_each_expires(store: Store) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    states = OAuthStates(store.database, lambda: now)
    state = await states.issue(600)
    now += timedelta(seconds=600)
    assert not await states.consume(state)
