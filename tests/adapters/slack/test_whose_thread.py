"""A thread is known to be kefu's from its first message on, while that is still being stored."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.slack.reception import Reception
from bot.delivery import Fate, Incoming, Place
from bot.errors import StoreError
from bot.store import Store, open_store

ROOT, ANSWER = "1700000000.000100", "1700000001.000100"


class Workspaces:
    async def bot_user(self, team: str, organisation: str) -> str:
        return "U0KEFU"


class SlowDesk:
    """Stores when it may."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.may = asyncio.Event()
        self.error: StoreError | None = None

    async def take_in(self, incoming: Incoming) -> None:
        await self.may.wait()
        if self.error:
            raise self.error
        await self._store.inbox.take_in(incoming)


def said(ts: str, text: str, thread: str = "") -> dict[str, Any]:
    event = {"type": "message", "channel": "C1", "user": "U1", "text": text, "ts": ts}
    if thread:
        event["thread_ts"] = thread
    return {"type": "event_callback", "team_id": "T1", "event": event}


class Case:
    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.desk = store, SlowDesk(store)
        self.reception = Reception(self.desk, store, Workspaces())  # type: ignore[arg-type]
        self.looked_up: list[Place] = []
        self.meanwhile: list[dict[str, Any]] = []
        """What comes between a look into the store and its result."""
        knows = store.inbox.knows

        async def counted(place: Place) -> bool:
            self.looked_up.append(place)
            found = await knows(place)
            while self.meanwhile:
                await self.reception.received(self.meanwhile.pop())
            return found

        monkeypatch.setattr(store.inbox, "knows", counted)

    def receive(self, body: dict[str, Any]) -> asyncio.Task[Any]:
        return asyncio.create_task(self.reception.received(body))


async def in_turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_answer_does_not_wait_for_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await open_store(tmp_path / "kefu.db") as store:
        case = Case(store, monkeypatch)
        root = case.receive(said(ROOT, "<@U0KEFU> shoes?"))
        await in_turn()
        answer = case.receive(said(ANSWER, "red ones", thread=ROOT))
        await in_turn()
        case.desk.may.set()
        assert {(await root).status, (await answer).status} == {200}
        assert case.looked_up == []
        assert await store.inbox.count("slack") == {Fate.WAITING: 2}


async def test_a_root_that_was_not_stored_makes_no_thread_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await open_store(tmp_path / "kefu.db") as store:
        case = Case(store, monkeypatch)
        case.desk.may.set()
        case.desk.error = StoreError("the disk is full")
        assert (await case.receive(said(ROOT, "<@U0KEFU> shoes?"))).status == 503
        case.desk.error = None
        assert (await case.receive(said(ANSWER, "among us", thread=ROOT))).status == 200
        assert await store.inbox.count("slack") == {}
        assert len(case.looked_up) == 1


async def test_a_root_that_comes_while_the_answer_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await open_store(tmp_path / "kefu.db") as store:
        case = Case(store, monkeypatch)
        case.desk.may.set()
        case.meanwhile.append(said(ROOT, "<@U0KEFU> shoes?"))
        assert (await case.receive(said(ANSWER, "red ones", thread=ROOT))).status == 200
        assert await store.inbox.count("slack") == {Fate.WAITING: 2}
