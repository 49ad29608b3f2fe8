"""Sentence vectors from a GGUF encoder, for the training scripts, one sentence after another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


def encode(model: Path, sentences: Iterable[str], *, threads: int = 1) -> np.ndarray:
    """Unit-length float32 (n, 384)."""
    encoder = load(model, threads)
    vectors = [encoder.embed(sentence, normalize=True) for sentence in sentences]
    return np.array(vectors, dtype=np.float32)


def tokenize(model: Path, sentences: Iterable[str]) -> list[list[int]]:
    encoder = load(model, threads=1)
    return [encoder.tokenize(sentence.encode("utf-8")) for sentence in sentences]


def load(model: Path, threads: int) -> Any:
    from llama_cpp import Llama

    return Llama(
        str(model),
        embedding=True,
        n_ctx=512,
        n_batch=512,
        n_ubatch=512,  # a sentence is pooled within one micro-batch
        n_threads=threads,
        n_threads_batch=threads,
        verbose=False,
    )
