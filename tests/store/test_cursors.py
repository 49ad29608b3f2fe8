from __future__ import annotations

from bot.store import Store


async def test_the_last_value_counts(store: Store) -> None:
    assert await store.cursors.get("matrix", "sync") is None
    await store.cursors.put("matrix", "sync", "s1")
    await store.cursors.put("matrix", "other", "s9")
    await store.cursors.put("matrix", "sync", "s2")
    assert await store.cursors.get("matrix", "sync") == "s2"
    assert await store.cursors.get("slack", "sync") is None
