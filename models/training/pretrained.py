"""The pretrained decoder that kefu-chat is made from: SmolLM2's, in llama.cpp's `llama` layout.

RMSNorm, rotary positions over neighbouring pairs (the rows of queries and keys lie as in the GGUF,
so nothing is permuted on the way in or out), grouped queries, SwiGLU, tied embeddings.

B batch, T positions, D width, H heads, G heads of keys and values, K head size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from gguf.quants import dequantize
from numpy.typing import NDArray
from torch import Tensor, nn

from models.training.dial import CONTEXT
from models.training.rounding import to_q4_0, to_q8_0

NAMES = {
    "embedding.weight": "token_embd.weight",
    "norm.weight": "output_norm.weight",
    "attention_norm.weight": "attn_norm.weight",
    "query": "attn_q.weight",
    "key": "attn_k.weight",
    "value": "attn_v.weight",
    "attention_out": "attn_output.weight",
    "feed_forward_norm.weight": "ffn_norm.weight",
    "gate": "ffn_gate.weight",
    "up": "ffn_up.weight",
    "down": "ffn_down.weight",
}


@dataclass(frozen=True)
class Shape:
    depth: int
    width: int
    feed_forward: int
    heads: int
    key_heads: int
    vocabulary: int
    rope_base: float
    epsilon: float

    @property
    def head_size(self) -> int:
        return self.width // self.heads


class RMSNorm(nn.Module):
    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.size(-1),), self.weight.to(x.dtype), self.epsilon)


def rotary(positions: int, shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (positions, K / 2)."""
    size = shape.head_size
    frequencies = shape.rope_base ** (-torch.arange(0, size, 2).float() / size)
    angles = torch.outer(torch.arange(positions).float(), frequencies)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
    turned = (first * cos - second * sin, first * sin + second * cos)
    return torch.stack(turned, dim=-1).flatten(-2).to(x.dtype)


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, keys = shape.width, shape.key_heads * shape.head_size
        self.shape = shape
        self.attention_norm = RMSNorm(width, shape.epsilon)
        self.query = nn.Parameter(torch.empty(width, width))
        self.key = nn.Parameter(torch.empty(keys, width))
        self.value = nn.Parameter(torch.empty(keys, width))
        self.attention_out = nn.Parameter(torch.empty(width, width))
        self.feed_forward_norm = RMSNorm(width, shape.epsilon)
        self.gate = nn.Parameter(torch.empty(shape.feed_forward, width))
        self.up = nn.Parameter(torch.empty(shape.feed_forward, width))
        self.down = nn.Parameter(torch.empty(width, shape.feed_forward))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, rounded: Tensor) -> Tensor:
        """`rounded`: how much of what Q4_0 does to the weights is done, 0 to 1."""
        batch, length, width = x.shape
        size, shared = self.shape.head_size, self.shape.heads // self.shape.key_heads

        def project(value: Tensor, weight: Tensor) -> Tensor:
            return F.linear(value, to_q4_0(weight, rounded))

        h = self.attention_norm(x)
        q, k, v = (
            project(h, weight).view(batch, length, -1, size).transpose(1, 2)  # (B, H or G, T, K)
            for weight in (self.query, self.key, self.value)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k, v = (t.repeat_interleave(shared, dim=1) for t in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + project(mixed.transpose(1, 2).reshape(batch, length, width), self.attention_out)
        h = self.feed_forward_norm(x)
        return x + project(F.silu(project(h, self.gate)) * project(h, self.up), self.down)


class Pretrained(nn.Module):
    cos: Tensor
    sin: Tensor
    rounded: Tensor
    """How much of what the exported file's rounding does to the weights is done, 0 to 1. A tensor,
    so that nothing is compiled anew when it changes."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.depth))
        self.norm = RMSNorm(shape.width, shape.epsilon)
        cos, sin = rotary(CONTEXT, shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.register_buffer("rounded", torch.zeros(()), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) ids to (B, T, V) logits."""
        return self.logits(*self.hidden(tokens))

    def hidden(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) ids to (B, T, D), and the embedding for `logits`, rounded once for both its
        ends."""
        length = tokens.size(1)
        cos, sin = self.cos[:length], self.sin[:length]
        embedding = to_q8_0(self.embedding.weight, self.rounded)
        if torch.is_autocast_enabled(tokens.device.type):
            embedding = embedding.to(torch.get_autocast_dtype(tokens.device.type))
        x = F.embedding(tokens, embedding)
        for layer in self.layers:
            x = layer(x, cos, sin, self.rounded)
        return self.norm(x), embedding

    def logits(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        return F.linear(hidden, embedding)


def tensor_name(ours: str) -> str:
    if not ours.startswith("layers."):
        return NAMES[ours]
    _, number, rest = ours.split(".", 2)
    return f"blk.{number}.{NAMES[rest]}"


def shape_of(fields: Mapping[str, Any]) -> Shape:
    """Of a GGUF's metadata."""

    def read(name: str) -> Any:
        return fields[f"llama.{name}"].contents()

    return Shape(
        depth=read("block_count"),
        width=read("embedding_length"),
        feed_forward=read("feed_forward_length"),
        heads=read("attention.head_count"),
        key_heads=read("attention.head_count_kv"),
        vocabulary=len(fields["tokenizer.ggml.tokens"].contents()),
        rope_base=read("rope.freq_base"),
        epsilon=read("attention.layer_norm_rms_epsilon"),
    )


def load_pretrained(path: Path) -> Pretrained:
    reader = gguf.GGUFReader(path)
    model = Pretrained(shape_of(reader.fields))
    stored = {tensor.name: tensor for tensor in reader.tensors}
    weights = {}
    for ours in model.state_dict():
        found = stored[tensor_name(ours)]
        values: NDArray[np.float32] = dequantize(found.data, found.tensor_type)
        weights[ours] = torch.from_numpy(values.astype(np.float32))
    model.load_state_dict(weights)
    return model
