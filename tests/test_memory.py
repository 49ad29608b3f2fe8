from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from langchain_core.outputs import ChatResult

from bot.assistant import Assistant
from bot.conversation import Conversation, Message, Reply, ReplyStatus, Role
from bot.digest.facts import Kind
from bot.errors import ModelError
from bot.memory import AT_ONCE, LONGEST, SUMMARY, Memory, Remembered, fold
from bot.skills.grounding import Grounding
from bot.skills.summary import Summarizer
from bot.store import Store, open_store
from bot.store.log import edit
from bot.store.memories import StoredMemory
from knowledge.index import Knowledge
from knowledge.terms import content_terms
from tests.fakes import CalmTagger, ScriptedChatModel
from tests.knowledge.fakes import HashEncoder

ANSWER = "Shoes can be returned within 60 days of delivery."


class SmallModel(ScriptedChatModel):
    context: int = 700


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


@pytest.fixture
async def talk(store: Store) -> Conversation:
    return await store.log.start(channel="slack", customer="anna")


async def said(store: Store, talk: Conversation, turns: int, first: int = 0) -> list[Message]:
    for number in range(first, first + turns):
        await store.log.note(talk.id, f"Where is my order LL{10_000_000 + number}?")
        await store.log.record(talk.id, Reply("On its way.", ReplyStatus.ANSWERED, "en"))
    return await store.log.messages(talk.id)


def message(role: Role, text: str, number: int) -> Message:
    return Message(f"{number:04}", "talk", role, text, datetime(2026, 5, 1, tzinfo=UTC))


async def answering(
    store: Store, folder: Path, model: ScriptedChatModel, memory: Memory
) -> Assistant:
    (folder / "returns.md").write_text(f"# Returns\n\n{ANSWER}\n")
    encoder = HashEncoder()
    knowledge = Knowledge(store.passages, encoder)
    await knowledge.add([folder / "returns.md"])
    return Assistant(
        model,
        log=store.log,
        knowledge=knowledge,
        tagger=CalmTagger(),
        grounding=Grounding(encoder, content_terms),
        business="Lamps",
        max_tokens=100,
        memory=memory,
    )


def test_every_fact_of_two_hundred_turns_is_kept() -> None:
    lines = [f"And what of order LL{20_000_000 + n}, from {n % 28 + 1} March?" for n in range(200)]
    lines[3] = "My name is Ada Byron, and I have already tried the other door."
    remembered = Remembered()
    for start in range(0, 200, 7):
        part = [
            one
            for n in range(start, min(200, start + 7))
            for one in (
                message(Role.CUSTOMER, lines[n], 2 * n),
                message(Role.AGENT, f"I will call you back at {n} past noon.", 2 * n + 1),
            )
        ]
        remembered = fold(remembered, part, begins=f"{2 * start + 14:04}")
    kept = {kind: {f.text for f in remembered.facts if f.kind is kind} for kind in Kind}
    assert kept[Kind.ORDER] == {f"LL{20_000_000 + n}" for n in range(200) if n != 3}
    assert kept[Kind.NAME] == {"Ada Byron"}
    assert len(kept[Kind.PROMISE]) == 200
    assert len(kept[Kind.DATE]) == 28
    assert kept[Kind.TRIED] == {lines[3]}
    shown = remembered.text()
    assert shown.startswith("name: Ada Byron\norder: LL20000199\n")
    assert len(shown) <= LONGEST


async def test_what_is_folded_in_parts_is_what_is_folded_at_once(
    store: Store, talk: Conversation
) -> None:
    messages = await said(store, talk, AT_ONCE)
    memory = Memory(store.memories, store.digests)
    assert await memory.recall(talk.id) is None
    for at in (10, 300):
        await memory.fold(talk.id, messages[at].id)
    remembered = await memory.recall(talk.id)
    assert remembered == fold(Remembered(), messages[:300], messages[300].id)
    assert remembered.questions == 150


async def test_what_was_edited_is_remembered_no_more(store: Store, talk: Conversation) -> None:
    messages = await said(store, talk, 5)
    memory = Memory(store.memories, store.digests)
    await memory.fold(talk.id, messages[6].id)
    async with store.database.writing() as session:
        await edit(session, messages[0].id, "Never mind.")
    assert await memory.recall(talk.id) is None
    await memory.fold(talk.id, messages[6].id)
    remembered = await memory.recall(talk.id)
    assert remembered
    assert "LL10000000" not in remembered.text()
    assert "LL10000001" in remembered.text()


async def test_what_was_erased_while_it_was_folded_does_not_come_back(
    store: Store, talk: Conversation
) -> None:
    messages = await said(store, talk, 5)
    part = await store.memories.to_fold(talk.id, None, messages[6].id, 100)
    await store.log.clear(talk.id)
    kept = StoredMemory(messages[6].id, "{}")
    assert not await store.memories.keep(talk.id, kept, part.revision, "")
    assert await store.memories.of(talk.id) is None
    await Memory(store.memories, store.digests).fold(talk.id, messages[6].id)
    assert await store.memories.of(talk.id) is None


