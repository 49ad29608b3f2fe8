"""Suggestions and translations: the bot at the agent's side."""

from __future__ import annotations

import asyncio

import pytest
from textual.widgets import Static

from bot.conversation import Conversation, Reply, ReplyStatus, Tag
from bot.errors import CannotTranslate
from bot.skills.topics import Topic, Topics
from bot.store import Store
from tests.tui.driving import notices, until
from tests.tui.fake_desk import CALM
from tests.tui.inbox_driving import (
    PAGE,
    SAID,
    FakeAide,
    called,
    home,
    inbox,
    opened,
    prompted,
    rows,
    said,
    taken,
)
from tests.tui.test_case import NASTY
from tui.screens.canned import CannedReplies
from tui.widgets.customer_message import CustomerMessage


@pytest.fixture
async def talk(store: Store) -> Conversation:
    return await called(store, "How long can shoes be returned?")


async def sent(store: Store, talk: Conversation) -> tuple[str, tuple[object, ...]]:
    *_, last = await store.log.messages(talk.id)
    return last.text, last.citations


async def test_a_suggestion_is_edited_and_sent_with_its_sources(
    store: Store, talk: Conversation
) -> None:
    aide = FakeAide()
    async with inbox(store, aide=aide) as pilot:
        await taken(pilot, talk)
        assert aide.opened == 0
        home(pilot).prompt.write("Hi Anna,")
        await pilot.press("f8")
        await until(pilot, lambda: prompted(pilot) == f"Hi Anna,\n\n{SAID}")
        assert len(rows(pilot)) == 2, "nothing is sent by itself"
        await pilot.press("enter")
        await until(pilot, lambda: len(rows(pilot)) == 3)
        assert await sent(store, talk) == (f"Hi Anna,\n\n{SAID}", (PAGE,))
        await pilot.press("up")
        assert prompted(pilot) == f"Hi Anna,\n\n{SAID}"
    assert (aide.opened, aide.closed) == (1, 1)


async def test_undo_gives_back_what_was_written(store: Store, talk: Conversation) -> None:
    async with inbox(store, aide=FakeAide()) as pilot:
        await opened(pilot, talk)
        await pilot.press(*"Hi")
        await pilot.press("f8")
        await until(pilot, lambda: SAID in prompted(pilot))
        await pilot.press("ctrl+z")
        assert prompted(pilot) == "Hi"


async def test_an_answer_that_rests_on_nothing_cites_nothing(
    store: Store, talk: Conversation
) -> None:
    async with inbox(store, aide=FakeAide()) as pilot:
        await taken(pilot, talk)
        await pilot.press("f8")
        await until(pilot, lambda: prompted(pilot) == SAID)
        home(pilot).prompt.write("I shall ask.")
        await pilot.press("enter")
        await until(pilot, lambda: len(rows(pilot)) == 3)
        assert await sent(store, talk) == ("I shall ask.", ())


async def test_loading_is_seen_and_escape_ends_the_wait(store: Store, talk: Conversation) -> None:
    aide = FakeAide(opening=asyncio.Event())
    async with inbox(store, aide=aide) as pilot:
        await opened(pilot, talk)
        await pilot.press("f8")
        stage = home(pilot).query_one("#stage", Static)
        await until(pilot, lambda: stage.display and "loading the bot" in said(pilot, "#stage"))
        await pilot.press(*"still here")
        await pilot.press("f8")
        assert "The bot is at work; esc stops it." in notices(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: not stage.display)
        assert home(pilot).prompt.has_focus
        assert prompted(pilot) == "still here"
        assert aide.opening is not None
        aide.opening.set()
        await pilot.press("f8")
        await until(pilot, lambda: SAID in prompted(pilot))
    assert (aide.opened, aide.closed) == (1, 1)


async def test_leaving_while_it_loads(store: Store, talk: Conversation) -> None:
    aide = FakeAide(opening=asyncio.Event())
    async with inbox(store, aide=aide) as pilot:
        await opened(pilot, talk)
        await pilot.press("f8")
        await until(pilot, lambda: "loading" in said(pilot, "#stage"))
    assert aide.opened == aide.closed == 0


async def test_a_suggestion_for_a_conversation_that_was_left_waits_there(
    store: Store, talk: Conversation
) -> None:
    other = await called(store, "Something else")
    aide = FakeAide(writing=asyncio.Event())
    async with inbox(store, aide=aide) as pilot:
        await opened(pilot, talk)
        home(pilot).prompt.write("Hi Anna,")
        await pilot.press("f8")
        await until(pilot, lambda: bool(aide.asked))
        await opened(pilot, other)
        assert prompted(pilot) == ""
        assert aide.writing
        aide.writing.set()
        await until(pilot, lambda: not home(pilot).talk.is_asking)
        assert prompted(pilot) == ""
        await opened(pilot, talk)
        assert prompted(pilot) == f"Hi Anna,\n\n{SAID}"


@pytest.mark.parametrize(
    ("aide", "told"),
    [
        (FakeAide(reply=None), "The help pages have no answer to that."),
        (FakeAide(error=CannotTranslate("[kefu-small]")), "[kefu-small]"),
        (FakeAide(error=ValueError("odd")), "The bot failed: ValueError('odd')"),
        (None, "there is no bot here to ask"),
    ],
)
async def test_what_comes_to_nothing_is_one_line(
    store: Store, talk: Conversation, aide: FakeAide | None, told: str
) -> None:
    async with inbox(store, aide=aide) as pilot:
        await opened(pilot, talk)
        home(pilot).prompt.write("Hi Anna,")
        await pilot.press("f8")
        await until(pilot, lambda: told in notices(pilot))
        assert prompted(pilot) == "Hi Anna,"


