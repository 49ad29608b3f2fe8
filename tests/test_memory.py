from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from bot.assistant import Assistant
from bot.conversation import Conversation, Message, Reply, ReplyStatus, Role
from bot.digest.facts import Kind
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
    assert not await store.memories.keep(talk.id, kept, part.revision)
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
    assert remembered.text().endswith("\nAnna waits for five parcels.")
    assert "order: LL10000002" in remembered.text()


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
    (tmp_path / "returns.md").write_text(f"# Returns\n\n{ANSWER}\n")
    encoder = HashEncoder()
    knowledge = Knowledge(store.passages, encoder)
    await knowledge.add([tmp_path / "returns.md"])
    model = SmallModel(replies=[ANSWER] * 60)
    memory = Memory(store.memories, store.digests)
    assistant = Assistant(
        model,
        log=store.log,
        knowledge=knowledge,
        tagger=CalmTagger(),
        grounding=Grounding(encoder, content_terms),
        business="Lamps",
        max_tokens=100,
        memory=memory,
    )
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
