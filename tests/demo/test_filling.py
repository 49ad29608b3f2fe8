from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.conversation import ConversationState, Role
from bot.demo import filling
from bot.demo.filling import fill, whole
from bot.demo.world import Told, World
from bot.digest.outcome import Outcome
from bot.errors import UsageError
from bot.store import Store, open_store

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


def world(seed: int, conversations: int = 40) -> list[Told]:
    return World(seed, conversations, NOW).conversations()


async def filled(store: Store, told: list[Told]) -> list[int]:
    done: list[int] = []
    await fill(store, told, NOW, done.append)
    return done


async def check(store: Store, told: list[Told]) -> None:
    """These are in it, and no others."""
    assert await store.log.count() == len(told)
    found = await store.cohort.messages([one.id for one in told])
    assert found == {one.id: list(one.messages) for one in told}
    for one in told:
        assert await store.ratings.of(one.id) == one.rating


async def test_filling_twice_leaves_one_world(store: Store) -> None:
    first, second = world(1), world(2)
    for told in (first, first, second):
        assert await filled(store, told) == [len(told)]
        await check(store, told)
    gone = [message for one in first for message in one.messages if message.role is Role.AGENT]
    hits = await store.log.search(gone[0].text, limit=500)
    assert {hit.conversation.id for hit in hits} <= {one.id for one in second}


async def test_how_many_are_in_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "AT_ONCE", 30)
    told = world(1)
    assert await filled(store, told) == [30, len(told) - 30]
    assert await store.log.count() == len(told)


@pytest.mark.parametrize("customer", ["", "demonstration"])
async def test_a_log_of_real_conversations_is_left_alone(store: Store, customer: str) -> None:
    told = world(1)
    await filled(store, told)
    talk = await store.log.start(channel="slack", customer=customer)
    said = await store.log.note(talk.id, "Where is my parcel?")
    with pytest.raises(UsageError, match="took place"):
        await filled(store, world(2))
    assert await store.log.messages(talk.id) == [said]
    await store.log.delete(talk.id)
    await check(store, told)


async def test_one_is_closed_after_two_days_unless_a_person_has_it_before(store: Store) -> None:
    for one in world(1, 600):
        state = whole(one, NOW).conversation.state
        if NOW - one.messages[-1].created_at > timedelta(days=2):
            assert state is ConversationState.CLOSED
        elif one.truth.outcome is Outcome.ESCALATED:
            assert state is ConversationState.HANDED_OFF
            assert whole(one, NOW).conversation.agent == one.agent
        else:
            assert state is ConversationState.OPEN