async def test_what_the_bot_says_is_no_markup_and_obeys_nobody(
    store: Store, talk: Conversation
) -> None:
    aide = FakeAide(reply=Reply(NASTY, ReplyStatus.ANSWERED, "en"))
    async with inbox(store, aide=aide) as pilot:
        await opened(pilot, talk)
        await pilot.press("f8")
        await until(pilot, lambda: prompted(pilot) == "[bold]not markup[/] [31mred </message>")


# --- translation


async def german(store: Store, text: str = "Wo ist [mein] Paket?") -> Conversation:
    talk = await store.log.start(channel="slack", customer="anna")
    message = await store.log.note(talk.id, text)
    await store.log.tag(message.id, Tag("de", CALM))
    return talk


async def test_a_message_in_the_agents_language(store: Store) -> None:
    talk = await german(store)
    aide = FakeAide(translation="Where is [my] parcel?\x1b[2J")
    async with inbox(store, aide=aide) as pilot:
        await opened(pilot, talk)
        await pilot.press("ctrl+t")
        row = home(pilot).query(CustomerMessage).last()
        await until(pilot, lambda: "⇄ Where is [my] parcel?[2J" in str(row.content))
        assert aide.asked == [("en", "Wo ist [mein] Paket?")]
        await store.log.note(talk.id, "Hallo?")
        await until(pilot, lambda: len(rows(pilot)) == 2)
        row = home(pilot).query(CustomerMessage).first()
        assert "⇄ Where is [my] parcel?" in str(row.content)
        assert len(await store.log.messages(talk.id)) == 2, "it is not said"
    async with inbox(store) as pilot:
        await opened(pilot, talk)
        row = home(pilot).query(CustomerMessage).first()
        assert "⇄ Where is [my] parcel?" in str(row.content), "nobody asks for it again"


async def test_the_message_before_the_selected_answer(store: Store) -> None:
    talk = await german(store)
    for text in ("Eins.", "Zwei."):
        await store.log.record(talk.id, Reply(text, ReplyStatus.ANSWERED, "de"))
        await store.log.note(talk.id, f"Danke für {text}")
    aide = FakeAide()
    async with inbox(store, aide=aide) as pilot:
        await opened(pilot, talk)
        home(pilot).talk.transcript.focus()
        await pilot.press("up", "ctrl+t")
        await until(pilot, lambda: aide.asked == [("en", "Wo ist [mein] Paket?")])


async def test_an_answer_in_the_customers_language_and_back(store: Store) -> None:
    talk = await german(store)
    aide = FakeAide(translation=f"Hallo! {SAID}")
    async with inbox(store, aide=aide) as pilot:
        await taken(pilot, talk)
        await pilot.press("f8")
        await until(pilot, lambda: prompted(pilot) == SAID)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: prompted(pilot) == f"Hallo! {SAID}")
        assert aide.asked[-1] == ("de", SAID)
        await pilot.press("ctrl+g")
        assert prompted(pilot) == SAID
        await pilot.press("ctrl+g")
        await until(pilot, lambda: prompted(pilot) == f"Hallo! {SAID}")
        await pilot.press("enter")
        await until(pilot, lambda: len(rows(pilot)) == 2)
        assert await sent(store, talk) == (f"Hallo! {SAID}", (PAGE,))
        answer = home(pilot).talk.transcript.answers[-1]
        assert f"⇄ {SAID}" in str(answer.query_one(".footer", Static).content)
        await pilot.press("up")
        assert prompted(pilot) == f"Hallo! {SAID}"
        await pilot.press("up")
        assert prompted(pilot) == SAID, "what it was translated from"


async def test_there_is_nothing_to_translate(store: Store) -> None:
    talk = await store.log.start(channel="slack")
    async with inbox(store, aide=FakeAide(), language="de") as pilot:
        await home(pilot).show(talk.id)
        await pilot.press("ctrl+t", "ctrl+g")
        await until(pilot, lambda: len(notices(pilot)) == 2)
        assert notices(pilot) == [
            "There is nothing of the customer's to translate.",
            "Write an answer first.",
        ]
        await opened(pilot, await german(store))
        await pilot.press(*"Ja", "ctrl+g", "ctrl+t")
        await until(pilot, lambda: len(notices(pilot)) == 4)
        assert notices(pilot)[2:] == [
            "The customer writes your language (de).",
            "It is in your language (de) already.",
        ]


# --- ready replies


async def test_the_reply_of_a_topic_is_put_into_the_prompt(store: Store) -> None:
    talk = await german(store)
    topics = Topics(
        [
            Topic("legal", ("lawyer",)),
            Topic("recall", ("X-100",), {"en": "Unplug it.", "de": "[b]Stecker[/] ziehen."}),
            Topic("hours", ("open",), {"en": "We open at nine."}),
        ]
    )
    async with inbox(store, topics=topics) as pilot:
        await opened(pilot, talk)
        await pilot.press(*"Hi", "f9")
        await until(pilot, lambda: isinstance(pilot.app.screen, CannedReplies))
        screen = pilot.app.screen
        assert isinstance(screen, CannedReplies)
        assert screen._fitting == [
            ("recall", "[b]Stecker[/] ziehen."),
            ("hours", "We open at nine."),
        ]
        await pilot.press(*"stecker")
        await until(pilot, lambda: len(screen._fitting) == 1)
        await pilot.press("enter")
        await until(pilot, lambda: prompted(pilot) == "Hi\n\n[b]Stecker[/] ziehen.")


async def test_without_topics_that_is_said(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        await opened(pilot, talk)
        await pilot.press("f9")
        await until(pilot, lambda: "No topic in kefu.toml has a reply." in notices(pilot))
