"""A tiny random base for the encoder, and SentencePiece's table of characters."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache

import numpy as np

from models.catalogue import find
from models.training.multilingual import SPECIAL, Base, Weights

WORDS = ("return", "shoe", "order", "ing", "the", "how", "ship", "dog", "pair", "query", "passage")
HAN = "退货鞋子你好"
WIDTH, INNER, POSITIONS = 96, 64, 512
"""As narrow as blocks of 32 and twelve heads allow; llama.cpp wants as many positions as its
context has."""


def pieces_of(
    letters: str = "abcdefghijklmnopqrstuvwxyz0123456789|:,.!?'",
) -> tuple[list[str], np.ndarray]:
    """With their scores: words before letters, each with and without the space before it."""
    plain = [*WORDS, *letters, *HAN]
    pieces = [*SPECIAL, "\u2581", *plain, *(f"\u2581{piece}" for piece in plain)]
    scores = [0.0] * len(SPECIAL) + [-3.0]
    scores += [-6.0 - 0.01 * number for number in range(len(pieces) - len(scores))]
    return pieces, np.array(scores, np.float32)


def random_base(
    pieces: Sequence[str],
    scores: np.ndarray,
    *,
    layers: int = 1,
    width: int = WIDTH,
    inner: int = INNER,
    seed: int = 1,
) -> Base:
    dice = np.random.default_rng(seed)

    def drawn(*shape: int, scale: float = 0.3) -> np.ndarray:
        return dice.normal(0, scale, shape).astype(np.float32)

    def norm() -> Weights:
        return {"w": 1 + drawn(width, scale=0.1), "b": drawn(width, scale=0.1)}

    weights = {
        "emb.word": drawn(len(pieces), width),
        "emb.pos": drawn(POSITIONS, width, scale=0.1),
        "emb.type": np.repeat(drawn(1, width), 2, axis=0),
    }
    weights |= {f"emb.ln.{end}": values for end, values in norm().items()}
    for number in range(layers):
        shapes = dict.fromkeys(("q", "k", "v", "ao"), (width, width))
        shapes |= {"fi": (inner, width), "fo": (width, inner)}
        for part, (rows, columns) in shapes.items():
            weights[f"l{number}.{part}.w"] = drawn(rows, columns)
            weights[f"l{number}.{part}.b"] = drawn(rows, scale=0.1)
        for part in ("aln", "oln"):
            weights |= {f"l{number}.{part}.{end}": values for end, values in norm().items()}
    return Base(weights, list(pieces), scores, 1e-12)


@cache
def charsmap() -> bytes:
    """Of the encoder that comes along: its file is not parsed, which takes seconds."""
    key = b"tokenizer.ggml.precompiled_charsmap"
    with find("kefu-encoder").open("rb") as file:
        head = file.read(8_000_000)
    at = head.index(key) + len(key)
    _, _, count = struct.unpack_from("<IIQ", head, at)  # an array of bytes
    return head[at + 16 : at + 16 + count]
