"""The prompt, the keys, and giving them others."""

from __future__ import annotations

import pytest
from textual.events import Key, Paste

from tests.tui.conftest import AppMaker
from tests.tui.driving import app_of, ask, awake, notices, rows, shown, until, write
from tests.tui.fake_desk import CALM, RETURNS, FakeDesk
from tui.keys import GROUPS, INBOX_KEYS, known_ids
from tui.screens.help import Help
from tui.text import LIMIT
from tui.widgets.welcome import Welcome


def test_every_binding_has_an_id_of_its_own() -> None:
    groups = (*GROUPS.values(), INBOX_KEYS)
    bindings = [binding for keys in groups for binding in keys]
    assert all(binding.id and binding.tooltip for binding in bindings)
    assert len(known_ids()) == len(bindings)


async def test_the_prompt_recalls_earlier_messages(make_app: AppMaker) -> None:
    desk = FakeDesk()
    conversation = await desk.talked(("first", CALM, RETURNS), ("second", CALM, RETURNS))
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        prompt = app_of(pilot).home.prompt
        await app_of(pilot).home.show(conversation.id)
        await ask(pilot, "third")
        for key, text in (
            ("up", "third"),
            ("up", "second"),
            ("up", "first"),
            ("up", "first"),
            ("down", "second"),
            ("down", "third"),
            ("down", ""),
        ):
            await pilot.press(key)
            assert prompt.text == text
        await pilot.press(*"ab", "up")
        assert prompt.text == "ab", "what is being written is not taken away"


async def test_keys_count_in_the_order_in_which_they_were_typed(make_app: AppMaker) -> None:
    desk = FakeDesk()
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        for key in ("w", "h", "y", "question_mark", "enter", "s", "o"):
            pilot.app.post_message(Key(key, "?" if key == "question_mark" else key))
        await until(pilot, lambda: desk.assistant.asked == ["why?"])
        assert app_of(pilot).home.prompt.text == "so"


async def test_lines_are_edited_as_in_any_editor(make_app: AppMaker) -> None:
    desk = FakeDesk()
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        prompt = app_of(pilot).home.prompt
        await pilot.press(*"one", "ctrl+j", *"two", "shift+enter", *"three")
        assert prompt.text == "one\ntwo\nthree"
        await pilot.press("up", "home", "X", "end", "Y")
        assert prompt.text == "one\nXtwoY\nthree"
        await pilot.press("enter")
        await until(pilot, lambda: desk.assistant.asked == ["one\nXtwoY\nthree"])


async def test_a_paste_that_is_too_long_is_refused_with_its_limit(make_app: AppMaker) -> None:
    desk = FakeDesk()
    async with make_app(desk).run_test() as pilot:
        await awake(pilot)
        prompt = app_of(pilot).home.prompt
        await pilot.press(*"mine ")
        pilot.app.post_message(Paste("x" * 1_048_576))
        await until(pilot, lambda: bool(notices(pilot)))
        assert notices(pilot) == [
            "This paste has 1,048,576 characters; a message holds 20,000. Nothing was changed."
        ]
        assert prompt.text == "mine "
        pilot.app.post_message(Paste("[b]\x1b[2J\x00 ok"))
        await until(pilot, lambda: prompt.text == "mine [b][2J ok")
        await write(pilot, "y" * (LIMIT + 1))
        await until(pilot, lambda: len(notices(pilot)) == 2)
        assert len(prompt.text) == LIMIT + 1
        assert desk.assistant.asked == []


async def test_help_lists_every_key_with_its_id(make_app: AppMaker) -> None:
    async with make_app(FakeDesk(), keys={"chat.new": "ctrl+t"}).run_test() as pilot:
        await awake(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, Help))
        text = "\n".join(shown(part) for part in pilot.app.screen.query("#help Static").results())  # type: ignore[arg-type]
        assert all(binding.id in text for keys in GROUPS.values() for binding in keys)
        assert "ctrl+t" in text
        assert "ctrl+n" not in text
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is app_of(pilot).home)
        await pilot.press("a", "question_mark")
        assert app_of(pilot).home.prompt.text == "a?"
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, Help))


async def test_keys_are_given_others_by_their_id(make_app: AppMaker) -> None:
    keys = {"chat.new": "ctrl+t", "prompt.send": "ctrl+s", "chat.nwe": "f9"}
    async with make_app(FakeDesk(), keys=keys).run_test() as pilot:
        await awake(pilot)
        home = app_of(pilot).home
        assert notices(pilot) == [
            "terminal.keys: there is no key binding 'chat.nwe'; f1 lists their ids"
        ]
        await pilot.press(*"hi", "enter")
        assert home.prompt.text == "hi\n"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: home.chat.turn is None and len(rows(pilot)) == 2)
        await pilot.press("ctrl+n")
        assert len(rows(pilot)) == 2
        await pilot.press("ctrl+t")
        await until(pilot, lambda: bool(home.query(Welcome)))


@pytest.mark.parametrize(("theme", "warned"), [("nord", False), ("no-such", True)])
async def test_the_theme_of_the_settings(make_app: AppMaker, theme: str, warned: bool) -> None:
    async with make_app(FakeDesk(), theme=theme).run_test() as pilot:
        await awake(pilot)
        assert pilot.app.theme == ("textual-dark" if warned else theme)
        says = "terminal.theme: there is no theme 'no-such'; ctrl+p lists them"
        assert notices(pilot) == ([says] if warned else [])
