from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.store import Store, open_store
from bot.store.installations import Installation, Installations

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LAMPS = Installation("T1", "Lamps", "U1", "secret-1", "refresh-1", NOW + timedelta(hours=12))


async def test_the_last_installation_counts(store: Store) -> None:
    installations = store.installations
    assert await installations.of("slack", "T1") is None
    await installations.save("slack", LAMPS)
    again = Installation("T1", "Lamps", "U1", "secret-2")
    await installations.save("slack", again)
    assert await installations.of("slack", "T1") == again
    assert await installations.of("matrix", "T1") is None
    assert await installations.count("slack") == 1


def test_tokens_are_not_shown() -> None:
    assert "secret-1" not in repr(LAMPS)
    assert "refresh-1" not in repr(LAMPS)


async def test_forgotten_unless_it_was_installed_again(store: Store) -> None:
    installations = Installations(store.database, lambda: NOW)
    await installations.save("slack", LAMPS)
    assert not await installations.forget("slack", "T1", NOW - timedelta(seconds=1))
    assert not await installations.forget("slack", "T2", NOW)
    assert await installations.forget("slack", "T1", NOW)
    assert not await installations.forget("slack", "T1", NOW)
    assert await installations.of("slack", "T1") is None


async def test_a_workspace_of_an_organisation_has_its_installation(store: Store) -> None:
    installations = store.installations
    org = Installation("E1", "Organisation", "U1", "of-all")
    await installations.save("slack", org)
    assert await installations.of("slack", "T1") is None
    await installations.join("slack", "T1", "E0")
    await installations.join("slack", "T1", "E1")
    assert await installations.organisation_of("slack", "T1") == "E1"
    assert await installations.organisation_of("slack", "T2") == ""
    assert await installations.of("slack", "T1") == org
    await installations.save("slack", LAMPS)
    assert await installations.of("slack", "T1") == LAMPS
    assert await installations.of("slack", "T2") is None


async def test_one_alone_may_renew_a_token(store: Store, path: Path) -> None:
    await store.installations.save("slack", LAMPS)
    async with await open_store(path) as other:
        asked = [
            one.installations.may_renew("slack", LAMPS, 30) for one in (store, other, store, other)
        ]
        assert sorted(await asyncio.gather(*asked)) == [False, False, False, True]
    new = Installation("T1", "Lamps", "U1", "secret-2", "refresh-2", NOW + timedelta(hours=24))
    await store.installations.renew("slack", LAMPS, new)
    assert await store.installations.of("slack", "T1") == new
    assert not await store.installations.may_renew("slack", LAMPS, 30)
    assert await store.installations.may_renew("slack", new, 30)


async def test_the_right_to_renew_ends(store: Store) -> None:
    now = NOW
    installations = Installations(store.database, lambda: now)
    await installations.save("slack", LAMPS)
    assert await installations.may_renew("slack", LAMPS, 30)
    now += timedelta(seconds=30)
    assert await installations.may_renew("slack", LAMPS, 30)


async def test_a_new_installation_is_not_overwritten_by_a_renewal(store: Store) -> None:
    await store.installations.save("slack", LAMPS)
    again = Installation("T1", "Lamps", "U1", "secret-9", "refresh-9", NOW)
    await store.installations.save("slack", again)
    await store.installations.renew("slack", LAMPS, Installation("T1", "", "U1", "late"))
    assert await store.installations.of("slack", "T1") == again
