from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult

from bot.errors import ModelError
from bot.reports.entries import entries, make_digests, stale
from bot.reports.prose import ProseDigests
from bot.skills.summary import Summarizer
from bot.store import Store, open_store
from bot.store.cohort import Period
from tests.fakes import ScriptedChatModel

EVER = Period(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC) - timedelta(99))
SAID = json.dumps({"issue": "A late parcel.", "summary": "Order 4711 is late."})
INVENTED = json.dumps({"issue": "A late parcel.", "summary": "Order 4712 is late."})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


async def told(store: Store, texts: list[str]) -> list[str]:
    ids = []
    for text in texts:
        talk = await store.log.start(channel="slack")
        await store.log.note(talk.id, text)
        ids.append(talk.id)
    return ids


async def summaries(store: Store) -> dict[str, str]:
    now = datetime.now(UTC)
    found = await entries(store, EVER, now)
    return {one.started.id: one.digest["summary"]["text"] for one in found}


async def worded(store: Store, model: ScriptedChatModel) -> list[int]:
    done: list[int] = []
    summarizer = Summarizer(model)
    some = await stale(store, EVER, summarizer.name)
    await ProseDigests(summarizer, 2)(store, some, done.append)
    return done


async def test_a_model_words_what_was_said_and_invents_nothing(store: Store) -> None:
    texts = ["Where is order 4711?", "And where is order 4711 today?"]
    first, second = await told(store, texts)
    assert await worded(store, ScriptedChatModel(replies=[SAID, INVENTED])) == [1, 1]
    found = await summaries(store)
    assert sorted(found[one] == "Order 4711 is late." for one in (first, second)) == [False, True]
    (rules,) = (text for text in found.values() if text != "Order 4711 is late.")
    assert rules.startswith("The customer asked “")


async def test_they_are_kept_with_and_without_words(store: Store) -> None:
    await told(store, ["Where is order 4711?"])
    await make_digests(store, await stale(store, EVER), lambda _: None)
    assert await worded(store, ScriptedChatModel(replies=[SAID])) == [1]
    assert await stale(store, EVER) == [], "what a model worded serves where none is asked for"
    assert await worded(store, ScriptedChatModel(replies=[])) == []


async def test_a_model_that_fails_leaves_the_rules_words(store: Store) -> None:
    await told(store, ["Where is order 4711?"])

    class Fails(ScriptedChatModel):
        def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
            raise ModelError("the queue is full")

    await worded(store, Fails(replies=[]))
    (summary,) = (await summaries(store)).values()
    assert summary.startswith("The customer asked “Where is order 4711?”.")
