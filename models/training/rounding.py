"""What ggml's formats keep of a weight, for training with it in view.

Gradients pass through as if nothing were rounded ("straight-through", Bengio et al., 2013).
"""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 32
"""Weights that share a scale; they follow each other in a row."""


def to_q4_0(weight: Tensor, share: Tensor) -> Tensor:
    """(rows, columns). `share` 0: as it is; 1: as Q4_0 keeps it, digit for digit with
    `gguf.quants`: the value farthest from zero is -8 steps."""
    with torch.no_grad():
        blocks = weight.unflatten(-1, (-1, BLOCK))
        low, high = blocks.amin(-1, keepdim=True), blocks.amax(-1, keepdim=True)
        step = torch.where(high > -low, high, low) / -8
        inverse = torch.where(step == 0, 0.0, 1 / step)
        digits = torch.floor(blocks * inverse + 8.5).clamp(0, 15) - 8
        kept = (digits * step.half().float()).flatten(-2)
        change = (kept - weight) * share
    return weight + change


def to_q8_0(weight: Tensor, share: Tensor) -> Tensor:
    """Likewise, in 127 steps either way."""
    with torch.no_grad():
        blocks = weight.unflatten(-1, (-1, BLOCK))
        step = blocks.abs().amax(-1, keepdim=True) / 127
        inverse = torch.where(step == 0, 0.0, 1 / step)
        kept = (torch.round(blocks * inverse) * step.half().float()).flatten(-2)
        change = (kept - weight) * share
    return weight + change
