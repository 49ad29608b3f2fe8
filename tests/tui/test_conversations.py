"""The list, and what can be done with a conversation."""

from __future__ import annotations

import pytest
from textual.command import CommandPalette
from textual.widgets import Input, OptionList

from bot.conversation import ConversationState
from bot.errors import StoreError
from tests.tui.conftest import AppMaker
from tests.tui.driving import answers, app_of, ask, awake, customers, notices, until
from tests.tui.fake_desk import CROSS, GLAD, RETURNS, FakeDesk
from tui.screens.confirm import Confirm
from tui.screens.rename import Rename
from tui.screens.search import Search
from tui.widgets.conversation_list import ConversationList
from tui.widgets.welcome import Welcome


def listed(app_list: ConversationList) -> list[str]:
    return [str(option.prompt) for option in app_list.options]


async def desk_with_two() -> FakeDesk:
    desk = FakeDesk()
    await desk.talked(("Where is my [b]parcel[/b]?", CROSS, RETURNS))
    first = next(iter(desk.log.conversations))
    await desk.log.set_state(first, ConversationState.HANDED_OFF)
    await desk.talked(("Thank you!", GLAD, RETURNS))
    return desk


async def test_the_list_tells_who_needs_help(make_app: AppMaker) -> None:
    async with make_app(await desk_with_two()).run_test(size=(120, 36)) as pilot:
        await awake(pilot)
        conversations = app_of(pilot).home.query_one(ConversationList)
        await until(pilot, lambda: conversations.option_count == 2)
        assert listed(conversations) == [
            "Thank you!\n▲ 1h  \n",
            "Where is my [b]parcel[/b]?\n▼ 1h  → person\n",
        ]
        conversations.focus()
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: len(answers(pilot)) == 1)
        assert customers(pilot)[0].text == "Where is my [b]parcel[/b]?"
        assert app_of(pilot).home.prompt.has_focus


async def test_new_next_and_previous(make_app: AppMaker) -> None:
    desk = await desk_with_two()
    newest, oldest = list(desk.log.conversations)[::-1]
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        home = app_of(pilot).home
        await until(pilot, lambda: home.query_one(ConversationList).option_count == 2)
        await pilot.press("ctrl+pagedown")
        await until(pilot, lambda: home.chat.is_showing(newest))
        await pilot.press("ctrl+pagedown")
        await until(pilot, lambda: home.chat.is_showing(oldest))
        await pilot.press("ctrl+pageup")
        await until(pilot, lambda: home.chat.is_showing(newest))
        home.prompt.write("a draft")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: bool(home.query(Welcome)))
        assert home.prompt.text == ""
        await home.show(newest)
        assert home.prompt.text == "a draft"
        assert len(desk.log.conversations) == 2


async def test_an_example_can_be_picked(make_app: AppMaker) -> None:
    desk = FakeDesk()
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        home = app_of(pilot).home
        home.query_one("#examples", OptionList).focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: home.chat.turn is None and len(answers(pilot)) == 1)
        assert desk.assistant.asked == ["What does delivery cost?"]
        assert not home.query(Welcome)


async def test_rename(make_app: AppMaker) -> None:
    desk = await desk_with_two()
    newest = list(desk.log.conversations)[-1]
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "This conversation has no message yet." in notices(pilot))
        await app_of(pilot).home.show(newest)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Rename))
        pilot.app.screen.query_one(Input).value = " Thanks [/b]\x1b "
        await pilot.press("enter")
        await until(pilot, lambda: desk.log.conversations[newest].title == "Thanks [/b]")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Rename))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is app_of(pilot).home)
        assert desk.log.conversations[newest].title == "Thanks [/b]"


async def test_delete_asks_first(make_app: AppMaker) -> None:
    desk = await desk_with_two()
    newest = list(desk.log.conversations)[-1]
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        home = app_of(pilot).home
        await home.show(newest)
        for key in ("escape", "enter", "y"):
            assert len(desk.log.conversations) == 2
            await pilot.press("f8")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            await pilot.press(key)
            await until(pilot, lambda: pilot.app.screen is home)
        await until(pilot, lambda: len(desk.log.conversations) == 1)
        await until(pilot, lambda: bool(home.query(Welcome)))


async def test_search_opens_at_the_message(make_app: AppMaker) -> None:
    desk = FakeDesk()
    turns = [(f"Question {number}", CROSS, RETURNS) for number in range(60)]
    conversation = await desk.talked(*turns)
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await pilot.press("ctrl+f")
        await until(pilot, lambda: isinstance(pilot.app.screen, Search))
        hits = pilot.app.screen.query_one("#hits", OptionList)
        await pilot.press(*"question 1")
        await until(pilot, lambda: hits.option_count == 11)
        await pilot.press("down", "up", "down", "enter")
        await until(pilot, lambda: app_of(pilot).home.chat.is_showing(conversation.id))
        found = next(row for row in customers(pilot) if row.text == "Question 10")
        view = app_of(pilot).home.query_one("#transcript")
        await until(pilot, lambda: view.region.contains_region(found.region))


async def test_the_palette_finds_conversations(make_app: AppMaker) -> None:
    desk = await desk_with_two()
    oldest = next(iter(desk.log.conversations))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        await pilot.press(*"parcel")
        commands = pilot.app.screen.query_one(OptionList)
        await until(pilot, lambda: commands.option_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: app_of(pilot).home.chat.is_showing(oldest))


async def test_a_conversation_that_is_gone_is_named(make_app: AppMaker) -> None:
    async with make_app(FakeDesk()).run_test() as pilot:
        await awake(pilot)
        await app_of(pilot).home.show("[nowhere]")
        await until(pilot, lambda: bool(notices(pilot)))
        assert notices(pilot) == ["there is no conversation '[nowhere]'"]
        await ask(pilot, "still here?")
        assert len(answers(pilot)) == 1


async def test_a_log_that_refuses_is_told_and_the_terminal_goes_on(
    make_app: AppMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await desk_with_two()
    newest = list(desk.log.conversations)[-1]

    async def refuse(*_: object) -> None:
        raise StoreError("the database is locked")

    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        home = app_of(pilot).home
        await home.show(newest)
        home.prompt.write("a draft")
        monkeypatch.setattr(desk.log, "rename", refuse)
        monkeypatch.setattr(desk.log, "delete", refuse)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Rename))
        await pilot.press(*"x", "enter")
        await until(pilot, lambda: notices(pilot) == ["the database is locked"])
        await pilot.press("f8")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: notices(pilot) == ["the database is locked"] * 2)
        assert home.prompt.text == "a draft"
        assert newest in desk.log.conversations


@pytest.mark.parametrize(
    "title", ["my order [/] please", "my order [red]x[/red] [@click=app.quit]y"]
)
async def test_a_title_is_no_markup_in_the_palette(make_app: AppMaker, title: str) -> None:
    desk = FakeDesk()
    await desk.talked((title, CROSS, RETURNS))
    async with make_app(desk).run_test(size=(120, 36)) as pilot:
        await awake(pilot)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        await pilot.press(*"my order")
        found = pilot.app.screen.query_one(OptionList)
        await until(pilot, lambda: found.option_count > 0)
        assert f"Conversation: {title[:40]}" in str(found.get_option_at_index(0).prompt)
