"""How a customer's message sounds: positive, neutral or negative."""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from bot.conversation import Sentiment, SentimentLabel
from bot.errors import ModelFileError
from bot.ngrams import chinese_ngrams, english_ngrams, places

Floats: TypeAlias = NDArray[np.float32]

LONGEST = 2000
"""Characters of a message that are looked at: its first ones."""
UNTOLD = Sentiment(SentimentLabel.NEUTRAL, score=0.0, confidence=1 / 3)
"""Of a message that no head can read."""


@dataclass(frozen=True, slots=True)
class Head:
    """Multinomial logistic regression; its file is described in models/cards/kefu-sentiment.md."""

    ngrams: Floats
    """(labels, places)"""
    vector: Floats | None
    """(labels, dimensions of the encoder); None for a head that needs no vector."""
    bias: Floats
    temperature: float

    def probabilities(self, ngrams: set[str], vector: Sequence[float] | None) -> Floats:
        at = places(ngrams, self.ngrams.shape[1])
        logits = self.ngrams[:, at].sum(axis=1) / max(len(at), 1) ** 0.5 + self.bias
        if self.vector is not None:
            logits = logits + self.vector @ np.asarray(vector, dtype=np.float32)
        powers = np.exp((logits - logits.max()) / self.temperature)
        return np.asarray(powers / powers.sum(), dtype=np.float32)


class SentimentTagger:
    """Tags English with the encoder's vectors and n-grams, Chinese with n-grams alone.

    A message in another language goes to the English head if it is written in Latin letters.
    That is worth little: loan words, "!!!" and emoji are all it can go by, and it tends to
    neutral. In any other script the answer is neutral at a confidence of a third, always.
    """

    def __init__(self, encoder: Embeddings, weights: Path) -> None:
        """Raise ModelFileError where `weights` is not the sentiment model."""
        self._encoder = encoder
        self._labels, self._english, self._chinese = _read_weights(weights)

    def tag(self, texts: Sequence[str], languages: Sequence[str]) -> list[Sentiment]:
        """One sentiment a text; `languages` are ISO 639-1 codes, one a text."""
        heads = self._heads(texts, languages)
        vectors = self._encoder.embed_documents(self._to_encode(texts, heads))
        return self._read(texts, heads, vectors)

    async def atag(self, texts: Sequence[str], languages: Sequence[str]) -> list[Sentiment]:
        heads = self._heads(texts, languages)
        vectors = await self._encoder.aembed_documents(self._to_encode(texts, heads))
        return self._read(texts, heads, vectors)

    def _heads(self, texts: Sequence[str], languages: Sequence[str]) -> list[Head | None]:
        return [self._head(text, lang) for text, lang in zip(texts, languages, strict=True)]

    def _head(self, text: str, language: str) -> Head | None:
        if not text.strip():
            return None
        if language == "zh":
            return self._chinese
        return self._english if language == "en" or _is_latin(text[:LONGEST]) else None

    def _to_encode(self, texts: Sequence[str], heads: list[Head | None]) -> list[str]:
        return [
            text[:LONGEST]
            for text, head in zip(texts, heads, strict=True)
            if head is not None and head.vector is not None
        ]

    def _read(
        self, texts: Sequence[str], heads: list[Head | None], vectors: list[list[float]]
    ) -> list[Sentiment]:
        found: list[Sentiment] = []
        remaining = iter(vectors)
        for text, head in zip(texts, heads, strict=True):
            if head is None:
                found.append(UNTOLD)
                continue
            ngrams = chinese_ngrams if head is self._chinese else english_ngrams
            vector = None if head.vector is None else next(remaining)
            found.append(self._sentiment(head.probabilities(ngrams(text[:LONGEST]), vector)))
        return found

    def _sentiment(self, probabilities: Floats) -> Sentiment:
        of = dict(zip(self._labels, probabilities.tolist(), strict=True))
        label = max(of, key=lambda label: of[label])
        score = of[SentimentLabel.POSITIVE] - of[SentimentLabel.NEGATIVE]
        return Sentiment(label, score=score, confidence=of[label])


def check_weights(weights: Path) -> None:
    """Raise ModelFileError where `weights` is not the sentiment model."""
    _read_weights(weights)


def _read_weights(weights: Path) -> tuple[list[SentimentLabel], Head, Head]:
    try:
        with weights.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            labels = [SentimentLabel(label) for label in stored["labels"].tolist()]
            return labels, _head(stored, "en"), _head(stored, "zh")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelFileError(f"{weights} is not kefu's sentiment model: {error}") from None


def _head(stored: np.lib.npyio.NpzFile, language: str) -> Head:
    return Head(
        ngrams=stored[f"{language}_ngrams"].astype(np.float32),
        vector=stored.get(f"{language}_vector"),
        bias=stored[f"{language}_bias"],
        temperature=float(stored[f"{language}_temperature"]),
    )


def _is_latin(text: str) -> bool:
    """Most of the letters are Latin, or there is no letter at all ("👍👍", "???")."""
    letters = [character for character in text if character.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return 2 * latin >= len(letters)
