"""The decoder: RMSNorm, rotary positions (half rotation), normed queries and keys, SwiGLU, tied
embeddings. The shapes and names follow llama.cpp's `qwen3` architecture, which runs it.

B batch, T positions, D width, H heads, K head size, V vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.training.dial import CONTEXT, HEAD_SIZE, Dial

ROPE_BASE = 10_000.0
NORM_EPSILON = 1e-6


class RMSNorm(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.size(-1),), self.weight.to(x.dtype), NORM_EPSILON)


def rotary(positions: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (positions, K)."""
    frequencies = ROPE_BASE ** (-torch.arange(0, HEAD_SIZE, 2).float() / HEAD_SIZE)
    angles = torch.outer(torch.arange(positions).float(), frequencies)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


class Layer(nn.Module):
    def __init__(self, dial: Dial) -> None:
        super().__init__()
        width, hidden = dial.width, dial.feed_forward
        self.heads = dial.heads
        self.attention_norm = RMSNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.query_norm = RMSNorm(HEAD_SIZE)
        self.key_norm = RMSNorm(HEAD_SIZE)
        self.attention_out = nn.Linear(width, width, bias=False)
        self.feed_forward_norm = RMSNorm(width)
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, width = x.shape
        h = self.attention_norm(x)
        q, k, v = (
            project(h).view(batch, length, self.heads, HEAD_SIZE).transpose(1, 2)  # (B, H, T, K)
            for project in (self.query, self.key, self.value)
        )
        q = rotate(self.query_norm(q), cos, sin).to(v.dtype)
        k = rotate(self.key_norm(k), cos, sin).to(v.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attention_out(mixed.transpose(1, 2).reshape(batch, length, width))
        h = self.feed_forward_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Decoder(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, dial: Dial) -> None:
        super().__init__()
        self.dial = dial
        self.embedding = nn.Embedding(dial.vocabulary, dial.width)
        self.layers = nn.ModuleList(Layer(dial) for _ in range(dial.depth))
        self.norm = RMSNorm(dial.width)
        cos, sin = rotary(CONTEXT)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        nn.init.normal_(self.embedding.weight, std=0.02)
        for name, weight in self.layers.named_parameters():
            if weight.dim() == 2:
                # what a block adds to the residual stream starts at zero: depth does no harm
                ends_block = "attention_out" in name or "down" in name
                nn.init.normal_(weight, std=0.0 if ends_block else weight.size(1) ** -0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) ids to (B, T, V) logits."""
        return self.logits(self.hidden(tokens))

    def hidden(self, tokens: Tensor) -> Tensor:
        """(B, T) ids to (B, T, D)."""
        length = tokens.size(1)
        cos, sin = self.cos[:length], self.sin[:length]
        x = self.embedding(tokens)
        if torch.is_autocast_enabled(x.device.type):  # or every block would add up in float32
            x = x.to(torch.get_autocast_dtype(x.device.type))
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.embedding.weight)
