"""The encoder as langchain-core's Embeddings."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
from langchain_core.embeddings import Embeddings

from bot.engine.vector_model import Purpose, VectorModel, Vectors
from bot.errors import ModelError
from bot.reading import together

KEPT: tuple[Purpose, ...] = ("query", "feeling")
"""In a turn a question is searched with and compared with sentences, and how a message sounds tells
its mood and whether it is a wish for a person: one vector serves both."""
MOST_KEPT = 256
"""Of the latest texts, 1.5 kB each."""


class LlamaEmbeddings(Embeddings):
    """Vectors of length 1, so that their dot product is the cosine."""

    def __init__(self, encoder: VectorModel) -> None:
        self._encoder = encoder
        self._kept: OrderedDict[str, Vectors] = OrderedDict()

    @property
    def languages(self) -> frozenset[str]:
        """The languages that the encoder knows, ISO 639-1."""
        return self._encoder.info.languages

    @property
    def revision(self) -> str:
        """Vectors of two revisions cannot be compared."""
        return self._encoder.info.revision

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_for("passage", texts)

    def embed_query(self, text: str) -> list[float]:
        return self.embed_for("query", [text])[0]

    def embed_for(self, purpose: Purpose, texts: Sequence[str]) -> list[list[float]]:
        headed = self._headed(purpose, texts)
        if purpose not in KEPT:
            return _lists(self._encoder.encode(headed).tolist())
        known, missing = self._known(headed)
        made = self._encoder.encode(missing) if missing else ()
        return self._rows(headed, known, dict(zip(missing, made, strict=True)))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await self.aembed_for("passage", texts)

    async def aembed_query(self, text: str) -> list[float]:
        return (await self.aembed_for("query", [text]))[0]

    async def aembed_for(self, purpose: Purpose, texts: Sequence[str]) -> list[list[float]]:
        headed = self._headed(purpose, texts)
        if purpose not in KEPT:
            return _lists((await self._encoder.aencode(headed)).tolist())
        known, missing = self._known(headed)
        made = await self._encoder.aencode(missing) if missing else ()
        return self._rows(headed, known, dict(zip(missing, made, strict=True)))

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

    def _known(self, headed: Sequence[str]) -> tuple[dict[str, Vectors], list[str]]:
        """The vectors that are kept, and the texts that have none."""
        found = {text: self._kept.get(text) for text in headed}
        known = {text: vector for text, vector in found.items() if vector is not None}
        for text in known:
            self._kept.move_to_end(text)
        return known, [text for text in found if text not in known]

    def _rows(
        self, headed: Sequence[str], known: Mapping[str, Vectors], made: Mapping[str, Vectors]
    ) -> list[list[float]]:
        self._kept.update((text, vector.copy()) for text, vector in made.items())
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return [_list(known[text] if text in known else made[text]) for text in headed]


def _list(vector: Vectors) -> list[float]:
    numbers: list[float] = vector.tolist()
    return numbers


def _lists(vectors: list[list[float]]) -> list[list[float]]:
    """What `ndarray.tolist` gives for two dimensions, which numpy cannot say in types."""
    return vectors
