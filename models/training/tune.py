"""Tune a pretrained decoder: `python -m models.training.tune --run runs/chat --seconds 330`.

`runs/chat` holds what `reduce` and `pack --tokenizer` wrote; tuned.pt is written into it every few
minutes and at the end. First every token is a target, then replies only; in the last part of
the run the weights are rounded on the way in as the exported file rounds them. One code path for
CPU and CUDA; the log is JSON Lines.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from models.training.dial import CONTEXT
from models.training.pretrained import Pretrained, load_pretrained
from models.training.tokenizer import load_tokenizer
from models.training.train import Rows, Stream
from models.training.vocabulary import pieces_of

BATCH_ROWS = {"cpu": 2, "cuda": 64}
"""Of CONTEXT tokens."""
MICRO_ROWS = {"cpu": 1, "cuda": 16}
LOSS_TARGETS = 16_384
"""Logits are made for so many targets at a time: in float32 a row of them is 96 kB."""
PLAIN_SHARE = {False: 0.3, True: 0.05}
"""Of the rows, by whether it tunes."""
TUNING_FROM = 0.33
ROUNDED_FROM, ROUNDED_WHOLLY = 0.55, 0.65
"""Shares of the run; in between, the rounding grows."""
WARM_UP, COOLING_FROM = 0.02, 0.3
MATRIX_RATE, EMBEDDING_RATE = 4e-4, 1e-3
DECAY = 0.05
REPORT_EVERY = 10
VALIDATE_SECONDS = 50
SAVE_SECONDS = 120
VALIDATED = 96
"""Rows of each kind."""


@dataclass(frozen=True)
class Phase:
    """What a run does at a share of its length."""

    progress: float

    @property
    def tunes(self) -> bool:
        return self.progress >= TUNING_FROM

    @property
    def rounded(self) -> float:
        return min(1.0, max(0.0, (self.progress - ROUNDED_FROM) / (ROUNDED_WHOLLY - ROUNDED_FROM)))

    @property
    def rate(self) -> float:
        """Of the highest; linear up, level, linear down."""
        warm = (self.progress + 1e-3) / WARM_UP
        return min(1.0, warm, max(0.0, 1 - self.progress) / (1 - COOLING_FROM))


def summed_loss(model: Pretrained, ids: Tensor, learn: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each target in nats, and the targets."""
    wanted = learn[:, 1:]
    hidden, embedding = model.hidden(ids[:, :-1])
    targets = ids[:, 1:][wanted]
    pieces = zip(hidden[wanted].split(LOSS_TARGETS), targets.split(LOSS_TARGETS), strict=True)
    losses = [
        checkpoint(_cross_entropy, model, h, embedding, t, use_reentrant=False) for h, t in pieces
    ]
    return torch.cat(losses), targets


