from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.settings import Settings
from bot.store import open_store
from tests.cli.conftest import Kefu

DEMO = ("demo", "--conversations", "120", "--until", "2026-06-29")


def rows(home: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(Settings(home=home).paths.database)) as database:
        return database.execute(query).fetchall()


def wrote_really(home: Path, customer: str) -> None:
    async def work() -> None:
        async with await open_store(Settings(home=home).paths.database) as store:
            talk = await store.log.start(channel="terminal", customer=customer)
            await store.log.note(talk.id, "Is it late?")

    asyncio.run(work())


def test_ninety_days_of_a_shop(kefu: Kefu, home: Path) -> None:
    made = kefu(*DEMO, "--json").json
    assert 100 <= made["conversations"] <= 140
    assert rows(home, "SELECT count(*) FROM conversations") == [(made["conversations"],)]
    assert rows(home, "SELECT count(*) FROM messages") == [(made["messages"],)]
    ((first, last),) = rows(home, "SELECT min(created_at), max(created_at) FROM conversations")
    assert "2026-03-31" <= first < last < "2026-06-29"
    (listed, *_) = kefu("conversations", "list", "--json").json
    assert listed["customer"].startswith("demo/")


def test_in_words(kefu: Kefu) -> None:
    ran = kefu(*DEMO)
    assert (ran.status, ran.out) == (0, "")
    assert "conversations with" in ran.err
    assert "`kefu report` sums them up" in ran.err


def test_another_demo_takes_the_place_of_the_one_before(kefu: Kefu, home: Path) -> None:
    first = kefu(*DEMO, "--json").json
    was = rows(home, "SELECT id, text, created_at FROM messages ORDER BY id")
    assert kefu(*DEMO, "--json").json == first
    assert rows(home, "SELECT id, text, created_at FROM messages ORDER BY id") == was
    kefu(*DEMO, "--seed", "8")
    assert rows(home, "SELECT id, text, created_at FROM messages ORDER BY id") != was
    assert rows(home, "SELECT count(*) FROM conversations")[0][0] < 140


def test_a_folder_of_its_own(kefu: Kefu, home: Path, tmp_path: Path) -> None:
    assert kefu(*DEMO, "--home", str(tmp_path / "demo")).status == 0
    assert rows(tmp_path / "demo", "SELECT count(*) FROM conversations")[0][0] > 100
    assert not home.exists()


@pytest.mark.parametrize("customer", ["ada", "", "demo", "Demo/ada"])
def test_a_home_with_real_conversations_is_left_alone(
    kefu: Kefu, home: Path, customer: str
) -> None:
    wrote_really(home, customer)
    ran = kefu(*DEMO)
    assert ran.status == 2
    assert "that took place" in ran.err
    assert "--home demo" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert rows(home, "SELECT customer FROM conversations") == [(customer,)]
    assert rows(home, "SELECT text FROM messages") == [("Is it late?",)]


def test_a_demo_in_which_somebody_wrote_since_stays_too(kefu: Kefu, home: Path) -> None:
    kefu(*DEMO)
    before = rows(home, "SELECT count(*) FROM messages")
    wrote_really(home, "ada")
    assert kefu(*DEMO).status == 2
    assert rows(home, "SELECT count(*) FROM messages") == [(before[0][0] + 1,)]


@pytest.mark.parametrize(
    "wrong",
    [("--conversations", "0"), ("--conversations", "many"), ("--until", "soon"), ("--seed", "x")],
)
def test_wrong_usage(kefu: Kefu, home: Path, wrong: tuple[str, str]) -> None:
    ran = kefu("demo", *wrong)
    assert ran.status == 2
    assert wrong[0] in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not home.exists()
