"""Searching whole sets of help pages: BM25, vectors alone, and both as kefu does it."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from bot.conversation import Passage
from bot.evaluation.encoders import Encodes
from bot.evaluation.table import Cell, Row, Table
from bot.measures import mean, ndcg, share
from bot.store import Store
from knowledge.embedding import told_passage
from knowledge.index import Knowledge
from knowledge.splitter import passage_id

DEPTH = 10
"""Pages that are looked at."""

Ranker: TypeAlias = Callable[[str], Awaitable[list[str]]]
"""From a question to the names of pages, the best first."""


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Corpus:
    name: str
    language: str
    documents: tuple[Document, ...]
    questions: tuple[tuple[str, frozenset[str]], ...]
    """Each with the names of the documents that are right."""


async def tables(
    corpora: Sequence[Corpus],
    store: Store,
    encoders: Mapping[str, Encodes],
    more: Callable[[int], None],
) -> list[Table]:
    """The first of the encoders is kefu's."""
    rows = []
    for corpus in corpora:
        await _fill(store, corpus, next(iter(encoders.values())))
        for name, ranker in (await _rankers(corpus, store, encoders)).items():
            ranked = []
            for question, _ in corpus.questions:
                ranked.append(await ranker(question))
                more(1)
            rows.append(Row(f"{corpus.name}: {name}", _cells(corpus, ranked)))
    note = (
        "Sets that nothing was trained on; every question over all answers of its set. A question "
        "that stands over several answers may be given any of them."
    )
    return [Table("search", "Search on help pages never seen", rows, note)]


async def _fill(store: Store, corpus: Corpus, encoder: Encodes) -> None:
    knowledge = Knowledge(store.passages, encoder)
    for document in await knowledge.documents():
        await knowledge.remove(document.source)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pages.jsonl")
        lines = [
            json.dumps({"id": one.name, "title": one.title, "text": one.text})
            for one in corpus.documents
        ]
        await asyncio.to_thread(file.write_text, "\n".join(lines), "utf-8")
        await knowledge.add([file])


async def _rankers(
    corpus: Corpus, store: Store, encoders: Mapping[str, Encodes]
) -> dict[str, Ranker]:
    words = Knowledge(store.passages, None)
    both = Knowledge(store.passages, next(iter(encoders.values())))
    found: dict[str, Ranker] = {"BM25": _searching(words, corpus.language)}
    for name, encoder in encoders.items():
        found[f"{name} alone"] = await _nearest(words, store, encoder)
    return found | {"kefu": _searching(both, corpus.language)}


def _searching(knowledge: Knowledge, language: str) -> Ranker:
    async def ranked(question: str) -> list[str]:
        passages = await knowledge.search(question, k=3 * DEPTH, language=language)
        return list(dict.fromkeys(passage.source for passage in passages))[:DEPTH]

    return ranked


async def _nearest(knowledge: Knowledge, store: Store, encoder: Encodes) -> Ranker:
    passages: list[Passage] = []
    for document in await knowledge.documents():
        ids = [passage_id(document.source, place) for place in range(document.passages)]
        passages += await store.passages.passages(ids)
    vectors = np.asarray(await encoder.aembed_documents([told_passage(p) for p in passages]))

    async def ranked(question: str) -> list[str]:
        scores = vectors @ np.asarray(await encoder.aembed_query(question))
        order = np.argsort(-scores, kind="stable")[: 3 * DEPTH]
        return list(dict.fromkeys(passages[place].source for place in order))[:DEPTH]

    return ranked


def _cells(corpus: Corpus, ranked: Sequence[Sequence[str]]) -> dict[str, Cell]:
    pairs = [(found, right) for found, (_, right) in zip(ranked, corpus.questions, strict=True)]

    def hits(depth: int) -> int:
        return sum(bool(right.intersection(found[:depth])) for found, right in pairs)

    return {
        "pages": len(corpus.documents),
        "questions": len(pairs),
        "hit@1": share(hits(1), len(pairs)),
        "hit@5": share(hits(5), len(pairs)),
        "nDCG@10": mean([ndcg(found, right, DEPTH) for found, right in pairs]),
    }