def _cross_entropy(model: Pretrained, hidden: Tensor, embedding: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(model.logits(hidden, embedding).float(), targets, reduction="none")


class Tuning:
    def __init__(self, folder: Path, device: str, seed: int, *, compiled: bool) -> None:
        self.folder, self.device, self.seed = folder, device, seed
        self.model = load_pretrained(folder / "reduced.gguf").to(device)
        if compiled:  # layer by layer: they are alike, so one is compiled
            for layer in self.model.layers:
                layer.compile()
        self.optimizer = self._optimizer()
        self.step = 0
        self._plain = Stream(folder, "plain", CONTEXT)
        self._service = {tunes: Rows(folder, "service", tuning=tunes) for tunes in (False, True)}
        pieces = pieces_of(load_tokenizer(folder))
        self._chinese = torch.tensor([not piece.replace("Ġ", "").isascii() for piece in pieces])
        """By id; a line's end (`Ċ`) counts as Chinese, and both languages have few of them."""

    def _optimizer(self) -> torch.optim.Optimizer:
        matrices = [p for p in self.model.layers.parameters() if p.dim() == 2]
        norms = [p for p in self.model.parameters() if p.dim() == 1]
        groups = [
            {"params": matrices, "lr": MATRIX_RATE, "weight_decay": DECAY},
            {"params": norms, "lr": MATRIX_RATE, "weight_decay": 0.0},
            {
                "params": [self.model.embedding.weight],
                "lr": EMBEDDING_RATE,
                "weight_decay": 0.0,
            },
        ]
        chosen = torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)
        for group in chosen.param_groups:
            group["initial_lr"] = group["lr"]
        return chosen

    def draw(self, rng: np.random.Generator, phase: Phase) -> list[tuple[Tensor, Tensor]]:
        """A batch in its pieces: ids and whether each is a target, (rows, CONTEXT + 1)."""
        count = BATCH_ROWS[self.device]
        from_plain = int(rng.binomial(count, PLAIN_SHARE[phase.tunes]))
        service = self._service[phase.tunes].rows(rng, count - from_plain)
        parts = (self._plain.rows(rng, from_plain), service)
        ids, learn = (np.concatenate(both) for both in zip(*parts, strict=True))
        mixed = rng.permutation(count)
        size = MICRO_ROWS[self.device]
        return list(
            zip(
                torch.from_numpy(ids[mixed].astype(np.int64)).split(size),
                torch.from_numpy(learn[mixed]).split(size),
                strict=True,
            )
        )

    def learn(self, progress: float) -> Tensor:
        """One step; the mean loss of its targets, on the device."""
        phase = Phase(progress)
        self.model.rounded.fill_(phase.rounded)
        batch = self.draw(np.random.default_rng([self.seed, self.step]), phase)
        targets = max(1, sum(int(learn[:, 1:].sum()) for _, learn in batch))
        total = torch.zeros((), device=self.device)
        for ids, learn in batch:
            if not learn[:, 1:].any():
                continue
            with torch.autocast(self.device, torch.bfloat16):
                losses, _ = summed_loss(self.model, ids.to(self.device), learn.to(self.device))
            loss = losses.sum() / targets
            loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * phase.rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return total

    def validation(self) -> dict[str, float]:
        """Cross-entropy of held-out text, and of replies to customers of held-out trades, by the
        script of the target. With gradients, which are dropped: without them the layers would be
        compiled a second time."""
        size = MICRO_ROWS[self.device]
        sources: dict[str, Stream | Rows] = {
            "plain": Stream(self.folder, "plain_val", CONTEXT),
            "service": Rows(self.folder, "service_val", tuning=True),
        }
        found = {}
        chinese = self._chinese.to(self.device)
        for name, source in sources.items():
            rng = np.random.default_rng(7)
            sums = torch.zeros(2, 2, device=self.device)  # English or Chinese; loss and count
            for _ in range(VALIDATED // size if self.device == "cuda" else 2):
                ids, learn = (torch.from_numpy(a) for a in source.rows(rng, size))
                with torch.autocast(self.device, torch.bfloat16):
                    losses, targets = summed_loss(
                        self.model, ids.long().to(self.device), learn.to(self.device)
                    )
                for row, mask in enumerate((~chinese[targets], chinese[targets])):
                    sums[row, 0] += losses.detach()[mask].sum()
                    sums[row, 1] += mask.sum()
            whole = sums.sum(0)
            for kind, (loss, count) in (("", whole), ("_en", sums[0]), ("_zh", sums[1])):
                found[f"{name}{kind}"] = round((loss / count).item(), 4) if count else math.nan
        return found

    def save(self) -> None:
        torch.save(self.model.state_dict(), self.folder / "tuned.new")
        (self.folder / "tuned.new").replace(self.folder / "tuned.pt")


def log(**line: object) -> None:
    print(json.dumps(line), flush=True)


def tune(run: Tuning, seconds: float) -> None:
    """The time begins after the first step, which compiles."""
    torch.manual_seed(run.seed)
    log(step=0, validation=run.validation())
    log(step=1, loss=round(run.learn(0.0).item(), 4))
    batch = BATCH_ROWS[run.device] * CONTEXT
    began = validated = saved = time.monotonic()
    spent = 0.0  # on validation and saving, which the speed leaves out
    while (elapsed := time.monotonic() - began) < seconds:
        loss = run.learn(elapsed / seconds)
        now = time.monotonic()
        if run.step % REPORT_EVERY == 0:
            loss_now = round(loss.item(), 4)
            speed = round((run.step - 1) * batch / (time.monotonic() - began - spent))
            log(step=run.step, loss=loss_now, seconds=round(elapsed, 1), tokens_per_second=speed)
        if now - validated > VALIDATE_SECONDS:
            log(step=run.step, progress=round(elapsed / seconds, 3), validation=run.validation())
            validated = time.monotonic()
        if now - saved > SAVE_SECONDS:
            run.save()
            saved = time.monotonic()
        spent += time.monotonic() - now
    run.model.rounded.fill_(1.0)
    run.save()
    log(step=run.step, tokens=run.step * batch, validation=run.validation())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=330)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-compile", dest="compiled", action="store_false")
    given = parser.parse_args()
    tune(Tuning(given.run, given.device, given.seed, compiled=given.compiled), given.seconds)


if __name__ == "__main__":
    main()
