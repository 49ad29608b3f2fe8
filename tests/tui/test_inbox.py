"""The inbox over a real store; two agents at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from textual.widgets import OptionList, Static

from bot.agent_desk import AgentDesk
from bot.conversation import (
    Conversation,
    ConversationState,
    Reply,
    ReplyStatus,
    Role,
    Sentiment,
    SentimentLabel,
    Tag,
)
from bot.delivery import Incoming, Place, Post, Posting
from bot.errors import StoreError
from bot.store import Store
from bot.store.schema import ConversationRow
from tests.tui.driving import notices, until
from tests.tui.inbox_driving import (
    called,
    home,
    inbox,
    listed,
    opened,
    prompted,
    rows,
    said,
    taken,
)
from tui.screens.help import Help
from tui.screens.search import Search
from tui.widgets.agenda_list import AgendaList
from tui.widgets.customer_message import CustomerMessage

CROSS = Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9)


@pytest.fixture
async def talk(store: Store) -> Conversation:
    """Of an unhappy customer in Slack, who waits for a person; beside one who does not."""
    await store.log.start(channel="slack", customer="T1/U2", title="A calm one")
    place = Place("slack", "T1/C1/1800000000.000001")
    await store.inbox.take_in(Incoming(place, "1", "1", "T1/U1", "Where is my [red]parcel[/]?"))
    (lease,) = await store.inbox.lease("slack", limit=1, seconds=60)
    message = await store.inbox.note(lease)
    await store.log.tag(message.id, Tag("en", CROSS))
    said = Reply("A person is called.", ReplyStatus.HANDED_OFF, "en")
    await store.inbox.record(lease, said, ConversationState.HANDED_OFF)
    return await store.log.conversation(message.conversation)


async def test_who_waits_for_a_person_comes_first(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        assert home(pilot).query_one(AgendaList).region.width > 25
        first, second = listed(pilot)
        assert "Where is my [red]parcel[/]?" in first
        assert "→ waits <1m" in first
        assert "A calm one" in second
        assert "1 waits" in said(pilot, "#subject")
        assert "ben" in said(pilot, "#engine")


@pytest.mark.parametrize("moved", [False, True])
async def test_enter_opens_who_waits_now_unless_another_was_chosen(
    store: Store, talk: Conversation, moved: bool
) -> None:
    async with inbox(store) as pilot:
        assert "Where is my [red]parcel[/]?" in listed(pilot)[0]
        if moved:
            await pilot.press("down", "up")
        earlier = await store.log.start(channel="slack", customer="T1/U9", title="Waits longer")
        await store.log.set_state(earlier.id, ConversationState.HANDED_OFF)
        async with store.database.writing() as session:
            long_ago = talk.created_at - timedelta(hours=1)
            change = update(ConversationRow).where(ConversationRow.id == earlier.id)
            await session.execute(change.values(updated_at=long_ago, created_at=long_ago))
        await until(pilot, lambda: "Waits longer" in listed(pilot)[0])
        await pilot.press("enter")
        wanted = talk.id if moved else earlier.id
        await until(pilot, lambda: home(pilot).talk.is_showing(wanted))


async def test_take_over_answer_and_hand_back(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: home(pilot).prompt.has_focus)
        assert rows(pilot) == ["Where is my [red]parcel[/]?", "A person is called."]
        assert "T1/U1 in slack · waits for a person · mood ▂" in said(pilot, "#about")
        await pilot.press(*"too early", "enter")
        await until(pilot, lambda: "Take it over first (F5)." in notices(pilot))
        assert len(rows(pilot)) == 2, "not without taking it over"
        await pilot.press("f5")
        await until(pilot, lambda: "ben has it" in said(pilot, "#about"))
        await pilot.press("enter")
        await until(pilot, lambda: rows(pilot)[-1:] == ["too early"])
        leased = await store.outbox.lease("slack", limit=9, seconds=60)
        (posted,) = [one for one in leased if one.kind is Post.REPLY]
        assert (posted.message.text, posted.message.role) == ("too early", Role.AGENT)
        await pilot.press("f6")
        await until(pilot, lambda: "the bot answers" in said(pilot, "#about"))
        found = await store.log.conversation(talk.id)
        assert (found.state, found.agent) == (ConversationState.OPEN, "")
        await pilot.press("f7")
        await until(pilot, lambda: len(listed(pilot)) == 1)


async def test_two_agents_see_each_others_claims(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        await opened(pilot, talk)
        await AgentDesk(store, "cleo", "Lamps").take_over(talk.id)
        await until(pilot, lambda: "cleo has it" in said(pilot, "#about"))
        await until(pilot, lambda: any("cleo has it" in row for row in listed(pilot)))
        await pilot.press("f5", "f6", "f7")
        refused = "cleo has this conversation; ask them to hand it back"
        await until(pilot, lambda: sum(refused in one for one in notices(pilot)) == 3)
        await pilot.press(*"Hi", "enter")
        await until(pilot, lambda: "cleo has it: ask them to hand it back." in notices(pilot))
        assert prompted(pilot) == "Hi"
        found = await store.log.conversation(talk.id)
        assert (found.state, found.agent) == (ConversationState.HANDED_OFF, "cleo")


async def test_what_the_customer_writes_meanwhile_is_seen(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        await opened(pilot, talk)
        await store.log.note(talk.id, "Hello?")
        await until(pilot, lambda: rows(pilot)[-1:] == ["Hello?"])
        row = home(pilot).query(CustomerMessage).last()
        assert "T1/U1" in str(row.content)


async def test_a_takeover_withdraws_what_the_bot_had_not_sent(
    store: Store, talk: Conversation
) -> None:
    async with inbox(store) as pilot:
        await pilot.press("f5")
        await until(pilot, lambda: "ben has it" in said(pilot, "#about"))
    assert (await store.outbox.count("slack"))[Posting.WITHDRAWN] == 1


async def test_search_and_help(store: Store, talk: Conversation) -> None:
    async with inbox(store) as pilot:
        await pilot.press("ctrl+f")
        await until(pilot, lambda: isinstance(pilot.app.screen, Search))
        await pilot.press(*"parcel")
        hits = pilot.app.screen.query_one("#hits", OptionList)
        await until(pilot, lambda: hits.option_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: len(rows(pilot)) == 2)
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, Help))
        told = [str(static.content) for static in pilot.app.screen.query(Static)]
        assert "inbox.suggest" in told
        assert "inbox.take" in told
        assert "chat.new" not in told


async def test_drafts_are_kept_from_conversation_to_conversation(
    store: Store, talk: Conversation
) -> None:
    other = await called(store, "Another", "T1/U3")
    async with inbox(store) as pilot:
        await taken(pilot, talk)
        await pilot.press(*"first")
        await opened(pilot, other)
        assert prompted(pilot) == ""
        await pilot.press(*"second")
        await opened(pilot, talk)
        assert prompted(pilot) == "first"
        await pilot.press("f7")
        await until(pilot, lambda: "closed" in said(pilot, "#about"))
        assert prompted(pilot) == "first", "a draft outlives the end of the conversation"
        await opened(pilot, other)
        assert prompted(pilot) == "second"
        await opened(pilot, talk)
        assert prompted(pilot) == "first"


async def test_what_was_not_stored_stays_in_the_prompt(
    store: Store, talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with inbox(store) as pilot:
        await taken(pilot, talk)
        monkeypatch.setattr(store.outbox, "post", failing)
        await pilot.press(*"Hi", "enter")
        await until(pilot, lambda: "the [disk] is full" in notices(pilot))
        assert prompted(pilot) == "Hi"


async def test_a_store_that_fails_is_told_and_the_inbox_goes_on(
    store: Store, talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with inbox(store) as pilot:
        await opened(pilot, talk)
        with monkeypatch.context() as broken:
            broken.setattr(store.agenda, "items", failing)
            broken.setattr(store.notes, "of", failing)
            for _ in range(3):
                await home(pilot)._refresh()
            await until(pilot, lambda: notices(pilot).count("the [disk] is full") == 1)
        await store.log.note(talk.id, "Hello?")
        await until(pilot, lambda: rows(pilot)[-1:] == ["Hello?"])


async def failing(*_: object, **__: object) -> None:
    raise StoreError("the [disk] is full")


async def test_without_conversations(store: Store) -> None:
    async with inbox(store) as pilot:
        assert "nobody waits" in said(pilot, "#subject")
        for key in ("enter", "down", "f4", "f5", "f6", "f7", "f8", "f9", "ctrl+t", "ctrl+g"):
            await pilot.press(key)
        await pilot.press("ctrl+tab")
        home(pilot).prompt.focus()
        await pilot.press(*"Hi", "enter")
        await until(pilot, lambda: notices(pilot).count("Open a conversation first.") == 9)
        assert prompted(pilot) == "Hi"


async def test_long_messages_and_control_characters(store: Store) -> None:
    talk = await called(store, "[b]\x1b[2J\u202e" + "word " * 8_000, "[i]\x07" + "x" * 500)
    await store.notes.add(talk.id, "[u]\x1b", "\x9b31m")
    async with inbox(store, size=(80, 24)) as pilot:
        await opened(pilot, talk)
        for text in (listed(pilot)[0], said(pilot, "#about"), said(pilot, "#digest")):
            assert not set(text) & {"\x1b", "\x07", "\u202e", "\x9b"}
        assert "[b] [2Jword word" in listed(pilot)[0]


# --- being told


async def test_who_newly_waits_is_told_once_with_the_bell(
    store: Store, talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with inbox(store) as pilot:
        rung: list[bool] = []
        monkeypatch.setattr(pilot.app, "bell", lambda: rung.append(True))
        assert notices(pilot) == ["1 conversation waits for a person"]
        await called(store, "My [lamp] broke", "T1/U7")
        told = "T1/U7 in slack: asked for a person"
        await until(pilot, lambda: told in notices(pilot))
        (notice,) = [one for one in pilot.app._notifications if one.message == told]
        assert notice.title == "→ My [lamp] broke"
        await home(pilot)._refresh()
        assert (len(notices(pilot)), rung) == (2, [True])


async def test_many_at_once_are_summed_up_and_the_bell_can_be_off(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with inbox(store, bell=False) as pilot:
        rung: list[bool] = []
        monkeypatch.setattr(pilot.app, "bell", lambda: rung.append(True))
        assert notices(pilot) == []
        for number in range(5):
            await store.log.start(channel="slack", title=f"Number {number}")
        async with store.database.writing() as session:
            at_once = update(ConversationRow).values(state=ConversationState.HANDED_OFF)
            await session.execute(at_once)
        await until(pilot, lambda: "Newly: 5 conversations wait for a person" in notices(pilot))
        assert rung == []


async def test_how_long_they_wait_is_seen(store: Store) -> None:
    talk = await called(store, "Hello")
    later: datetime = talk.updated_at + timedelta(hours=3, minutes=20)
    await store.log.note(talk.id, "Hello?")
    async with inbox(store, clock=later) as pilot:
        assert "→ waits 3h 20m" in listed(pilot)[0]
