"""Questions to a real assistant: whether it answers right, from the pages, and only from them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from bot.assistant import Assistant
from bot.conversation import (
    Answered,
    Conversation,
    Failed,
    HandedOff,
    LookedUp,
    Message,
    Passage,
    ReplyStatus,
)
from bot.errors import ModelError
from bot.evaluation.shops import FOLLOW_UP, SINGLE, Question, Shop
from bot.evaluation.table import Row, Table
from bot.measures import Figure, f1, holds, mean, resampled, share, token_f1
from bot.sentences import split_sentences
from bot.skills import handoff
from bot.skills.grounding import Grounding
from bot.skills.translation import NAMES
from bot.store import ConversationLog
from knowledge.index import Knowledge

CHANNEL = "evaluation"


@dataclass(frozen=True, slots=True)
class Parts:
    """Of a kefu whose log and help pages are nobody's."""

    assistant: Assistant
    log: ConversationLog
    knowledge: Knowledge
    grounding: Grounding
    reads: bool
    """Whether its model answers by itself; otherwise the quotation is the answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    question: Question
    passages: tuple[Passage, ...]
    said: str
    """The answer, without the words around a quotation; "" where none was given."""
    withheld: bool
    supported: tuple[bool, ...]
    """Of each sentence of the answer."""
    first_token_ms: float = 0.0
    prompt_tokens: int = 0


async def ask_shops(
    parts: Parts, asked: Iterable[Shop], more: Callable[[int], None]
) -> list[Outcome]:
    """Every business's pages in turn are the whole knowledge base."""
    found = []
    for shop in asked:
        await open_shop(parts.knowledge, shop)
        for conversation in shop.conversations:
            place = await parts.log.start(channel=CHANNEL)
            for question in conversation:
                found.append(await ask(parts, place, question))
                more(1)
    return found


async def open_shop(knowledge: Knowledge, shop: Shop) -> None:
    for document in await knowledge.documents():
        await knowledge.remove(document.source)
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(_write, shop.pages, Path(folder))
        await knowledge.add([Path(folder)])


def _write(pages: Sequence[str], folder: Path) -> None:
    for number, page in enumerate(pages):
        (folder / f"page-{number}.md").write_text(page, "utf-8")


async def ask(parts: Parts, place: Conversation, question: Question) -> Outcome:
    passages, reply = await _turn(parts.assistant, place, question.text)
    if reply is None or reply.status is not ReplyStatus.ANSWERED:
        silent = reply is not None and (
            reply.status is ReplyStatus.UNKNOWN or reply.rule == handoff.NOTHING_FOUND
        )
        return Outcome(question, passages, "", silent, ())
    cited = [citation.quote for citation in reply.citations if citation.cited]
    said = reply.text if parts.reads else "\n".join(cited)
    sentences = split_sentences(said)
    checks = [
        await parts.grounding.supported(one, passages, question.language) for one in sentences
    ]
    timing = reply.timing
    return Outcome(
        question,
        passages,
        said,
        withheld=False,
        supported=tuple(checks),
        first_token_ms=timing.first_token_ms if timing else 0.0,
        prompt_tokens=timing.prompt_tokens if timing else 0,
    )


async def _turn(
    assistant: Assistant, place: Conversation, text: str
) -> tuple[tuple[Passage, ...], Message | None]:
    passages: tuple[Passage, ...] = ()
    reply = None
    async with aclosing(assistant.reply(place, text)) as events:
        async for event in events:
            if isinstance(event, Failed):
                raise ModelError(event.error)
            if isinstance(event, LookedUp):
                passages = event.passages
            elif isinstance(event, Answered | HandedOff):
                reply = event.message
    return passages, reply


def tables(outcomes: Sequence[Outcome]) -> list[Table]:
    return [_answered(outcomes), _withheld(outcomes)]


