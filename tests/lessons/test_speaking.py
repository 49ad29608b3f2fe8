"""What a model says to lessons, through llama.cpp, and how that is measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from bot.engine import EngineThread, LanguageModel, LlamaChatModel
from bot.lessons.lesson import Kind, Lesson
from bot.lessons.speaking import faithfulness, nearness, said
from bot.settings import EngineSettings
from bot.skills import replies
from bot.skills.prompt import Turn
from models.catalogue import find
from tests.engine.families import FAMILIES, write_model
from tests.lessons.talking import COST, SHOES

LESSON = Lesson(Kind.HELPFUL, "c1", (), Turn("How long?", None, (SHOES,)), "Sixty days.", "en")


@pytest.fixture
def thread() -> Iterator[EngineThread]:
    with EngineThread() as thread:
        yield thread


def model_of(path: Path, thread: EngineThread) -> LlamaChatModel:
    settings = EngineSettings(threads=1, conversations=2)
    return LlamaChatModel(language_model=LanguageModel.load(path, thread, settings))


def test_a_model_that_reads_speaks_freely_and_all_are_asked(
    tmp_path: Path, thread: EngineThread
) -> None:
    model = model_of(write_model(tmp_path / "mine.gguf", FAMILIES["qwen3"]), thread)
    done: list[int] = []
    assert asyncio.run(said(model, [LESSON] * 5, "Weir", done.append)) == ["Sixty days."] * 5
    assert sum(done) == 5


class Counting:
    """Answers after a few turns of the loop; how many it was asked at once."""

    context, reads = 2_048, True

    def __init__(self) -> None:
        self.now, self.most = 0, 0

    def count_tokens(self, messages: Any) -> int:
        return 10

    async def astream(self, *_: Any, **__: Any) -> AsyncIterator[AIMessageChunk]:
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(5):
            await asyncio.sleep(0)
        self.now -= 1
        yield AIMessageChunk("Sixty days.")


@pytest.mark.parametrize("at_once", [1, 2, 9])
def test_no_more_are_asked_at_once_than_may_wait(at_once: int) -> None:
    model: Any = Counting()
    replies_of = asyncio.run(said(model, [LESSON] * 9, "Weir", at_once=at_once))
    assert replies_of == ["Sixty days."] * 9
    assert model.most == at_once


def test_one_that_words_quotes_what_it_was_shown(thread: EngineThread) -> None:
    both = replace(LESSON, asked=Turn("How long, and who pays?", None, (SHOES, COST)))
    (reply,) = asyncio.run(said(model_of(find("kefu-small"), thread), [both], "Weir"))
    assert SHOES.quote in reply
    assert COST.quote in reply
    assert reply != f"{SHOES.quote}\n\n{COST.quote}"


def test_nearness_is_that_of_the_approved_words() -> None:
    assert nearness(LESSON, "Sixty days.") == 1.0
    assert nearness(LESSON, "Sixty hours!") == 0.5
    assert nearness(LESSON, "") == 0.0


class Supports:
    """Sentences that stand in a passage word for word."""

    async def supported(self, sentence: str, passages: Any, language: str) -> bool:
        return any(sentence in passage.text for passage in passages)


@pytest.mark.parametrize(
    ("reply", "share"),
    [
        (SHOES.quote, 1.0),
        (f"{SHOES.quote} They can be eaten.", 0.5),
        (replies.UNKNOWN["en"], 1.0),
        ("", 0.0),
        ("I", 0.0),
    ],
)
def test_faithful_is_what_rests_on_the_passages(reply: str, share: float) -> None:
    grounding: Any = Supports()
    assert asyncio.run(faithfulness(grounding, LESSON, reply, reads=True)) == share


def test_where_the_quotes_are_put_in_there_is_nothing_to_measure() -> None:
    grounding: Any = Supports()
    for reply in (f"Sure, here it is:\n\n{SHOES.quote}", "Sure, here it is:", ""):
        assert asyncio.run(faithfulness(grounding, LESSON, reply, reads=False)) is None
