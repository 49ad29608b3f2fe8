"""Train the decoder: `python -m models.training.train --run runs/small --tokens 5e6`.

One code path for CPU and CUDA. The run is cut in two: reading (text, dialogues; every token is a
target) and tuning (service conversations; the loss is taken on replies only). A checkpoint is
written every few minutes and at the end; started again with the same arguments it goes on from it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.training.decoder import Decoder
from models.training.dial import CONTEXT, Dial
from models.training.optimizer import optimizers

BATCH_TOKENS = 4_096
MICRO_TOKENS = {"cpu": 2_048, "cuda": 4_096}
"""A micro-batch that stays in the CPU's cache wins; a GPU wants a large one."""
TUNING_FROM = 0.35
COOLING_FROM = 0.3
"""Shares of the run after which it tunes, and after which the rate falls linearly to zero."""
WARMUP_STEPS = 20
CHECKPOINT_SECONDS = 300
REPORT_EVERY = 10
VALIDATE_EVERY = 100
"""Steps."""


class Packed:
    """Tokens on disk, drawn as random windows."""

    def __init__(self, folder: Path, name: str) -> None:
        self.tokens = np.load(folder / f"{name}.tokens.npy", mmap_mode="r")
        self.learn = np.load(folder / f"{name}.learn.npy", mmap_mode="r")

    def windows(self, rng: np.random.Generator, count: int, length: int) -> tuple[Tensor, Tensor]:
        """(count, length + 1) ids and whether each is a target."""
        starts = rng.integers(0, len(self.tokens) - length - 1, size=count)
        index = starts[:, None] + np.arange(length + 1)
        tokens = torch.from_numpy(self.tokens[index].astype(np.int64))
        return tokens, torch.from_numpy(self.learn[index].astype(np.bool_))


Hidden = Callable[[Tensor], Tensor]
Draw = Callable[[np.random.Generator, int], tuple[Tensor, Tensor]]


def drawer(folder: Path, tuning: bool, part: str = "") -> Draw:
    plain, service = Packed(folder, f"plain{part}"), Packed(folder, f"service{part}")
    length = CONTEXT if tuning else CONTEXT // 4
    plain_share = 0.1 if tuning else 0.75

    def draw(rng: np.random.Generator, tokens: int) -> tuple[Tensor, Tensor]:
        rows = max(1, tokens // length)
        from_plain = int(rng.binomial(rows, plain_share))
        pieces = [
            source.windows(rng, count, length)
            for source, count in ((plain, from_plain), (service, rows - from_plain))
            if count
        ]
        ids, learn = (torch.cat(parts) for parts in zip(*pieces, strict=True))
        return ids, learn if tuning else torch.ones_like(learn)

    return draw


def loss_of(model: Decoder, hidden: Hidden, ids: Tensor, learn: Tensor) -> Tensor:
    """Mean cross-entropy over the targets, in nats.

    Logits are made for targets alone: with 8,192 of them they cost a quarter of a pass.
    """
    wanted = learn[:, 1:]
    logits = model.logits(hidden(ids[:, :-1])[wanted])
    return F.cross_entropy(logits.float(), ids[:, 1:][wanted])


@torch.no_grad()
def validation(
    model: Decoder, hidden: Hidden, draws: dict[str, Draw], device: str
) -> dict[str, float]:
    found = {}
    for name, draw in draws.items():
        rng = np.random.default_rng(7)
        losses = []
        for _ in range(12):
            ids, learn = draw(rng, MICRO_TOKENS["cpu"])
            if learn[:, 1:].any():
                losses.append(loss_of(model, hidden, ids.to(device), learn.to(device)).item())
        found[name] = round(float(np.mean(losses)), 4)
    return found


def rate_at(step: int, steps: int) -> float:
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    left = (steps - step) / (steps * (1 - COOLING_FROM))
    return min(1.0, left)


def train(
    run: Path,
    dial: Dial,
    tokens: float,
    seed: int,
    device: str,
    compiled: bool = True,
    halved: bool = True,
) -> None:
    """`halved`: multiplies in bfloat16, which a CPU with AVX-512 BF16 does 1.5 times as fast."""
    torch.manual_seed(seed)
    model = Decoder(dial).to(device)
    hidden: Hidden = torch.compile(model.hidden) if compiled else model.hidden
    chosen = optimizers(model, dial)
    steps, first = math.ceil(tokens / BATCH_TOKENS), 0
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(chosen, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        first = state["step"]

    def save(step: int) -> None:
        state = {
            "model": model.state_dict(),
            "optimizers": [o.state_dict() for o in chosen],
            "step": step,
            "depth": dial.depth,
        }
        torch.save(state, checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").replace(checkpoint)

    draws = {tuning: drawer(run, tuning) for tuning in (False, True)}
    checks = {"plain": drawer(run, False, "_val"), "service": drawer(run, True, "_val")}
    micro = MICRO_TOKENS["cuda" if device.startswith("cuda") else "cpu"]
    saved_at = began = time.monotonic()
    for step in range(first, steps):
        tuning = step >= TUNING_FROM * steps
        rng = np.random.default_rng([seed, step])  # a resumed run draws what an unbroken one would
        pieces = max(1, BATCH_TOKENS // micro)
        total = 0.0
        for _ in range(pieces):
            ids, learn = draws[tuning](rng, micro)
            with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=halved):
                loss = loss_of(model, hidden, ids.to(device), learn.to(device)) / pieces
            loss.backward()
            total += loss.item()
        for optimizer in chosen:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * rate_at(step, steps)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        now = time.monotonic()
        line: dict[str, object] = {"step": step + 1, "of": steps, "loss": round(total, 4)}
        line["tokens_per_second"] = round((step + 1 - first) * BATCH_TOKENS / (now - began))
        if (step + 1) % VALIDATE_EVERY == 0 or step + 1 == steps:
            line["validation"] = validation(model, hidden, checks, device)
        if (step + 1) % REPORT_EVERY == 0 or "validation" in line:
            print(json.dumps(line), flush=True)
        if now - saved_at > CHECKPOINT_SECONDS:
            save(step + 1)
            saved_at = now
    save(steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--depth", type=int, default=6)
    parser.add_argument("--tokens", type=float, default=5e6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-compile", dest="compiled", action="store_false")
    parser.add_argument("--no-bfloat16", dest="halved", action="store_false")
    given = parser.parse_args()
    train(
        given.run,
        Dial(given.depth),
        given.tokens,
        given.seed,
        given.device,
        given.compiled,
        given.halved,
    )


if __name__ == "__main__":
    main()
