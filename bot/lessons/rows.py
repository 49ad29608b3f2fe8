"""Lessons as tokens, with the vocabulary and the chat template in a model's own file: what the
engine would show the model, to the last token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import llama_cpp

from bot.engine import loading
from bot.engine.language_model import reads, template_of, wording_of
from bot.engine.prompt import Prompt
from bot.engine.template import ChatTemplate, ChatTurn
from bot.engine.vocabulary import Vocabulary
from bot.lessons.lesson import Kind, Lesson
from bot.skills.prompt import PromptWriter

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

TOO_LONG, CUT_OFF = "reply too long", "its passage had no room"
LONGEST_REPLY = 0.4
"""Of the length of a row."""
_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


class Row(NamedTuple):
    tokens: list[int]
    learnt: int
    """The place of the first token that is learnt: the reply's, and the end of the turn."""


@dataclass(frozen=True, slots=True)
class Rows:
    rows: list[Row] = field(default_factory=list)
    lessons: list[Lesson] = field(default_factory=list)
    """Of each row, as it is shown."""
    left_out: Counter[str] = field(default_factory=Counter)


class Scribe:
    """Made by `open_scribe`."""

    def __init__(self, model: Any, business: str, length: int) -> None:
        """`length`: of a row at most, in tokens."""
        self.vocabulary = Vocabulary(model)
        self.reads = reads(model)
        self.wording: Mapping[str, Mapping[str, Sequence[str]]] = wording_of(model)
        kind = loading.metadata(model, "general.architecture")
        self.trained_context = int(loading.metadata(model, f"{kind}.context_length") or length)
        self.length = min(length, self.trained_context)
        self._template: ChatTemplate = template_of(model, self.vocabulary)
        self._reserve = int(self.length * LONGEST_REPLY)
        self._writer = PromptWriter(
            business, context=self.length, reserve=self._reserve, count=self._count
        )

    def rows(self, lessons: Sequence[Lesson]) -> Rows:
        found = Rows()
        for lesson in lessons:
            row = self._row(lesson)
            if isinstance(row, str):
                found.left_out[row] += 1
            else:
                found.rows.append(row)
                found.lessons.append(lesson)
        return found

    def _row(self, lesson: Lesson) -> Row | str:
        """Or why there is none: a lesson that lost the passage it rests on would teach to
        invent."""
        prompt = self._writer.write(lesson.history, lesson.asked)
        if lesson.kind is not Kind.WITHHELD and prompt.current.passages != lesson.asked.passages:
            return CUT_OFF
        turns = [ChatTurn(_ROLES[one.type], one.text) for one in prompt.messages]
        shown = self._tokens(self._template.render(turns))
        said = self.vocabulary.tokenize(lesson.reply.encode("utf-8", "replace"), special=False)
        said += self._end(turns, lesson.reply)
        if len(said) > self._reserve:
            return TOO_LONG
        return Row(shown + said, len(shown))

    def _end(self, turns: Sequence[ChatTurn], reply: str) -> list[int]:
        """What the template writes behind a reply, up to the token that ends it."""
        whole = self._template.render([*turns, ChatTurn("assistant", reply)])
        *_, last = [part for part in whole.parts() if part.special]
        tokens = self.vocabulary.tokenize(last.text, special=True)
        place = next((n for n, t in enumerate(tokens) if self.vocabulary.is_end(t)), None)
        return [self.vocabulary.eos] if place is None else tokens[: place + 1]

    def _count(self, messages: Sequence[BaseMessage]) -> int:
        turns = [ChatTurn(_ROLES[one.type], one.text) for one in messages]
        return len(self._tokens(self._template.render(turns)))

    def _tokens(self, prompt: Prompt) -> list[int]:
        """As a sequence of the engine takes a prompt up."""
        bos = [self.vocabulary.bos] if self.vocabulary.adds_bos else []
        tokens = list(bos)
        for part in prompt.parts():
            new = self.vocabulary.tokenize(part.text, special=part.special)
            if bos and tokens == bos and new[:1] == bos:
                new = new[1:]  # the template wrote it, too
            tokens += new
        return tokens


@contextmanager
def open_scribe(path: Path, business: str, length: int) -> Iterator[Scribe]:
    """Raise ModelFileError."""
    model = loading.open_vocabulary(path)
    scribe = None
    try:
        scribe = Scribe(model, business, length)
        yield scribe
    finally:
        if scribe is not None:
            scribe.vocabulary.close()
        llama_cpp.llama_model_free(model)
