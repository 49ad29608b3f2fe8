"""The encoder as langchain-core's Embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from langchain_core.embeddings import Embeddings

from bot.engine.vector_model import Purpose, VectorModel
from bot.errors import ModelError
from bot.reading import together


class LlamaEmbeddings(Embeddings):
    """Vectors of length 1, so that their dot product is the cosine."""

    def __init__(self, encoder: VectorModel) -> None:
        self._encoder = encoder

    @property
    def languages(self) -> frozenset[str]:
        """The languages that the encoder knows, ISO 639-1."""
        return self._encoder.info.languages

    @property
    def revision(self) -> str:
        """Vectors of two revisions cannot be compared."""
        return self._encoder.info.revision

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return _lists(self._encoder.encode(self._headed("passage", texts)).tolist())

    def embed_query(self, text: str) -> list[float]:
        return self.embed_for("query", [text])[0]

    def embed_for(self, purpose: Purpose, texts: Sequence[str]) -> list[list[float]]:
        return _lists(self._encoder.encode(self._headed(purpose, texts)).tolist())

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await self.aembed_for("passage", texts)

    async def aembed_query(self, text: str) -> list[float]:
        return (await self.aembed_for("query", [text]))[0]

    async def aembed_for(self, purpose: Purpose, texts: Sequence[str]) -> list[list[float]]:
        return _lists((await self._encoder.aencode(self._headed(purpose, texts))).tolist())

    async def aanswers(self, question: str, told: Sequence[str]) -> list[float]:
        """For each sentence, told with its headings, the logit that it answers the question. Raise
        ModelError from an encoder that was not taught to tell."""
        head = self._encoder.info.answers
        if head is None:
            raise ModelError("the encoder cannot tell what answers a question: no kefu.answers")
        pairs = [together(question, sentence) for sentence in told]
        vectors = await self._encoder.aencode(self._headed("pair", pairs))
        logits: list[float] = (vectors @ np.array(head.weight, np.float32) + head.bias).tolist()
        return logits

    def _headed(self, purpose: Purpose, texts: Sequence[str]) -> list[str]:
        prefix = self._encoder.info.prefixes.get(purpose, "")
        return [prefix + text for text in texts]


def _lists(vectors: list[list[float]]) -> list[list[float]]:
    """What `ndarray.tolist` gives for two dimensions, which numpy cannot say in types."""
    return vectors
