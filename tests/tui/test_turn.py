"""Sending, streaming, stopping, failing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import Markdown

from bot.conversation import (
    Conversation,
    ConversationState,
    Message,
    MessageState,
    ReplyStatus,
    Role,
    Shortened,
    TurnEvent,
)
from bot.errors import ModelError, StoreFull
from tests.tui.conftest import AppMaker
from tests.tui.driving import (
    answers,
    app_of,
    ask,
    awake,
    customers,
    footer,
    notices,
    shown,
    until,
    write,
)
from tests.tui.fake_desk import CROSS, RETURNS, FakeDesk, Script
from tui.desk import WITH_PERSON
from tui.widgets import chat
from tui.widgets.banner import Banner


async def test_a_reply_is_shown_with_what_it_took(make_app: AppMaker) -> None:
    desk = FakeDesk(Script(sentiment=CROSS))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await ask(pilot, "How long do I have?")
        assert shown(customers(pilot)[0]) == "You   ▼ negative -0.82\nHow long do I have?"
        assert answers(pilot)[0].query_one(Markdown).source == RETURNS.text
        assert footer(answers(pilot)[0]) == "2 sources · first token 410 ms · 61 tok/s · 968 reused"
        assert app_of(pilot).home.prompt.text == ""
        assert app_of(pilot).home.prompt.has_focus


async def test_tokens_are_shown_as_they_come(make_app: AppMaker) -> None:
    gate = asyncio.Semaphore(3)
    async with make_app(FakeDesk(Script(gate=gate))).run_test() as pilot:
        await awake(pilot)
        await write(pilot, "How long?")
        await until(pilot, lambda: answers(pilot)[0].text == "You can return")
        assert answers(pilot)[0].query_one(Markdown).source == "You can return"
        assert footer(answers(pilot)[0]) == "writing…"


async def test_the_place_in_line_is_shown(make_app: AppMaker) -> None:
    gate = asyncio.Semaphore(0)
    async with make_app(FakeDesk(Script(gate=gate, places=(2, 1)))).run_test() as pilot:
        await awake(pilot)
        await write(pilot, "How long?")
        await until(pilot, lambda: bool(answers(pilot)))
        await until(pilot, lambda: footer(answers(pilot)[0]) == "number 2 in line…")
        gate.release()
        await until(pilot, lambda: footer(answers(pilot)[0]) == "number 1 in line…")
        for _ in range(2):
            gate.release()
        await until(pilot, lambda: footer(answers(pilot)[0]) == "writing…")


async def test_what_the_model_was_not_shown_is_said(make_app: AppMaker) -> None:
    desk = FakeDesk(Script(shortened=Shortened(turns=3, characters=4_000)))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await ask(pilot, "How long?")
        assert "not read: the message beyond 4,000 characters, 3 earlier turns" in footer(
            answers(pilot)[0]
        )


async def test_escape_stops_and_keeps_what_was_written(make_app: AppMaker) -> None:
    gate = asyncio.Semaphore(3)
    desk = FakeDesk(Script(gate=gate))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await write(pilot, "How long?")
        await until(pilot, lambda: answers(pilot)[0].text == "You can return")
        await pilot.press("escape")
        await until(pilot, lambda: app_of(pilot).home.chat.turn is None)
        assert answers(pilot)[0].text == "You can return"
        assert footer(answers(pilot)[0]).startswith("■ stopped")
    (said,) = desk.log.said.values()
    assert (said[-1].text, said[-1].state) == ("You can return", MessageState.STOPPED)


async def test_quitting_stops_the_reply_and_stores_it(make_app: AppMaker) -> None:
    desk = FakeDesk(Script(gate=asyncio.Semaphore(2)))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await write(pilot, "How long?")
        await until(pilot, lambda: answers(pilot)[0].text == "You can")
        await pilot.press("ctrl+q")
    (said,) = desk.log.said.values()
    assert said[-1].state is MessageState.STOPPED


async def test_a_second_message_waits_for_the_first(make_app: AppMaker) -> None:
    async with make_app(FakeDesk(Script(gate=asyncio.Semaphore(1)))).run_test() as pilot:
        await awake(pilot)
        await write(pilot, "first")
        await write(pilot, "second")
        await until(pilot, lambda: "A reply is being written; esc stops it." in notices(pilot))
        assert app_of(pilot).home.prompt.text == "second"


async def test_the_checked_reply_takes_the_place_of_the_streamed_one(make_app: AppMaker) -> None:
    unknown = replace(RETURNS, text="I do not know.", status=ReplyStatus.UNKNOWN, citations=())
    desk = FakeDesk(Script(checked=unknown))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await ask(pilot, "What is the capital of France?")
        assert answers(pilot)[0].query_one(Markdown).source == "I do not know."
        assert footer(answers(pilot)[0]).startswith("◇ not in the help pages")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (Script(error="no such model: [b]x[/b]"), "✗ no such model: [b]x[/b]"),
        (Script(raises=ModelError("the engine was shut down")), "✗ the engine was shut down"),
        (Script(raises=ValueError("[/x]")), "✗ Something went wrong: ValueError('[/x]')"),
    ],
)
async def test_a_failing_turn_says_so_and_keeps_the_question(
    make_app: AppMaker, script: Script, says: str
) -> None:
    async with make_app(FakeDesk(script)).run_test() as pilot:
        await awake(pilot)
        await ask(pilot, "Where is it?")
        assert footer(answers(pilot)[0]) == says
        assert customers(pilot)[0].text == "Where is it?"
        await ask(pilot, "And now?")
        assert footer(answers(pilot)[1]).startswith("2 sources")


async def test_a_question_that_was_never_stored_goes_back_into_the_prompt(
    make_app: AppMaker,
) -> None:
    desk = FakeDesk(Script(before_noted=ModelError("the disk is full")))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await ask(pilot, "Where is it?")
        assert footer(answers(pilot)[0]) == "✗ the disk is full"
        assert app_of(pilot).home.prompt.text == "Where is it?"


def shown_banner(pilot: Pilot[None]) -> bool:
    return app_of(pilot).home.query_one(Banner).display


async def test_a_person_is_called(make_app: AppMaker) -> None:
    desk = FakeDesk(Script(rule="asked_for_person"), Script(rule="held", silent=True))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        assert not shown_banner(pilot)
        await ask(pilot, "Let me talk to somebody")
        assert shown_banner(pilot)
        assert footer(answers(pilot)[0]).startswith("→ a person was called")
        await ask(pilot, "Are you there?")
        assert footer(answers(pilot)[1]) == WITH_PERSON
        await app_of(pilot).home.action_reopen()
        await until(pilot, lambda: not shown_banner(pilot))
    (conversation,) = desk.log.conversations.values()
    assert conversation.state is ConversationState.OPEN


async def test_the_reply_goes_on_while_another_conversation_is_read(make_app: AppMaker) -> None:
    gate = asyncio.Semaphore(3)
    desk = FakeDesk(Script(gate=gate))
    other = await desk.talked(("Earlier", CROSS, RETURNS))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await write(pilot, "How long?")
        await until(pilot, lambda: answers(pilot)[0].text == "You can return")
        asked = app_of(pilot).home.conversation
        assert asked
        await app_of(pilot).home.show(other.id)
        assert [row.text for row in customers(pilot)] == ["Earlier"]
        gate.release()
        turn = app_of(pilot).home.chat.turn
        assert turn
        await app_of(pilot).home.show(asked.id)
        await until(pilot, lambda: answers(pilot)[-1].text == "You can return shoes")
        assert [row.text for row in customers(pilot)] == ["How long?"]
        for _ in range(99):
            gate.release()
        await until(pilot, lambda: app_of(pilot).home.chat.turn is None)
        assert answers(pilot)[-1].text == RETURNS.text
        assert len(answers(pilot)) == 1


async def test_a_question_that_was_never_stored_waits_in_its_own_conversation(
    make_app: AppMaker,
) -> None:
    gate = asyncio.Event()

    desk = FakeDesk(Script(before_noted=StoreFull("the disk is full")))
    first = await desk.talked(("one", CROSS, RETURNS))
    second = await desk.talked(("two", CROSS, RETURNS))
    reply = desk.assistant.reply

    async def late(conversation: Conversation, text: str) -> AsyncIterator[TurnEvent]:
        await gate.wait()
        async for event in reply(conversation, text):
            yield event

    desk.assistant.reply = late  # type: ignore[method-assign]
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        home = app_of(pilot).home
        await home.show(first.id)
        await write(pilot, "where is my order?")
        await until(pilot, lambda: home.chat.turn is not None)
        await home.show(second.id)
        gate.set()
        await until(pilot, lambda: home.chat.turn is None)
        assert home.prompt.text == ""
        await home.show(first.id)
        assert home.prompt.text == "where is my order?"


async def test_what_the_person_writes_is_shown_as_it_comes(
    make_app: AppMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "FOLLOW_SECONDS", 0.02)
    desk = FakeDesk(Script(rule="asked_for_person"), Script(rule="held", silent=True))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await ask(pilot, "Let me talk to somebody")
        (talk,) = desk.log.conversations.values()
        for text in ("Ann here.", "How can I help?"):
            said = Message(desk.log.next_id(), talk.id, Role.AGENT, text, desk.log.now())
            desk.log.said[talk.id].append(said)
            await until(pilot, lambda said=said: answers(pilot)[-1].message == said)  # type: ignore[misc]
        await ask(pilot, "My lamp is broken")
        assert [row.text for row in customers(pilot)][-1] == "My lamp is broken"
        said = Message(desk.log.next_id(), talk.id, Role.AGENT, "Oh dear.", desk.log.now())
        desk.log.said[talk.id].append(said)
        await until(pilot, lambda: answers(pilot)[-1].message == said)
        texts = [
            row.text for row in answers(pilot) if row.message and row.message.role is Role.AGENT
        ]
        assert texts == ["Ann here.", "How can I help?", "Oh dear."]
        await desk.log.set_state(talk.id, ConversationState.OPEN)
        await until(pilot, lambda: not shown_banner(pilot))
