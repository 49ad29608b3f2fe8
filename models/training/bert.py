"""The encoder in torch: BERT with learned positions and layer norms behind the blocks, the way that
llama.cpp runs its architecture `bert`.

B batch, T positions, D width, H heads.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.training.multilingual import HEADS, PAD, Weights

_PARTS = {"q": "query", "k": "key", "v": "value", "ao": "out", "fi": "up", "fo": "down"}
_NORMS = {"aln": "attention_norm", "oln": "output_norm"}


class Layer(nn.Module):
    def __init__(self, width: int, inner: int, epsilon: float) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.attention_norm = nn.LayerNorm(width, epsilon)
        self.output_norm = nn.LayerNorm(width, epsilon)

    def forward(self, x: Tensor, mask: Tensor, dropout: float) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            project(x).view(batch, length, HEADS, -1).transpose(1, 2)  # (B, H, T, D / H)
            for project in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        mixed = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        x = self.attention_norm(x + F.dropout(mixed, dropout, self.training))
        inner = self.down(F.gelu(self.up(x)))  # the exact GELU
        return self.output_norm(x + F.dropout(inner, dropout, self.training))


class Bert(nn.Module):
    """Made of the weights that `multilingual.read_base` names."""

    def __init__(self, weights: Mapping[str, np.ndarray], epsilon: float) -> None:
        super().__init__()
        width = weights["emb.pos"].shape[1]
        layers = 1 + max(int(name[1:].split(".")[0]) for name in weights if name[0] == "l")
        inner = weights["l0.fi.w"].shape[0]
        self.words = nn.Embedding.from_pretrained(torch.from_numpy(weights["emb.word"]).float())
        """Not trained: rare words, and those of languages without data, stay where they were."""
        self.positions = nn.Parameter(torch.tensor(weights["emb.pos"], dtype=torch.float32))
        self.kind = nn.Parameter(torch.tensor(weights["emb.type"][0], dtype=torch.float32))
        self.norm = nn.LayerNorm(width, epsilon)
        self.layers = nn.ModuleList(Layer(width, inner, epsilon) for _ in range(layers))
        self.dropout = 0.0
        with torch.no_grad():
            for name, parameter in self._named(layers):
                parameter.copy_(torch.from_numpy(weights[name]))

    def _named(self, layers: int) -> list[tuple[str, nn.Parameter]]:
        found = [("emb.ln.w", self.norm.weight), ("emb.ln.b", self.norm.bias)]
        for number in range(layers):
            for short, long in {**_PARTS, **_NORMS}.items():
                part = getattr(self.layers[number], long)
                found += [(f"l{number}.{short}.{end}", getattr(part, which))
                          for end, which in (("w", "weight"), ("b", "bias"))]  # fmt: skip
        return found

    def weights(self) -> Weights:
        """As `multilingual.read_base` has them, without the words, which are not trained."""
        named = {
            name: p.detach().float().cpu().numpy() for name, p in self._named(len(self.layers))
        }
        named["emb.pos"] = self.positions.detach().float().cpu().numpy()
        named["emb.type"] = np.stack([self.kind.detach().float().cpu().numpy()] * 2)
        return named

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) ids, padded on the right, to unit vectors (B, D): the mean over the tokens."""
        there = tokens != PAD  # (B, T)
        x = self.words(tokens) + self.positions[: tokens.size(1)] + self.kind
        x = self.norm(x)
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        mask = there[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask, self.dropout)
        weight = there[:, :, None].float()
        mean = (x.float() * weight).sum(1) / weight.sum(1).clamp(min=1)
        return F.normalize(mean, dim=-1)
