"""Sentence vectors from a GGUF encoder, for the training scripts, one sentence after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

STEP = 500
"""How many sentences are encoded between two writes of the cache."""


def encode(model: Path, sentences: Iterable[str], *, threads: int = 1) -> np.ndarray:
    """Unit-length float32 (n, 384)."""
    encoder = load(model, threads)
    vectors = [encoder.embed(sentence, normalize=True) for sentence in sentences]
    return np.array(vectors, dtype=np.float32)


def encode_cached(model: Path, sentences: Sequence[str], cache: Path) -> np.ndarray:
    """As `encode`; what was once encoded is read from the file `cache` (.npz)."""
    known: dict[str, np.ndarray] = {}
    if cache.exists():
        with np.load(cache, allow_pickle=False) as stored:
            known = dict(zip(stored["sentences"].tolist(), stored["vectors"], strict=True))
    missing = [sentence for sentence in dict.fromkeys(sentences) if sentence not in known]
    for start in range(0, len(missing), STEP):
        batch = missing[start : start + STEP]
        known.update(zip(batch, encode(model, batch), strict=True))
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cache, sentences=np.array(list(known)), vectors=np.array(list(known.values())))
        print(f"encoded {start + len(batch)} of {len(missing)}", flush=True)
    return np.array([known[sentence] for sentence in sentences], dtype=np.float32)


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