async def test_a_person_corrects_it(store: Store, talk: Conversation) -> None:
    messages = await said(store, talk, 5)
    memory = Memory(store.memories, store.digests)
    await store.digests.edit(talk.id, SUMMARY, "Anna waits for five parcels.", "ben")
    await memory.fold(talk.id, messages[6].id)
    remembered = await memory.recall(talk.id)
    assert remembered
    lines = remembered.text().splitlines()
    assert "Anna waits for five parcels." in lines
    assert "order: LL10000002" in lines
    assert lines[-1].startswith("asked (3): "), "and what was asked since"


async def test_a_correction_is_remembered_where_nothing_is_folded_yet(
    store: Store, talk: Conversation
) -> None:
    await said(store, talk, 1)
    await store.digests.edit(talk.id, SUMMARY, "Anna is a friend.", "ben")
    remembered = await Memory(store.memories, store.digests).recall(talk.id)
    assert remembered == Remembered(prose="Anna is a friend.")


async def test_a_model_that_fails_costs_no_fact(store: Store, talk: Conversation) -> None:
    messages = await said(store, talk, 5)

    class Fails(ScriptedChatModel):
        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            raise ModelError("the queue is full")

    memory = Memory(store.memories, store.digests, Summarizer(Fails(replies=[])))
    await memory.fold(talk.id, messages[6].id)
    remembered = await memory.recall(talk.id)
    assert remembered
    assert "order: LL10000002" in remembered.text()


async def test_folds_of_one_conversation_do_not_overtake_each_other(
    store: Store, talk: Conversation
) -> None:
    messages = await said(store, talk, 20)
    memory = Memory(store.memories, store.digests)
    for at in (10, 20, 30):
        memory.fold_later(talk.id, messages[at].id)
    await memory.settle()
    remembered = await memory.recall(talk.id)
    assert remembered == fold(Remembered(), messages[:30], messages[30].id)
    kept = StoredMemory(messages[4].id, "{}")
    assert not await store.memories.keep(talk.id, kept, 0, ""), "another folded further"


def test_no_kind_of_fact_pushes_out_another() -> None:
    codes = " ".join(f"A{n:06}" for n in range(150))
    said = [
        message(Role.CUSTOMER, f"I have already tried the lamp. {codes}", 0),
        message(Role.AGENT, "I will send you a new lamp by 3 May.", 1),
    ]
    shown = fold(Remembered(), said, "0002").text()
    assert "promise: I will send you a new lamp by 3 May." in shown
    assert "tried: I have already tried the lamp." in shown


async def test_what_is_too_far_back_to_be_looked_at_is_remembered(
    store: Store, talk: Conversation, tmp_path: Path
) -> None:
    await store.log.note(talk.id, "My name is Ada, order LL99999999.")
    for number in range(160):
        await store.log.note(talk.id, f"{number}?")
        await store.log.record(talk.id, Reply("Yes.", ReplyStatus.ANSWERED, "en"))
    memory = Memory(store.memories, store.digests)
    assistant = await answering(store, tmp_path, ScriptedChatModel(replies=[ANSWER] * 2), memory)
    async for _ in assistant.reply(talk, "How long can shoes be returned?"):
        pass
    await memory.settle()
    remembered = await memory.recall(talk.id)
    assert remembered
    assert remembered.text().startswith("name: Ada\norder: LL99999999")


async def test_a_model_that_reads_words_it(store: Store, talk: Conversation) -> None:
    messages = await said(store, talk, 5)
    words = '{"issue": "Parcels.", "summary": "Anna asked for order LL10000001."}'
    invents = '{"issue": "Parcels.", "summary": "Order 999 is lost."}'
    model = ScriptedChatModel(replies=[words, invents])
    memory = Memory(store.memories, store.digests, Summarizer(model))
    await memory.fold(talk.id, messages[4].id)
    await memory.fold(talk.id, messages[8].id)
    remembered = await memory.recall(talk.id)
    assert remembered
    assert remembered.prose == "Anna asked for order LL10000001.", "what nobody said is left out"


async def test_a_conversation_that_outgrows_the_window_is_remembered(
    store: Store, talk: Conversation, tmp_path: Path
) -> None:
    model = SmallModel(replies=[ANSWER] * 60)
    memory = Memory(store.memories, store.digests)
    assistant = await answering(store, tmp_path, model, memory)
    for number in range(12):
        text = f"How long can shoes be returned, LL{10_000_000 + number}?"
        async for _ in assistant.reply(talk, text):
            pass
        await memory.settle()
    systems = [str(prompt[0].content) for prompt in model.asked]
    changes = sum(one != other for one, other in pairwise(systems))
    assert "LL10000000" in systems[-1]
    assert 1 <= changes <= 6, "the front of the prompt changes only when turns are folded in"
    remembered = await memory.recall(talk.id)
    assert remembered
    shown = "\n".join(str(one.content) for prompt in model.asked[-1:] for one in prompt)
    assert all(f"LL{10_000_000 + number}" in shown for number in range(12))


async def test_closing_leaves_what_is_folded(store: Store, talk: Conversation) -> None:
    messages = await said(store, talk, 3)
    memory = Memory(store.memories, store.digests)
    memory.fold_later(talk.id, messages[4].id)
    memory.fold_later("missing", "missing")
    await memory.close()
    await memory.fold(talk.id, messages[4].id)
    assert await memory.recall(talk.id)
