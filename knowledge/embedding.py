"""Passages and questions to vectors, in the languages that the encoder knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from bot.conversation import Passage
from bot.reading import told
from knowledge.prepared import prepared_for

if TYPE_CHECKING:
    from knowledge.vectors import Vectors


class Encoder(Protocol):
    """langchain-core's Embeddings. `languages`, a set of ISO 639-1 codes, is asked for, too."""

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]: ...

    async def aembed_query(self, text: str) -> list[float]: ...


def languages_of(encoder: Encoder | None) -> frozenset[str]:
    if encoder is None:
        return frozenset()
    return frozenset(getattr(encoder, "languages", {"en"}))


def told_passage(passage: Passage) -> str:
    return told(passage.title, passage.heading, passage.text)


async def embed_passages(encoder: Encoder | None, passages: Sequence[Passage]) -> Vectors | None:
    """float32 (n, dim), a row of NaN for a language it does not know; None where all would be."""
    import numpy as np

    known = languages_of(encoder)
    places = [place for place, passage in enumerate(passages) if passage.language in known]
    if encoder is None or not places:
        return None
    embedded = await _embedded(encoder, [told_passage(passages[place]) for place in places])
    found = np.asarray(embedded, dtype=np.float32)
    vectors = np.full((len(passages), found.shape[1]), np.nan, dtype=np.float32)
    vectors[places] = found
    return vectors


async def _embedded(encoder: Encoder, texts: list[str]) -> list[list[float]]:
    prepared = prepared_for(getattr(encoder, "revision", ""), texts)
    missing = [text for text, vector in zip(texts, prepared, strict=True) if vector is None]
    made = iter(await encoder.aembed_documents(missing) if missing else ())
    return [next(made) if vector is None else vector for vector in prepared]
