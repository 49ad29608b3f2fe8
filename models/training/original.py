"""The original's sentence vectors, computed without llama.cpp: a plain BERT forward pass in torch.

It shares nothing with the converter but the files of the original, so that it can check it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from gguf.utility import SafetensorsLocal
from tokenizers import Tokenizer

Weights: TypeAlias = dict[str, torch.Tensor]


def original_tokens(source: Path, sentences: list[str]) -> list[list[int]]:
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)
    return [encoding.ids for encoding in tokenizer.encode_batch(sentences)]


@torch.no_grad()
def original_vectors(source: Path, sentences: list[str]) -> np.ndarray:
    """Unit-length float32 (n, 384). One sentence at a time: no padding, so no attention mask."""
    config = json.loads((source / "config.json").read_text("utf-8"))
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]
    weights = load_weights(source / "model.safetensors")
    vectors = []
    for ids in original_tokens(source, sentences):
        hidden = embed(weights, torch.tensor(ids), eps)  # (T, 384)
        for layer in range(config["num_hidden_layers"]):
            hidden = block(weights, f"encoder.layer.{layer}.", hidden, heads, eps)
        vectors.append(F.normalize(hidden.mean(dim=0), dim=0))  # mean pooling, then unit length
    return torch.stack(vectors).numpy()


def load_weights(file: Path) -> Weights:
    return {
        name: torch.from_numpy(
            np.array(tensor.mmap_bytes().view(np.float32).reshape(tensor.shape)),
        )
        for name, tensor in SafetensorsLocal(file).tensors.items()
        if tensor.dtype == "F32"
    }


def embed(weights: Weights, ids: torch.Tensor, eps: float) -> torch.Tensor:
    words = weights["embeddings.word_embeddings.weight"][ids]
    places = weights["embeddings.position_embeddings.weight"][: len(ids)]
    kinds = weights["embeddings.token_type_embeddings.weight"][0]
    return norm(weights, "embeddings.LayerNorm", words + places + kinds, eps)


def block(weights: Weights, at: str, x: torch.Tensor, heads: int, eps: float) -> torch.Tensor:
    def split(y: torch.Tensor) -> torch.Tensor:
        return y.view(len(y), heads, -1).transpose(0, 1)  # (heads, T, 32)

    query, key, value = (
        split(linear(weights, f"{at}attention.self.{part}", x))
        for part in ("query", "key", "value")
    )
    scores = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5  # (heads, T, T)
    mixed = (scores.softmax(dim=-1) @ value).transpose(0, 1).reshape(x.shape)
    attended = linear(weights, f"{at}attention.output.dense", mixed)
    x = norm(weights, f"{at}attention.output.LayerNorm", x + attended, eps)
    inner = F.gelu(linear(weights, f"{at}intermediate.dense", x))  # the exact GELU
    return norm(
        weights, f"{at}output.LayerNorm", x + linear(weights, f"{at}output.dense", inner), eps
    )


def linear(weights: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def norm(weights: Weights, name: str, x: torch.Tensor, eps: float) -> torch.Tensor:
    return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], eps)