def _answered(outcomes: Sequence[Outcome]) -> Table:
    rows = []
    for language in _languages(outcomes):
        own = [o for o in outcomes if o.question.wanted and o.question.language == language]
        for kind in (SINGLE, FOLLOW_UP):
            some = [o for o in own if o.question.kind == kind]
            rows.append(Row(f"{NAMES[language]}, {kind}", _answer_cells(some)))
        rows.append(Row(f"{NAMES[language]}, all", _answer_cells(own)))
    note = (
        "Businesses of trades that nothing was trained on, questions with an answer on their "
        "pages. *right*: the reply has the figures of the answer and three quarters of its words, "
        "or a whole sentence of it. *token F1*: of the answer, against the nearest of its "
        "wordings; 0 where none was given. *supported*: sentences of the answers that a passage "
        "says. The intervals take questions for independent; those to one business are not quite."
    )
    return Table("answers", "Answers on businesses never seen", rows, note)


def _answer_cells(some: Sequence[Outcome]) -> dict[str, Figure | int | None]:
    told = [o for o in some if o.said]
    sentences = [one for o in told for one in o.supported]
    return {
        "questions": len(some),
        "answered": share(len(told), len(some)),
        "right": share(sum(holds(o.said, o.question.wanted) for o in some), len(some)),
        "token F1": mean([_nearest(o) for o in some]),
        "supported": share(sum(sentences), len(sentences)),
    }


def _nearest(outcome: Outcome) -> float:
    return max(token_f1(outcome.said, wanted) for wanted in outcome.question.wanted)


def _withheld(outcomes: Sequence[Outcome]) -> Table:
    rows = []
    for language in _languages(outcomes):
        own = [o for o in outcomes if o.question.language == language]
        rows.append(Row(NAMES[language], _withheld_cells(own)))
    note = (
        "Of the same businesses, with the questions whose answer was taken off the pages. *F1*, "
        "*precision*, *recall*: of withholding where there is no answer."
    )
    return Table("answers", "Withheld where there is no answer", rows, note)


def _withheld_cells(own: Sequence[Outcome]) -> dict[str, Figure | int | None]:
    said = np.array([o.withheld for o in own], bool)
    true = np.array([not o.question.wanted for o in own], bool)
    both = int((said & true).sum())
    return {
        "questions": len(own),
        "without an answer": int(true.sum()),
        "precision": share(both, int(said.sum())),
        "recall": share(both, int(true.sum())),
        "F1": resampled(len(own), lambda rows: f1(said[rows], true[rows])),
    }


def pages_table(outcomes: Sequence[Outcome]) -> Table:
    """Of businesses written by hand."""
    rows = []
    for language in _languages(outcomes):
        own = [o for o in outcomes if o.question.language == language]
        cells = {**_answer_cells([o for o in own if o.question.wanted]), **_withheld_cells(own)}
        shown = ("answered", "right", "supported", "without an answer", "precision", "recall", "F1")
        kept = {name: cells[name] for name in shown}
        rows.append(Row(NAMES[language], {"questions": len(own), **kept}))
    note = (
        "Businesses with four pages each, written by hand and never trained on: facts that stand "
        "close together, what customers ask about each in words of their own, follow-ups, and what "
        "they ask that no page answers. *answered*, *right*: of the questions with an answer; "
        "*precision*, *recall*, *F1*: of withholding where there is none. The intervals take "
        "questions for independent; several are about one fact, so these are too narrow."
    )
    return Table("pages", "Pages written by hand, never seen", rows, note)


def _languages(outcomes: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(outcome.question.language for outcome in outcomes))


def waited(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Of the answers: from the message to the first word, and the size of what was shown."""
    told = [outcome for outcome in outcomes if outcome.first_token_ms]
    if not told:
        return {}
    return {
        "message to first token, ms": median(outcome.first_token_ms for outcome in told),
        "prompt, tokens": median(outcome.prompt_tokens for outcome in told),
    }
