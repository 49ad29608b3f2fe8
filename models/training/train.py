"""Train the decoder: `python -m models.training.train --run runs/small --tokens 5e6`.

One code path for CPU and CUDA. The run is cut in two: reading (text and conversations; every token
is a target) and tuning (conversations; the loss is taken on replies only). It is as long as its
tokens, or, with `--seconds`, as a time: then the number of steps depends on the machine, and
the log tells it. A checkpoint is written every few minutes and at the end; started again with the
same arguments it goes on from it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.training.decoder import Decoder
from models.training.dial import CONTEXT, Dial
from models.training.optimizer import optimizers
from models.training.pack import LEARNT, PADDING
from models.training.tokenizer import load_tokenizer

BATCH_TOKENS = {"cpu": 4_096, "cuda": 131_072}
MICRO_TOKENS = {"cpu": 2_048, "cuda": 65_536}
"""A micro-batch that stays in the CPU's cache wins; a GPU wants a large one."""
PLAIN_LENGTH = {"cpu": CONTEXT // 8, "cuda": CONTEXT}
"""Tokens of a row of text; one shape for everything saves a GPU the compiling of a second."""
PLAIN_SHARE = {False: 0.6, True: 0.08}
"""Of the rows, on a CPU of the micro-batches, by whether it tunes."""
TUNING_FROM = 0.3
COOLING_FROM = 0.3
"""Shares of the run after which it tunes, and after which the rate falls linearly to zero."""
WARMUP_STEPS = 20
CHECKPOINT_SECONDS = 300
REPORT_EVERY = 10
VALIDATE_EVERY = 200
"""Steps."""
VALIDATED = 64
"""Rows of each kind."""


class Stream:
    """Text, cut anywhere."""

    def __init__(self, folder: Path, name: str, length: int) -> None:
        self._tokens = np.load(folder / f"{name}.tokens.npy", mmap_mode="r")
        self._length = length

    def rows(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(count, length + 1) ids, all of them targets."""
        starts = rng.integers(0, len(self._tokens) - self._length - 1, size=count)
        tokens = self._tokens[starts[:, None] + np.arange(self._length + 1)]
        return tokens, np.ones(tokens.shape, np.bool_)


class Rows:
    """Whole documents."""

    def __init__(self, folder: Path, name: str, *, tuning: bool) -> None:
        self._tokens = np.load(folder / f"{name}.tokens.npy", mmap_mode="r")
        self._learn = np.load(folder / f"{name}.learn.npy", mmap_mode="r")
        self._tuning = tuning

    def rows(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(count, CONTEXT + 1) ids and whether each is a target."""
        whole = len(self._tokens) // (CONTEXT + 1)
        chosen = rng.integers(0, whole, size=count)
        index = (chosen * (CONTEXT + 1))[:, None] + np.arange(CONTEXT + 1)
        learn = self._learn[index]
        return self._tokens[index], (learn == LEARNT) if self._tuning else (learn != PADDING)


Draw = Callable[[np.random.Generator], tuple[Tensor, Tensor]]
"""Ids and whether each is a target, (rows, length + 1)."""


def drawer(folder: Path, device: str, *, tuning: bool) -> Draw:
    length = PLAIN_LENGTH[device]
    plain, service = Stream(folder, "plain", length), Rows(folder, "service", tuning=tuning)
    tokens = MICRO_TOKENS[device]

    def draw(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        if length != CONTEXT:  # a micro-batch is of one kind
            if rng.random() < PLAIN_SHARE[tuning]:
                return _tensors(*plain.rows(rng, max(1, tokens // length)))
            return _tensors(*service.rows(rng, max(1, tokens // CONTEXT)))
        count = tokens // CONTEXT
        from_plain = int(rng.binomial(count, PLAIN_SHARE[tuning]))
        pieces = [plain.rows(rng, from_plain), service.rows(rng, count - from_plain)]
        return _tensors(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))

    return draw


def _tensors(ids: np.ndarray, learn: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(learn)


def loss_of(model: Decoder, ids: Tensor, learn: Tensor) -> Tensor:
    """Mean cross-entropy over the targets, in nats.

    Logits are made for targets alone: with thousands of tokens they cost a quarter of a pass.
    """
    wanted = learn[:, 1:]
    logits = model.logits(model.hidden(ids[:, :-1])[wanted])
    return F.cross_entropy(logits.float(), ids[:, 1:][wanted])


def validation(
    model: Decoder, folder: Path, device: str, *, halved: bool = True
) -> dict[str, float]:
    """Of held-out text, and of replies to customers of trades that are not trained on. With its
    gradients, which are dropped: without them the layers would be compiled a second time."""
    sources: dict[str, Stream | Rows] = {
        "plain": Stream(folder, "plain_val", PLAIN_LENGTH[device]),
        "service": Rows(folder, "service_val", tuning=True),
    }
    count = max(1, MICRO_TOKENS[device] // CONTEXT)  # the shape that is compiled already
    found = {}
    for name, source in sources.items():
        rng = np.random.default_rng(7)
        losses = []
        for _ in range(max(1, VALIDATED // count)):
            ids, learn = _tensors(*source.rows(rng, count))
            with torch.autocast(device, torch.bfloat16, enabled=halved):
                losses.append(loss_of(model, ids.to(device), learn.to(device)).item())
        found[name] = round(float(np.mean(losses)), 4)
    return found


@dataclass(frozen=True)
class Length:
    """Of a run: in tokens, or in seconds."""

    tokens: float = 0.0
    seconds: float = 0.0

    def steps(self, batch: int) -> int | None:
        return None if self.seconds else math.ceil(self.tokens / batch)

    def progress(self, step: int, batch: int, elapsed: float) -> float:
        steps = self.steps(batch)
        return elapsed / self.seconds if steps is None else step / steps


def rate_at(step: int, progress: float) -> float:
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    return min(1.0, max(0.0, 1 - progress) / (1 - COOLING_FROM))


class Run:
    """A decoder in training, and where it stands."""

    def __init__(self, folder: Path, dial: Dial, device: str, *, compiled: bool) -> None:
        self.folder, self.device = folder, device
        self.model = Decoder(dial).to(device)
        if compiled:  # layer by layer: they are alike, so one is compiled
            for layer in self.model.layers:
                layer.compile()
        self.optimizers = optimizers(self.model, dial)
        self.step = 0
        self.seconds = 0.0
        """Of training so far."""
        self._checkpoint = folder / "checkpoint.pt"
        if self._checkpoint.exists():
            self._load()

    def _load(self) -> None:
        state: dict[str, Any] = torch.load(self._checkpoint, map_location=self.device)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "depth": self.model.dial.depth,
        }
        torch.save(state, self._checkpoint.with_suffix(".new"))
        self._checkpoint.with_suffix(".new").replace(self._checkpoint)

    def learn(self, draw: Draw, rng: np.random.Generator, rate: float, *, halved: bool) -> Tensor:
        """One step; its loss, on the device."""
        pieces = max(1, BATCH_TOKENS[self.device] // MICRO_TOKENS[self.device])
        total = torch.zeros((), device=self.device)
        for _ in range(pieces):
            ids, learn = draw(rng)
            with torch.autocast(self.device, torch.bfloat16, enabled=halved):
                loss = loss_of(self.model, ids.to(self.device), learn.to(self.device)) / pieces
            loss.backward()
            total += loss.detach()
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return total


def train(
    folder: Path,
    dial: Dial,
    length: Length,
    seed: int,
    device: str,
    *,
    compiled: bool = True,
    halved: bool = True,
) -> None:
    """`halved`: multiplies in bfloat16, which a CPU with AVX-512 BF16 does 1.5 times as fast."""
    torch.manual_seed(seed)
    run = Run(folder, dial, device, compiled=compiled)
    draws = {tuning: drawer(folder, device, tuning=tuning) for tuning in (False, True)}
    batch, first, earlier = BATCH_TOKENS[device], run.step, run.seconds
    saved_at = began = time.monotonic()
    while (progress := length.progress(run.step, batch, run.seconds)) < 1:
        # by the step: resumed, it draws what an unbroken run would
        rng = np.random.default_rng([seed, run.step])
        rate = rate_at(run.step, progress)
        loss = run.learn(draws[progress >= TUNING_FROM], rng, rate, halved=halved)
        run.seconds = earlier + time.monotonic() - began
        validated = run.step % VALIDATE_EVERY == 0
        if validated or run.step % REPORT_EVERY == 0:
            line: dict[str, object] = {"step": run.step, "of": length.steps(batch)}
            line |= {"loss": round(loss.item(), 4), "progress": round(progress, 4)}
            line["tokens_per_second"] = round((run.step - first) * batch / (run.seconds - earlier))
            if validated:
                line["validation"] = validation(run.model, folder, device, halved=halved)
            print(json.dumps(line), flush=True)
        if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            run.save()
            saved_at = time.monotonic()
    run.save()
    last = validation(run.model, folder, device, halved=halved)
    print(json.dumps({"step": run.step, "validation": last}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--depth", type=int, default=6)
    parser.add_argument("--tokens", type=float, default=5e6)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--device",
        choices=("cpu", "cuda"),
        default="cuda" if torch.cuda.is_available() else "cpu",
        help="of several GPUs CUDA_VISIBLE_DEVICES chooses",
    )
    parser.add_argument("--no-compile", dest="compiled", action="store_false")
    parser.add_argument("--no-bfloat16", dest="halved", action="store_false")
    given = parser.parse_args()
    train(
        given.run,
        Dial(given.depth, load_tokenizer(given.run).get_vocab_size()),
        Length(given.tokens, given.seconds),
        given.seed,
        given.device,
        compiled=given.compiled,
        halved=given.halved,
    )


if __name__ == "__main__":
    main()
