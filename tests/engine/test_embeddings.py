"""langchain's standard suites over the tiny encoder; prefixes and the answer head over a fake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from bot.engine import Encoder, EngineThread, LlamaEmbeddings
from bot.engine.stream import Cancellable, Outlet
from bot.engine.vector_model import AnswerHead, EncoderInfo, Purpose, VectorModel, Vectors
from bot.errors import ModelError
from bot.settings import EngineSettings

PREFIXES: dict[Purpose, str] = {
    "query": "query: ",
    "passage": "passage: ",
    "pair": "pair: ",
    "feeling": "feeling: ",
}


class Standard:
    """The suites build the model from a property, so the encoder is laid here."""

    encoder: Encoder

    @pytest.fixture(autouse=True)
    def _encoder(self, models: Path, thread: EngineThread) -> None:
        self.encoder = Encoder.load(models / "encoder.gguf", thread, EngineSettings(threads=1))

    @property
    def embeddings_class(self) -> type[LlamaEmbeddings]:
        return LlamaEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"encoder": self.encoder}


class TestUnit(Standard, EmbeddingsUnitTests):
    pass


class TestIntegration(Standard, EmbeddingsIntegrationTests):
    pass


async def test_languages_and_the_asynchronous_side(encoder: Encoder) -> None:
    embeddings = LlamaEmbeddings(encoder)
    assert embeddings.languages == {"en"}
    one = await embeddings.aembed_query("return the shoe")
    two = embeddings.embed_query("return the shoe")
    assert one == pytest.approx(two, abs=1e-6)
    assert len(await embeddings.aembed_documents(["a", "b"])) == 2


class Task:
    def cancel(self) -> None:
        pass


class Listening(VectorModel):
    """Remembers the texts; the vector of each is its length and its number of bars."""

    def __init__(self, answers: AnswerHead | None = None) -> None:
        self.info = EncoderInfo(frozenset({"en"}), PREFIXES, answers)
        self.texts: list[str] = []

    def hand_in(self, texts: Sequence[str], outlet: Outlet[Vectors]) -> Cancellable:
        self.texts += texts
        rows = [[len(text), text.count("|")] for text in texts]
        outlet.put(np.array(rows, np.float32).reshape(len(texts), 2))
        outlet.end()
        return Task()


async def test_a_text_is_headed_by_its_purpose() -> None:
    encoder = Listening()
    embeddings = LlamaEmbeddings(encoder)
    embeddings.embed_query("a")
    embeddings.embed_documents(["b", "c"])
    embeddings.embed_for("feeling", ["d"])
    await embeddings.aembed_query("e")
    await embeddings.aembed_documents(["f"])
    await embeddings.aembed_for("pair", ["g"])
    assert encoder.texts == [
        "query: a",
        "passage: b",
        "passage: c",
        "feeling: d",
        "query: e",
        "passage: f",
        "pair: g",
    ]


async def test_a_file_without_prefixes_leaves_texts_as_they_are() -> None:
    encoder = Listening()
    encoder.info = EncoderInfo(frozenset({"en"}))
    await LlamaEmbeddings(encoder).aembed_query("a")
    assert encoder.texts == ["a"]


async def test_question_and_sentence_are_read_in_one_line_and_weighed_by_the_head() -> None:
    encoder = Listening(AnswerHead(weight=(1.0, 0.5), bias=-3.0))
    logits = await LlamaEmbeddings(encoder).aanswers("why", ["Shoes: so", "no"])
    assert encoder.texts == ["pair: why || Shoes: so", "pair: why || no"]
    assert logits == [len(text) + 0.5 * 2 - 3 for text in encoder.texts]


async def test_no_sentence_gets_no_logit() -> None:
    encoder = Listening(AnswerHead(weight=(1.0, 0.5), bias=0.0))
    assert await LlamaEmbeddings(encoder).aanswers("why", []) == []


async def test_an_encoder_without_the_head_cannot_tell_what_answers() -> None:
    with pytest.raises(ModelError, match=r"no kefu\.answers"):
        await LlamaEmbeddings(Listening()).aanswers("why", ["so"])
