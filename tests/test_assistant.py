import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.assistant import Assistant
from bot.conversation import (
    Answered,
    Conversation,
    ConversationState,
    Failed,
    HandedOff,
    LookedUp,
    MessageState,
    Noted,
    ReplyStatus,
    Role,
    Shortened,
    Token,
    TurnEvent,
    Waiting,
)
from bot.errors import ModelError
from bot.hours import BusinessHours
from bot.policy import Policy
from bot.skills import handoff, replies
from bot.skills.grounding import Grounding
from bot.skills.topics import Topic, Topics
from bot.skills.wishes import Head, Wishes
from bot.store import Store, open_store
from knowledge.index import Knowledge
from knowledge.terms import content_terms
from tests.fakes import CalmTagger, ScriptedChatModel
from tests.knowledge.fakes import HashEncoder

PAGE = """# Returns

## How long you have

Shoes can be returned within 60 days of delivery. Most items can be returned within 30 days.

## Costs

Returns by post cost 4.95 euros from Germany.
"""

Make = Callable[..., Assistant]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


@pytest.fixture
async def make(store: Store, tmp_path: Path) -> Make:
    (tmp_path / "returns.md").write_text(PAGE)
    encoder = HashEncoder()
    knowledge = Knowledge(store.passages, encoder)
    await knowledge.add([tmp_path / "returns.md"])

    def make(model: ScriptedChatModel, **more: Any) -> Assistant:
        return Assistant(
            model,
            log=store.log,
            knowledge=knowledge,
            tagger=CalmTagger(),
            grounding=Grounding(encoder, content_terms),
            business="Lamps",
            **more,
        )

    return make


@pytest.fixture
async def conversation(store: Store) -> Conversation:
    return await store.log.start(channel="terminal")


async def turn(assistant: Assistant, place: Conversation, text: str) -> list[TurnEvent]:
    return [event async for event in assistant.reply(place, text)]


