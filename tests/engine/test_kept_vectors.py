"""A text that is wanted again is not encoded again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.engine import LlamaEmbeddings
from bot.engine.embeddings import MOST_KEPT
from bot.engine.stream import Cancellable, Outlet
from bot.engine.vector_model import EncoderInfo, VectorModel, Vectors


class Task:
    def cancel(self) -> None:
        pass


class Counting(VectorModel):
    """Every vector is one that was never given before."""

    def __init__(self) -> None:
        self.info = EncoderInfo(frozenset({"en"}), {"query": "query: ", "feeling": "feeling: "})
        self.texts: list[str] = []

    def hand_in(self, texts: Sequence[str], outlet: Outlet[Vectors]) -> Cancellable:
        first = len(self.texts)
        self.texts += texts
        rows = [[number, 1.0] for number in range(first, len(self.texts))]
        outlet.put(np.array(rows, np.float32).reshape(len(texts), 2))
        outlet.end()
        return Task()


async def test_a_question_and_a_message_are_encoded_once() -> None:
    encoder = Counting()
    embeddings = LlamaEmbeddings(encoder)
    asked = await embeddings.aembed_query("why")
    felt = embeddings.embed_for("feeling", ["why"])
    assert await embeddings.aembed_for("query", ["why"]) == [asked]
    assert await embeddings.aembed_for("feeling", ["why"]) == felt != [asked]
    assert embeddings.embed_query("why") == asked
    assert encoder.texts == ["query: why", "feeling: why"]


async def test_the_rows_stand_in_the_order_asked() -> None:
    encoder = Counting()
    embeddings = LlamaEmbeddings(encoder)
    (one,) = await embeddings.aembed_for("feeling", ["b"])
    found = await embeddings.aembed_for("feeling", ["a", "b", "c", "a"])
    assert found == [[1.0, 1.0], one, [2.0, 1.0], [1.0, 1.0]]
    assert encoder.texts == [f"feeling: {text}" for text in "bac"]


async def test_passages_are_kept_by_others() -> None:
    encoder = Counting()
    embeddings = LlamaEmbeddings(encoder)
    await embeddings.aembed_documents(["a"])
    await embeddings.aembed_documents(["a"])
    assert encoder.texts == ["a", "a"]


def test_the_oldest_are_forgotten() -> None:
    encoder = Counting()
    embeddings = LlamaEmbeddings(encoder)
    many = [str(number) for number in range(MOST_KEPT + 10)]
    assert len(embeddings.embed_for("query", many)) == len(many)
    embeddings.embed_for("query", many[10:])
    assert len(encoder.texts) == len(many)
    embeddings.embed_for("query", many[:1])
    assert len(encoder.texts) == len(many) + 1


def test_nothing_to_encode() -> None:
    encoder = Counting()
    assert LlamaEmbeddings(encoder).embed_for("feeling", []) == []
    assert encoder.texts == []
