"""The encoder as langchain-core's Embeddings."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from bot.engine.vector_model import VectorModel


class LlamaEmbeddings(Embeddings):
    """Vectors of length 1, so that their dot product is the cosine."""

    def __init__(self, encoder: VectorModel) -> None:
        self._encoder = encoder

    @property
    def languages(self) -> frozenset[str]:
        """The languages that the encoder knows, ISO 639-1."""
        return self._encoder.languages

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return _lists(self._encoder.encode(texts).tolist())

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return _lists((await self._encoder.aencode(texts)).tolist())

    async def aembed_query(self, text: str) -> list[float]:
        return (await self.aembed_documents([text]))[0]


def _lists(vectors: list[list[float]]) -> list[list[float]]:
    """What `ndarray.tolist` gives for two dimensions, which numpy cannot say in types."""
    return vectors
