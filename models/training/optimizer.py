"""Muon or AdamW for the matrices, AdamW for the embedding and the norms.

Muon (Keller Jordan, 2024): the momentum of a matrix is orthogonalised by five Newton-Schulz steps
before it is applied, so that all its directions are learnt at the same rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from models.training.decoder import Decoder
from models.training.dial import Dial

Kind: TypeAlias = Literal["muon", "adamw"]
DECAY: dict[str, float] = {"muon": 0.01, "adamw": 0.1}
"""Of the matrices, times the rate."""


def orthogonalised(matrices: Tensor, steps: int = 5) -> Tensor:
    """(..., rows, columns): any number of them at a time."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.size(-2) > x.size(-1)
    x = x.mT if tall else x
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    def __init__(self, matrices: Iterable[Tensor], lr: float, decay: float = 0.01) -> None:
        """Matrices of one shape are a group: they are orthogonalised together."""
        shapes: dict[torch.Size, list[Tensor]] = {}
        for matrix in matrices:
            shapes.setdefault(matrix.shape, []).append(matrix)
        groups = [{"params": group} for group in shapes.values()]
        super().__init__(groups, {"lr": lr, "momentum": 0.95, "decay": decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            wanted = []
            for weight in group["params"]:
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                momentum.lerp_(weight.grad, 1 - group["momentum"])
                wanted.append(weight.grad.lerp(momentum, group["momentum"]))
            stacked = torch.stack(wanted)
            half = (
                stacked.is_cuda
            )  # five steps are forgiving, and a GPU has them at once in bfloat16
            updates = orthogonalised(stacked.bfloat16() if half else stacked).to(stacked.dtype)
            scale = max(1.0, stacked.size(-2) / stacked.size(-1)) ** 0.5
            for weight, update in zip(group["params"], updates, strict=True):
                weight.mul_(1 - group["lr"] * group["decay"])
                weight.add_(update, alpha=-group["lr"] * scale)


def optimizers(
    model: Decoder, dial: Dial, kind: Kind = "muon", decay: float | None = None
) -> list[torch.optim.Optimizer]:
    """`decay` is of the matrices; None: what is usual for the kind."""
    shrinking = DECAY[kind] if decay is None else decay
    matrices = [p for p in model.layers.parameters() if p.dim() == 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": [model.embedding.weight], "lr": dial.embedding_rate, "weight_decay": 0.0},
        {"params": rest, "lr": dial.embedding_rate, "weight_decay": 0.0},
    ]
    chosen: list[torch.optim.Optimizer] = []
    if kind == "adamw":
        groups.append({"params": matrices, "lr": dial.adamw_rate, "weight_decay": shrinking})
    else:
        chosen.append(Muon(matrices, dial.muon_rate, shrinking))
    chosen.append(torch.optim.AdamW(groups, betas=(0.9, 0.95)))
    for optimizer in chosen:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return chosen
