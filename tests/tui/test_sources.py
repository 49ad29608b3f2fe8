from __future__ import annotations

from dataclasses import replace

import pytest
from textual.content import Content

from tests.tui.conftest import AppMaker
from tests.tui.driving import answers, app_of, ask, awake, rows, sources, transcript, until
from tests.tui.fake_desk import CALM, RETURNS, SHOES, FakeDesk, Script, cite
from tui.widgets.sources import MARK, Sources, quoted


def marked(content: Content) -> list[str]:
    return [content.plain[s.start : s.end] for s in content.spans if s.style == MARK]


def test_the_cited_sentence_is_marked_in_its_passage() -> None:
    quote = "You can return shoes within 30 days of delivery."
    content = quoted(cite(SHOES, quote), [SHOES])
    assert content.plain == SHOES.text
    assert marked(content) == [quote]


def test_sentences_that_stand_apart_are_marked_each() -> None:
    quote = "Try shoes on indoors, on carpet. We pay for the label."
    assert marked(quoted(cite(SHOES, quote), [SHOES])) == [
        "Try shoes on indoors, on carpet.",
        "We pay for the label.",
    ]


@pytest.mark.parametrize("passages", [[], [replace(SHOES, text="Something else.")]])
def test_without_its_passage_the_quote_stands_alone(passages: list[object]) -> None:
    quote = "We pay for the [b]label[/b]\x1b."
    content = quoted(cite(SHOES, quote), passages)  # type: ignore[arg-type]
    assert content.plain == "We pay for the [b]label[/b]."
    assert marked(content) == [content.plain]


async def test_the_selected_answer_shows_its_sources(make_app: AppMaker) -> None:
    other = replace(RETURNS, citations=(cite(SHOES, "We pay for the label."),))
    desk = FakeDesk(Script(), Script(reply=other))
    async with make_app(desk).run_test(size=(120, 36)) as pilot:
        await awake(pilot)
        await ask(pilot, "How long?")
        await until(pilot, lambda: len(sources(pilot)) == 2)
        assert sources(pilot)[0].startswith(
            "[1] Returns › How long you have › Shoes\nreturns.md\n\nTry shoes on"
        )
        await ask(pilot, "Who pays?")
        await until(pilot, lambda: len(sources(pilot)) == 1)
        transcript(pilot).focus()
        await pilot.press("up")
        await until(pilot, lambda: len(sources(pilot)) == 2)
        assert transcript(pilot).selected is answers(pilot)[0]
        await pilot.press("down")
        await until(pilot, lambda: len(sources(pilot)) == 1)
        await pilot.click(answers(pilot)[0])
        await until(pilot, lambda: len(sources(pilot)) == 2)
        await pilot.press("ctrl+y")
        assert pilot.app.clipboard == RETURNS.text


async def test_in_a_narrow_terminal_they_come_when_asked_for(make_app: AppMaker) -> None:
    desk = FakeDesk()
    earlier = await desk.talked(("How long?", CALM, RETURNS))
    async with make_app(desk).run_test(size=(80, 24)) as pilot:
        await awake(pilot)
        home = app_of(pilot).home
        panel = home.query_one(Sources)
        assert not panel.display
        await home.show(earlier.id)
        await until(pilot, lambda: len(sources(pilot)) == 2)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: panel.region.height > 4)
        assert panel.region.y > rows(pilot)[0].region.y
        assert panel.region.bottom <= home.prompt.region.y
        assert home.prompt.region.bottom <= 24
        await pilot.press("escape")
        await until(pilot, lambda: not panel.display)
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: panel.region.x > home.prompt.region.right - 1)
