"""Train the decoder: `python -m models.training.train --run runs/small --tokens 5e6`.

One code path for CPU and CUDA. The run is cut in two: reading (text and conversations; every token
is a target) and tuning (conversations; the loss is taken on replies only). It is as long as its
tokens, or, with `--seconds`, as a time: then the number of steps depends on the machine, and
the log tells it. A checkpoint is written every two minutes and at the end; started again with the
same arguments it goes on from it. Of the weights of the cool-down those with the lowest loss of
held-out replies are kept, and where it rises for long the run stops early. Lines are printed, and
kept in log.jsonl: `loss` is the mean since the line before.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.training.checkpoint import readable
from models.training.decoder import Decoder
from models.training.dial import CONTEXT, Dial
from models.training.log import Line, Log, heard_interrupt
from models.training.optimizer import Kind, optimizers
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
CHECKPOINT_SECONDS = 120
REPORT_EVERY = 10
VALIDATIONS = 20
"""In a run; fewer in one of fewer steps."""
VALIDATED = {"cpu": 32, "cuda": 64}
VALIDATED_MEANWHILE = {"cpu": 16, "cuda": 64}
"""Rows of each kind, of the files that are made and while it trains."""


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
    model: Decoder, folder: Path, device: str, *, halved: bool = True, rows: int | None = None
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
        for _ in range(max(1, (rows or VALIDATED[device]) // count)):
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

    def validations(self, batch: int) -> int:
        """In the whole run, the last at its end."""
        steps = self.steps(batch)
        return VALIDATIONS if steps is None else max(1, min(VALIDATIONS, steps // REPORT_EVERY))


def rate_at(step: int, progress: float) -> float:
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    return min(1.0, max(0.0, 1 - progress) / (1 - COOLING_FROM))


def phase_at(step: int, progress: float) -> str:
    rate = "warming up" if step < WARMUP_STEPS else "full rate"
    if rate == "full rate" and progress >= COOLING_FROM:
        rate = "cooling down"
    return f"{'tuning' if progress >= TUNING_FROM else 'reading'}, {rate}"


@dataclass(frozen=True)
class Manner:
    """How a run is trained."""

    optimizer: Kind = "muon"
    decay: float | None = None
    """Of the matrices; None: what is usual for the optimizer."""
    patience: int = 5
    """Validations in the cool-down without a better one after which it stops; 0: never."""
    compiled: bool = True
    halved: bool = True
    """Multiply in bfloat16, which a CPU with AVX-512 BF16 does 1.5 times as fast."""


class Run:
    """A decoder in training, and where it stands."""

    def __init__(self, folder: Path, dial: Dial, device: str, manner: Manner) -> None:
        self.folder, self.device, self.manner = folder, device, manner
        self.model = Decoder(dial).to(device)
        if manner.compiled:  # layer by layer: they are alike, so one is compiled
            for layer in self.model.layers:
                layer.compile()
        self.optimizers = optimizers(self.model, dial, manner.optimizer, manner.decay)
        self.step = 0
        self.seconds = 0.0
        """Of training so far."""
        self.total, self.counted = torch.zeros((), device=device), 0
        """Of the losses since the last report."""
        self.best: dict[str, Any] = {}
        """The step and the validation of the weights that are kept."""
        self.waited = 0
        """Validations since then."""
        self.due = False
        """Whether the next report is to have a validation."""
        self._checkpoint, self._kept = folder / "checkpoint.pt", folder / "best.pt"
        if self._checkpoint.exists():
            with readable(self._checkpoint, f"delete {self._checkpoint} to begin anew"):
                self._load()
        else:
            self._kept.unlink(missing_ok=True)

    @property
    def stopped(self) -> bool:
        return 0 < self.manner.patience <= self.waited

    def _load(self) -> None:
        state: dict[str, Any] = torch.load(self._checkpoint, map_location=self.device)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]
        self.total, self.counted = state["total"], state["counted"]
        self.waited, self.due = state["waited"], state["due"]
        if self._kept.exists():  # it may be ahead of the checkpoint
            with readable(self._kept, f"delete {self._kept} to go on without it"):
                kept = torch.load(self._kept, map_location=self.device)
                self.best = {"step": kept["step"], "validation": kept["validation"]}

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "total": self.total,
            "counted": self.counted,
            "waited": self.waited,
            "due": self.due,
            "depth": self.model.dial.depth,
        }
        _save(state, self._checkpoint)

    def learn(self, draw: Draw, rng: np.random.Generator, rate: float) -> None:
        """One step."""
        pieces = max(1, BATCH_TOKENS[self.device] // MICRO_TOKENS[self.device])
        for _ in range(pieces):
            ids, learn = draw(rng)
            with torch.autocast(self.device, torch.bfloat16, enabled=self.manner.halved):
                loss = loss_of(self.model, ids.to(self.device), learn.to(self.device)) / pieces
            loss.backward()
            self.total += loss.detach()
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.counted += 1

    def mean_loss(self) -> float:
        """Since it was last asked for."""
        mean = self.total.item() / max(1, self.counted)
        self.total, self.counted = torch.zeros((), device=self.device), 0
        return round(mean, 4)

    def validate(self, *, cooling: bool) -> dict[str, float]:
        """While it cools down the weights with the lowest loss of replies are kept."""
        self.due = False
        rows, halved = VALIDATED_MEANWHILE[self.device], self.manner.halved
        found = validation(self.model, self.folder, self.device, halved=halved, rows=rows)
        if cooling and (not self.best or found["service"] < self.best["validation"]["service"]):
            self.best, self.waited = {"step": self.step, "validation": found}, 0
            state = {"model": self.model.state_dict(), "depth": self.model.dial.depth}
            _save({**state, **self.best}, self._kept)
        elif cooling and self.step > self.best["step"]:
            self.waited += 1
        return found


def _save(state: dict[str, Any], path: Path) -> None:
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def print_line(line: Line) -> None:
    print(json.dumps(line), flush=True)


def train(
    folder: Path,
    dial: Dial,
    length: Length,
    seed: int,
    device: str,
    manner: Manner = Manner(),
    tell: Callable[[Line], None] = print_line,
) -> Line:
    """The last line of the log, which names the best weights. Ctrl-C ends it behind a step, with
    a checkpoint."""
    torch.manual_seed(seed)
    run = Run(folder, dial, device, manner)
    log = Log(folder / "log.jsonl", run.step)
    draws = {tuning: drawer(folder, device, tuning=tuning) for tuning in (False, True)}
    batch, first, earlier = BATCH_TOKENS[device], run.step, run.seconds
    validations = length.validations(batch)
    saved_at = began = time.monotonic()
    with heard_interrupt() as interrupted:
        while not run.stopped and (progress := length.progress(run.step, batch, run.seconds)) < 1:
            # by the step: resumed, it draws what an unbroken run would
            rng, rate = np.random.default_rng([seed, run.step]), rate_at(run.step, progress)
            run.learn(draws[progress >= TUNING_FROM], rng, rate)
            run.seconds = earlier + time.monotonic() - began
            after = min(1.0, length.progress(run.step, batch, run.seconds))
            run.due = run.due or int(after * validations) > int(progress * validations)
            if run.step % REPORT_EVERY == 0 or after >= 1:
                line: Line = {"step": run.step, "of": length.steps(batch)}
                line |= {"loss": run.mean_loss(), "progress": round(progress, 4)}
                line |= {"rate": round(rate, 4), "phase": phase_at(run.step - 1, progress)}
                speed = (run.step - first) * batch / (run.seconds - earlier)
                line["tokens_per_second"] = round(speed)
                if run.due:
                    line["validation"] = run.validate(cooling=progress >= COOLING_FROM)
                log.write(line)
                tell(line)
            if interrupted():
                run.save()
                raise KeyboardInterrupt
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                run.save()
                saved_at = time.monotonic()
    run.save()
    ended: Line = {"step": run.step, "tokens": run.step * batch, "seconds": round(run.seconds, 1)}
    ended |= {"best": run.best, "stopped": run.stopped}
    log.write(ended)
    tell(ended)
    return ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--depth", type=int, default=6)
    parser.add_argument("--tokens", type=float, default=5e6)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--optimizer", choices=get_args(Kind), default="muon")
    parser.add_argument("--decay", type=float, help="of the matrices")
    parser.add_argument("--patience", type=int, default=Manner.patience, help="0: never stop early")
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
        Manner(given.optimizer, given.decay, given.patience, given.compiled, given.halved),
    )


if __name__ == "__main__":
    main()
