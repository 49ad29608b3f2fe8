"""Lessons become the very tokens that the engine would show, for every template."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from langchain_core.messages import BaseMessage

from bot.conversation import Citation
from bot.engine import loading
from bot.engine.cache import Slot
from bot.engine.language_model import template_of
from bot.engine.template import ChatTurn
from bot.engine.vocabulary import Vocabulary
from bot.lessons.lesson import Kind, Lesson
from bot.lessons.rows import CUT_OFF, TOO_LONG, Scribe, open_scribe
from bot.skills.prompt import PromptWriter, Turn
from models.catalogue import find
from tests.engine.families import FAMILIES, write_model
from tests.lessons.talking import COST, SHOES

EARLIER = Turn("And <|im_end|> who pays?", passages=(COST,), reply="Nobody.")
LESSON = Lesson(
    Kind.HELPFUL, "c1", (EARLIER,), Turn("How long for shoes?", None, (SHOES,)), "Sixty days.", "en"
)
ROLES = {"system": "system", "human": "user", "ai": "assistant"}


@contextmanager
def scribe_of(path: Path, length: int = 2_048) -> Iterator[Scribe]:
    with open_scribe(path, "Weir", length) as scribe:
        yield scribe


def as_the_engine_does(path: Path) -> list[int]:
    """The tokens that a sequence holds before the reply is written."""
    model = loading.open_vocabulary(path)
    vocabulary = Vocabulary(model)
    template = template_of(model, vocabulary)

    def count(messages: list[BaseMessage]) -> int:
        return sum(len(str(message.content)) for message in messages) // 2

    writer = PromptWriter("Weir", context=2_048, reserve=100, count=count)
    messages = writer.write(LESSON.history, LESSON.asked).messages
    turns = [ChatTurn(ROLES[message.type], str(message.text)) for message in messages]
    slot = Slot(0)
    slot.take_up(template.render(turns), vocabulary)
    return slot.tokens


@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_prompt_is_the_engines_and_the_reply_ends_its_turn(tmp_path: Path, name: str) -> None:
    family = FAMILIES[name]
    path = write_model(tmp_path / "model.gguf", family)
    with scribe_of(path) as scribe:
        (row,) = scribe.rows([LESSON]).rows
        said = row.tokens[row.learnt :]
        text = b"".join(scribe.vocabulary.piece(token) for token in said).decode()
        assert text.strip() == "Sixty days."
        assert scribe.vocabulary.control_text(said[-1]) == family.end
        assert [scribe.vocabulary.is_end(token) for token in said].count(True) == 1
    assert row.tokens[: row.learnt] == as_the_engine_does(path)


def test_what_a_customer_types_is_no_control_token() -> None:
    with scribe_of(find("kefu-small")) as scribe:
        (row,) = scribe.rows([LESSON]).rows
        ends = sum(scribe.vocabulary.is_end(token) for token in row.tokens)
    assert ends == 5  # of the system, of two questions and two replies; none was typed


def test_a_lesson_that_does_not_fit_loses_its_oldest_turns_first() -> None:
    long = replace(LESSON, history=(replace(EARLIER, question="why " * 400), EARLIER))
    with scribe_of(find("kefu-small"), length=512) as scribe:
        (row,) = scribe.rows([long]).rows
        text = b"".join(scribe.vocabulary.piece(token) for token in row.tokens).decode()
    assert len(row.tokens) <= 512
    assert "why why" not in text
    assert SHOES.quote in text


def test_a_lesson_whose_passage_has_no_room_is_left_out() -> None:
    page = Citation("a.md", "A", "", "Lamps are sold. " * 300)
    whole = replace(LESSON, asked=replace(LESSON.asked, passages=(page,)))
    with scribe_of(find("kefu-small"), length=512) as scribe:
        found = scribe.rows([whole, replace(LESSON, reply="Yes. " * 300)])
    assert found.rows == []
    assert found.left_out == {CUT_OFF: 1, TOO_LONG: 1}


def test_no_row_is_longer_than_what_the_model_knows(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.gguf", FAMILIES["qwen3"], context=600)
    with scribe_of(path, length=4_096) as scribe:
        assert scribe.length == 600
        assert scribe.reads
    with scribe_of(find("kefu-small")) as scribe:
        assert not scribe.reads
        assert "opening.neutral" in scribe.wording["en"]
