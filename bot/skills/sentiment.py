"""How a customer's message sounds: positive, neutral or negative."""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot.conversation import Sentiment, SentimentLabel
from bot.errors import ModelFileError

Floats: TypeAlias = NDArray[np.float32]

LONGEST = 2000
"""Characters of a message that are looked at: its first ones."""
UNTOLD = Sentiment(SentimentLabel.NEUTRAL, score=0.0, confidence=1 / 3)
"""Of a message that no head can read."""


class Feeler(Protocol):
    """The encoder."""

    @property
    def languages(self) -> frozenset[str]: ...

    def embed_for(self, purpose: Literal["feeling"], texts: Sequence[str]) -> list[list[float]]: ...

    async def aembed_for(
        self, purpose: Literal["feeling"], texts: Sequence[str]
    ) -> list[list[float]]: ...


@dataclass(frozen=True, slots=True)
class Head:
    """Multinomial logistic regression; its file is described in models/cards/kefu-sentiment.md."""

    vector: Floats
    """(labels, dimensions of the encoder)"""
    bias: Floats
    temperature: float

    def probabilities(self, vectors: Floats) -> Floats:
        """(texts, labels)"""
        logits = (vectors @ self.vector.T + self.bias) / self.temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


class SentimentTagger:
    """Tags what is in a language that the encoder knows, or at least in Latin letters; of a message
    in another script the answer is neutral at a confidence of a third, always."""

    def __init__(self, encoder: Feeler, weights: Path) -> None:
        """Raise ModelFileError where `weights` is not the sentiment model."""
        self._encoder = encoder
        self._labels, self._head = _read_weights(weights)

    def tag(self, texts: Sequence[str], languages: Sequence[str]) -> list[Sentiment]:
        """One sentiment a text; `languages` are ISO 639-1 codes, one a text."""
        read = self._read(texts, languages)
        told = [text[:LONGEST] for text, one in zip(texts, read, strict=True) if one]
        return self._sentiments(read, self._encoder.embed_for("feeling", told))

    async def atag(self, texts: Sequence[str], languages: Sequence[str]) -> list[Sentiment]:
        read = self._read(texts, languages)
        told = [text[:LONGEST] for text, one in zip(texts, read, strict=True) if one]
        return self._sentiments(read, await self._encoder.aembed_for("feeling", told))

    def _read(self, texts: Sequence[str], languages: Sequence[str]) -> list[bool]:
        known = self._encoder.languages
        return [
            bool(text.strip()) and (language in known or _is_latin(text[:LONGEST]))
            for text, language in zip(texts, languages, strict=True)
        ]

    def _sentiments(
        self, read: Sequence[bool], vectors: Sequence[Sequence[float]]
    ) -> list[Sentiment]:
        if not vectors:
            return [UNTOLD for _ in read]
        rows = iter(self._head.probabilities(np.asarray(vectors, dtype=np.float32)).tolist())
        return [self._sentiment(next(rows)) if one else UNTOLD for one in read]

    def _sentiment(self, probabilities: Sequence[float]) -> Sentiment:
        of = dict(zip(self._labels, probabilities, strict=True))
        label = max(of, key=lambda label: of[label])
        score = of[SentimentLabel.POSITIVE] - of[SentimentLabel.NEGATIVE]
        return Sentiment(label, score=score, confidence=of[label])


def check_weights(weights: Path) -> None:
    """Raise ModelFileError where `weights` is not the sentiment model."""
    _read_weights(weights)


def _read_weights(weights: Path) -> tuple[list[SentimentLabel], Head]:
    try:
        with weights.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            labels = [SentimentLabel(label) for label in stored["labels"].tolist()]
            vector = stored["vector"].astype(np.float32)
            return labels, Head(vector, stored["bias"], float(stored["temperature"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelFileError(f"{weights} is not kefu's sentiment model: {error}") from None


def _is_latin(text: str) -> bool:
    """Most of the letters are Latin, or there is no letter at all ("👍👍", "???")."""
    letters = [character for character in text if character.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return 2 * latin >= len(letters)
