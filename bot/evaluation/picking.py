"""Which sentence of the passages is taken for the answer: kefu's choice, and simpler ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bot.evaluation.answers import Outcome
from bot.evaluation.encoders import Encodes
from bot.evaluation.table import Row, Table
from bot.measures import Figure, bm25, holds, share
from bot.reading import told
from bot.sentences import split_sentences
from bot.skills.grounding import Grounding
from bot.skills.translation import NAMES
from knowledge.followup import fold
from knowledge.terms import query_terms, terms_of


async def table(
    outcomes: Sequence[Outcome],
    grounding: Grounding,
    encoders: Mapping[str, Encodes],
    more: Callable[[int], None],
) -> Table:
    asked = [o for o in outcomes if o.question.wanted and o.passages]
    picked: dict[str, list[bool]] = {}
    nearest = {name: _Nearest(encoder) for name, encoder in encoders.items()}
    for outcome in asked:
        for name, said in (await _choices(outcome, grounding, nearest)).items():
            picked.setdefault(name, []).append(holds(said, outcome.question.wanted))
        more(1)
    rows = [Row(name, _by_language(asked, right)) for name, right in picked.items()]
    note = (
        "The questions with an answer, over the passages that kefu's search found. *in reach*: a "
        "passage holds the answer. The first rows take one sentence each; kefu quotes up to three, "
        "and none where it withholds."
    )
    return Table("picking", "The picked sentences hold the answer", rows, note)


class _Nearest:
    """The sentences of a business are shown for many questions, and encoded once."""

    def __init__(self, encoder: Encodes) -> None:
        self._encoder = encoder
        self._vectors: dict[str, list[float]] = {}

    async def place(self, question: str, shown: list[str]) -> int:
        missing = [text for text in dict.fromkeys(shown) if text not in self._vectors]
        if missing:
            found = await self._encoder.aembed_documents(missing)
            self._vectors.update(zip(missing, found, strict=True))
        wanted = np.asarray(await self._encoder.aembed_query(question))
        return int(np.argmax(np.array([self._vectors[text] for text in shown]) @ wanted))


async def _choices(
    outcome: Outcome, grounding: Grounding, encoders: Mapping[str, _Nearest]
) -> dict[str, str]:
    question = fold(outcome.question.text, outcome.question.earlier)
    units = [(p, s) for p in outcome.passages for s in split_sentences(p.text)]
    shown = [told(passage.title, passage.heading, sentence) for passage, sentence in units]
    chosen = {"in reach": "\n".join(passage.text for passage in outcome.passages)}
    scores = bm25(query_terms(question), [terms_of(text).split() for text in shown])
    chosen["best sentence by BM25"] = units[int(np.argmax(scores))][1]
    for name, encoder in encoders.items():
        chosen[f"nearest sentence, {name}"] = units[await encoder.place(question, shown)][1]
    language = outcome.question.language
    picked = await grounding.pick(question, language, outcome.passages, asked=outcome.question.text)
    return chosen | {"kefu": picked.quote}


def _by_language(asked: Sequence[Outcome], right: Sequence[bool]) -> dict[str, Figure | int | None]:
    cells: dict[str, Figure | int | None] = {}
    for language in dict.fromkeys(outcome.question.language for outcome in asked):
        own = [hit for o, hit in zip(asked, right, strict=True) if o.question.language == language]
        cells[f"{NAMES[language]} ({len(own)})"] = share(sum(own), len(own))
    return cells
