"""Searching with a stand-in encoder: pages of one word are near to questions with that word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.evaluation import search
from bot.evaluation.search import Corpus, Document
from bot.measures import Figure
from bot.store import Store, open_store

WORDS = ("shoe", "lamp", "card", "refund")


class Bag:
    """A dimension a word."""

    languages = frozenset({"en"})

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return [await self.aembed_query(text) for text in texts]

    async def aembed_query(self, text: str) -> list[float]:
        found = [float(word in text.lower()) for word in WORDS]
        length = sum(found) ** 0.5 or 1.0
        return [one / length for one in found]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(tmp_path / "pages.db")
    yield store
    await store.close()


CORPUS = Corpus(
    "shop",
    "en",
    tuple(Document(f"page-{word}", "Help", f"All about the {word}, and more.") for word in WORDS),
    (
        ("where is my lamp", frozenset({"page-lamp"})),
        ("shoe", frozenset({"page-shoe", "page-card"})),
        ("umbrella", frozenset({"page-card"})),
    ),
)


async def test_every_ranker_has_its_row(store: Store) -> None:
    done: list[int] = []
    (table,) = await search.tables([CORPUS], store, {"bag": Bag(), "other": Bag()}, done.append)
    assert [row.name for row in table.rows] == [
        "shop: BM25", "shop: bag alone", "shop: other alone", "shop: kefu",
    ]  # fmt: skip
    assert sum(done) == 12
    for row in table.rows:
        hit = row.cells["hit@1"]
        assert isinstance(hit, Figure)
        assert hit.value >= 2 / 3
        assert row.cells["questions"] == 3


async def test_another_corpus_takes_the_place_of_the_first(store: Store) -> None:
    only = Corpus("one", "en", CORPUS.documents[:1], (("shoe", frozenset({"page-shoe"})),))
    (table,) = await search.tables([CORPUS, only], store, {"bag": Bag()}, lambda _: None)
    assert [row.cells["pages"] for row in table.rows] == [4, 4, 4, 1, 1, 1]
    assert len(await store.passages.documents()) == 1