def shown(events: list[TurnEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


async def test_a_turn_is_noted_looked_up_answered_and_stored(
    make: Make, store: Store, conversation: Conversation
) -> None:
    model = ScriptedChatModel(replies=["Shoes can be returned within 60 days of delivery."])
    events = await turn(make(model), conversation, "How long can shoes be returned?")
    assert [type(event) for event in events if not isinstance(event, Token)] == [
        Noted,
        LookedUp,
        Answered,
    ]
    asked, answered = await store.log.messages(conversation.id)
    assert asked.role is Role.CUSTOMER
    assert asked.language == "en"
    assert asked.sentiment
    assert answered.text == shown(events) == "Shoes can be returned within 60 days of delivery."
    assert answered.status is ReplyStatus.ANSWERED
    assert [c.source for c in answered.citations if c.cited] == ["returns.md"]
    assert answered.prompt_version
    assert answered.knowledge_version
    assert answered.timing
    assert answered.timing.total_ms >= answered.timing.first_token_ms > 0


async def test_the_place_in_the_queue_is_told(make: Make, conversation: Conversation) -> None:
    model = ScriptedChatModel(
        replies=["Shoes can be returned within 60 days of delivery."], places=(2, 1)
    )
    events = await turn(make(model), conversation, "How long can shoes be returned?")
    assert [event.place for event in events if isinstance(event, Waiting)] == [2, 1]
    assert shown(events) == "Shoes can be returned within 60 days of delivery."


async def test_what_the_window_does_not_hold_is_told(
    make: Make, conversation: Conversation
) -> None:
    model = ScriptedChatModel(replies=["Shoes can be returned within 60 days of delivery."] * 2)
    question = "How long can shoes be returned? "
    first = await turn(make(model), conversation, question)
    assert not any(isinstance(event, Shortened) for event in first)
    events = await turn(make(model), conversation, question * 200)
    assert [event for event in events if isinstance(event, Shortened)] == [
        Shortened(turns=0, passages=0, characters=4_000)
    ]
    assert events.index(Shortened(characters=4_000)) < events.index(
        next(event for event in events if isinstance(event, Token))
    )


async def test_what_was_not_read_is_told_where_nothing_was_found(
    make: Make, conversation: Conversation
) -> None:
    model = ScriptedChatModel(replies=[])
    asked = "Xylophone quartz zebra? " * 200 + "How long can shoes be returned?"
    events = await turn(make(model), conversation, asked)
    assert Shortened(characters=4_000) in events
    assert shown(events) == replies.UNKNOWN["en"]


async def test_a_sentence_that_no_passage_supports_is_never_shown(
    make: Make, conversation: Conversation
) -> None:
    said = "Shoes can be returned within 60 days of delivery. Refunds take 12 hours to Mars."
    events = await turn(
        make(ScriptedChatModel(replies=[said])), conversation, "How long can shoes be returned?"
    )
    assert "60 days" in shown(events)
    assert "Mars" not in shown(events)


@pytest.mark.parametrize("said", ["Shoes can be returned within 90 days of delivery.", "   "])
async def test_an_answer_without_support_becomes_an_admission(
    make: Make, store: Store, conversation: Conversation, said: str
) -> None:
    events = await turn(
        make(ScriptedChatModel(replies=[said])), conversation, "How long can shoes be returned?"
    )
    assert shown(events) == replies.UNKNOWN["en"]
    *_, last = await store.log.messages(conversation.id)
    assert last.status is ReplyStatus.UNKNOWN
    assert not last.citations


async def test_nothing_found_means_unknown_and_the_model_is_not_asked(
    make: Make, conversation: Conversation
) -> None:
    model = ScriptedChatModel(replies=[])
    events = await turn(make(model), conversation, "Quantum chromodynamics?")
    assert shown(events) == replies.UNKNOWN["en"]
    assert model.asked == []


async def test_small_talk_is_not_searched_and_not_left_to_a_model_that_reads(
    make: Make, conversation: Conversation
) -> None:
    model = ScriptedChatModel(replies=["Hello! Every order comes with a free bicycle."])
    events = await turn(make(model), conversation, "Hi there!")
    assert not any(isinstance(event, LookedUp) for event in events)
    assert shown(events) == replies.SMALL_TALK["greeting"]["en"]
    assert model.asked == []


async def test_no_to_an_offer_is_no_question(make: Make, conversation: Conversation) -> None:
    assistant = make(ScriptedChatModel(replies=[]))
    await turn(assistant, conversation, "Quantum chromodynamics?")
    events = await turn(assistant, conversation, "no")
    assert shown(events) == replies.SMALL_TALK["acknowledgement"]["en"]


async def test_another_message_that_came_meanwhile_decides_nothing(
    make: Make, store: Store, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedChatModel(replies=["Shoes can be returned within 60 days of delivery."])
    tag = store.log.tag

    async def tag_late(*given: Any, **named: Any) -> Any:
        await store.log.note(conversation.id, "I want a human now")
        return await tag(*given, **named)

    monkeypatch.setattr(store.log, "tag", tag_late)
    events = await turn(make(model), conversation, "How long can shoes be returned?")
    assert isinstance(events[-1], Answered)


async def test_a_stopped_reply_cites_what_it_said_and_no_more(
    make: Make, store: Store, conversation: Conversation
) -> None:
    for pieces, cited in ((0, []), (8, ["returns.md"])):
        text = "Shoes can be returned within 60 days of delivery. Most items can be returned."
        model = ScriptedChatModel(replies=[text], pause_after=pieces)
        place = await store.log.start(channel="terminal")
        async with aclosing(make(model).reply(place, "How long can shoes be returned?")) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Token) or (isinstance(event, LookedUp) and not pieces):
                    break
        last = (await store.log.messages(place.id))[-1]
        if pieces:
            assert last.state is MessageState.STOPPED
        assert [c.source for c in last.citations if c.cited] == cited


async def test_a_follow_up_is_searched_with_what_it_refers_to(
    make: Make, conversation: Conversation
) -> None:
    model = ScriptedChatModel(
        replies=["Most items can be returned within 30 days."] * 2,
    )
    assistant = make(model)
    await turn(assistant, conversation, "How long can items be returned?")
    events = await turn(assistant, conversation, "and shoes?")
    (found,) = [event for event in events if isinstance(event, LookedUp)]
    assert found.passages[0].source == "returns.md"
    first, second = model.asked
    assert list(second[: len(first)]) == list(first)  # the front stays: the KV cache serves again


async def test_a_person_is_called_and_the_bot_falls_silent(
    make: Make, store: Store, conversation: Conversation
) -> None:
    assistant = make(ScriptedChatModel(replies=[]))
    events = await turn(assistant, conversation, "I want to talk to a human")
    (handed,) = [event for event in events if isinstance(event, HandedOff)]
    assert handed.rule == handoff.ASKED
    assert handed.message
    assert handed.message.text == replies.HANDED_OFF["en"]
    held = await store.log.conversation(conversation.id)
    assert held.state is ConversationState.HANDED_OFF
    silent = await turn(assistant, conversation, "hello?")
    assert next(event for event in silent if isinstance(event, HandedOff)).message is None
    assert len(await store.log.messages(conversation.id)) == 3


@pytest.mark.parametrize(("bias", "rule"), [(1.0, handoff.ASKED), (-1.0, None)])
async def test_a_wish_that_no_pattern_has_is_heard_by_the_head(
    make: Make, store: Store, conversation: Conversation, bias: float, rule: str | None
) -> None:
    head = Head(np.zeros(256, np.float32), bias, threshold=0.0)
    assistant = make(ScriptedChatModel(replies=[]), wishes=Wishes(HashEncoder(), head))
    events = await turn(assistant, conversation, "Gibt es hier auch echte Menschen?")
    handed = [event.rule for event in events if isinstance(event, HandedOff)]
    assert handed == ([rule] if rule else [])
    said = (await store.log.messages(conversation.id))[-1]
    assert (said.status is ReplyStatus.HANDED_OFF) is bool(rule)


async def test_the_reply_is_in_the_customers_language(
    make: Make, conversation: Conversation
) -> None:
    events = await turn(make(ScriptedChatModel(replies=[])), conversation, "量子色动力学是什么？")
    assert shown(events) == replies.UNKNOWN["zh"]


async def test_closing_the_turn_keeps_the_part_so_far(
    make: Make, store: Store, conversation: Conversation
) -> None:
    said = "Shoes can be returned within 60 days of delivery. Most items within 30 days."
    assistant = make(ScriptedChatModel(replies=[said], pause_after=9))
    async with aclosing(assistant.reply(conversation, "How long can shoes be returned?")) as events:
        async for event in events:
            if isinstance(event, Token):
                break
    *_, last = await store.log.messages(conversation.id)
    assert last.state is MessageState.STOPPED
    assert last.text.strip() == "Shoes can be returned within 60 days of delivery."


async def test_cancelling_the_task_keeps_the_part_so_far(
    make: Make, store: Store, conversation: Conversation
) -> None:
    said = "Shoes can be returned within 60 days of delivery. Most items within 30 days."
    assistant = make(ScriptedChatModel(replies=[said], pause_after=9))
    speaking = asyncio.Event()

    async def consume() -> None:
        async for event in assistant.reply(conversation, "How long can shoes be returned?"):
            if isinstance(event, Token):
                speaking.set()

    task = asyncio.create_task(consume())
    await speaking.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    *_, last = await store.log.messages(conversation.id)
    assert last.state is MessageState.STOPPED


async def test_a_model_that_fails_is_one_line_and_loses_nothing(
    make: Make, store: Store, conversation: Conversation
) -> None:
    class Failing(ScriptedChatModel):
        async def _astream(self, *_: object, **__: object):  # type: ignore[no-untyped-def]
            raise ModelError("the engine is out of memory; choose a smaller model")
            yield

    events = await turn(make(Failing(replies=[])), conversation, "How long can shoes be returned?")
    assert isinstance(events[-1], Failed)
    assert "out of memory" in events[-1].error
    first, last = await store.log.messages(conversation.id)
    assert first.text == "How long can shoes be returned?"
    assert last.state is MessageState.FAILED


async def test_nothing_found_twice_calls_a_person(
    make: Make, store: Store, conversation: Conversation
) -> None:
    assistant = make(ScriptedChatModel(replies=[]))
    first = await turn(assistant, conversation, "Do you take bitcoin?")
    assert isinstance(first[-1], Answered)
    second = await turn(assistant, conversation, "Do you take gold?")
    handed = second[-1]
    assert isinstance(handed, HandedOff)
    assert handed.rule == handoff.NOTHING_FOUND
    assert handed.message
    assert handed.message.text == replies.NOTHING_FOUND["en"]
    assert handed.message.status is ReplyStatus.HANDED_OFF
    held = await store.log.conversation(conversation.id)
    assert held.state is ConversationState.HANDED_OFF


TOPICS = Topics(
    [
        Topic("legal", ("lawyer",)),
        Topic("press", ("newspaper",), {"en": "Write to press@lamps.example."}),
        Topic("recall", ("X-100",), {"en": "Unplug it.", "zh": "请拔掉插头。"}, person=False),
    ]
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("My lawyer will call you", replies.POLICY["en"]),
        ("I write for a newspaper", "Write to press@lamps.example."),
    ],
)
async def test_a_topic_for_a_person_alone(
    make: Make, conversation: Conversation, text: str, told: str
) -> None:
    assistant = make(ScriptedChatModel(replies=[]), policy=Policy(TOPICS))
    handed = (await turn(assistant, conversation, text))[-1]
    assert isinstance(handed, HandedOff)
    assert handed.rule.startswith("policy: ")
    assert handed.message
    assert handed.message.text == told


async def test_a_canned_reply_is_said_word_for_word_by_no_model(
    make: Make, conversation: Conversation
) -> None:
    assistant = make(ScriptedChatModel(replies=[]), policy=Policy(TOPICS))
    events = await turn(assistant, conversation, "Is the X-100 safe?")
    assert shown(events) == "Unplug it."
    answered = events[-1]
    assert isinstance(answered, Answered)
    assert (answered.message.rule, answered.message.model) == ("canned: recall", None)
    assert shown(await turn(assistant, conversation, "X-100安全吗？")) == "请拔掉插头。"


async def test_outside_business_hours_the_customer_hears_when(
    make: Make, conversation: Conversation
) -> None:
    hours = BusinessHours.parse("Europe/Berlin", {"mon": "09:00-17:00"})
    assistant = make(
        ScriptedChatModel(replies=[]),
        policy=Policy(hours=hours),
        clock=lambda: datetime(2026, 11, 27, 20, tzinfo=UTC),
    )
    handed = (await turn(assistant, conversation, "I want to talk to a human"))[-1]
    assert isinstance(handed, HandedOff)
    assert handed.message
    assert handed.message.text.endswith("back on Monday, 30 November at 09:00 (CET).")
    german = assistant.farewell(handoff.FAILED, "de")
    assert german.endswith("am Montag, 30.11. um 09:00 Uhr (CET).")
    assert assistant.farewell(handoff.ANGER, "pt").startswith(replies.ANGER["en"])


async def test_a_suggestion_is_recorded_nowhere_and_decides_nothing(
    make: Make, store: Store, conversation: Conversation
) -> None:
    said = "Shoes can be returned within 60 days of delivery."
    assistant = make(ScriptedChatModel(replies=[said]))
    await turn(assistant, conversation, "I want to talk to a person")
    asked = await store.log.note(conversation.id, "How long can shoes be returned?")
    before = await store.log.messages(conversation.id)
    reply = await assistant.suggest(asked)
    assert (reply.text, reply.status, reply.language) == (said, ReplyStatus.ANSWERED, "en")
    assert await store.log.messages(conversation.id) == before
    cited = await assistant.cited(f"Hi Anna! {said}", reply.citations, "en")
    assert [citation.source for citation in cited] == ["returns.md"]
    assert await assistant.cited("I shall ask and come back.", reply.citations, "en") == ()


async def test_a_suggestion_where_nothing_is_found(
    make: Make, store: Store, conversation: Conversation
) -> None:
    assistant = make(ScriptedChatModel(replies=[]))
    for _ in range(3):  # each would have called a person at the second
        asked = await store.log.note(conversation.id, "Quantum chromodynamics?")
        assert (await assistant.suggest(asked)).status is ReplyStatus.UNKNOWN
    assert len(await store.log.messages(conversation.id)) == 3
