"""langchain's standard suites over the tiny encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from bot.engine import Encoder, EngineThread, LlamaEmbeddings
from bot.settings import EngineSettings


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
