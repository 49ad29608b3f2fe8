"""Tune the encoder on three tasks at once, on a CPU or a GPU:

    python -m models.training.tune_encoder --run runs/encoder --seconds 180

- search: a question is nearer to what answers it than to everything else in the batch (InfoNCE);
- reading: question and sentence in one text, whose vector says whether the one answers the other;
- feeling: whether a message sounds negative, neutral or positive.

`--run` holds base.npz, tokenizer.json and the data of `encoder_data`; what comes out is tuned.npz,
from which the next run goes on: `--stage reading` after the whole. What a run that was cut off had
learnt is in unfinished.npz.
B batch, D width, N texts of a question.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from models.training.bert import Bert
from models.training.encoder_batches import Batch, Batches
from models.training.encoder_items import Packed, Store, load_feelings
from models.training.encoder_measures import measure
from models.training.multilingual import load_packed, load_tuned
from models.training.stages import STAGES

RATE, HEAD_TIMES, DECAY = 1e-4, 20.0, 0.01
AT_ONCE = {"cuda": 2_048, "cpu": 128}
"""Texts; on a CPU more of them leave its cache."""
WIDTH = 384
EPSILON = 1e-12
WARMUP = 0.04
TEMPERATURE = 0.03
DROPOUT = 0.05


class Heads(nn.Module):
    """Linear, over unit vectors."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.answers = nn.Linear(width, 1)
        self.feeling = nn.Linear(width, 3)
        with torch.no_grad():  # unit vectors are small: a head must be large to be sure
            self.answers.weight.mul_(10)
            self.feeling.weight.mul_(10)


class Guide:
    """Where the untuned encoder puts each text; found when it is first asked for."""

    def __init__(self, untuned: Bert, rows: Sequence[np.ndarray], device: str) -> None:
        self._untuned, self._rows, self._device = untuned, rows, device
        self._vectors = torch.empty(len(rows), WIDTH, dtype=torch.float16)
        self._known = torch.zeros(len(rows), dtype=torch.bool)

    def __getitem__(self, numbers: Tensor) -> Tensor:
        """(texts, D), float16."""
        asked = numbers.cpu()
        missing = asked[~self._known[asked]].unique()
        if len(missing):
            rows = [self._rows[number] for number in missing.tolist()]
            self._vectors[missing] = vectors_of(self._untuned, rows, self._device).half()
            self._known[missing] = True
        return self._vectors[asked].to(self._device)


@dataclass
class Losses:
    model: Bert
    heads: Heads
    guide: Guide | Tensor
    """(texts, D)"""
    device: str

    def of(self, batch: Batch) -> Tensor:
        numbers = {n: torch.from_numpy(v).to(self.device) for n, v in batch.numbers.items()}
        with torch.autocast(self.device, torch.bfloat16):
            vectors = [embed(self.model, packed, self.device) for packed in batch.packed]
        found: Tensor = getattr(self, batch.task)(vectors, numbers)
        return found

    def search(self, vectors: list[Tensor], numbers: dict[str, Tensor]) -> Tensor:
        """InfoNCE over the right texts of the batch and one wrong text of most questions. A text
        that the untuned encoder finds nearer than the right one may answer, too: it is left out."""
        u, v = vectors
        count = len(u)
        logits = u @ v.T / TEMPERATURE  # (B, texts)
        asked, told = self.guide[numbers["questions"]], self.guide[numbers["texts"]]
        near = asked.float() @ told.float().T
        near = near - near.diagonal()[:, None]
        doubtful = near > 0.01
        doubtful[:, count:] = near[:, count:] > 0.06  # these were chosen because they are wrong
        doubtful |= numbers["same"]
        places = torch.arange(count, device=u.device)
        doubtful[places, places] = False
        return F.cross_entropy(logits.masked_fill(doubtful, -1e4), places)

    def reading(self, vectors: list[Tensor], numbers: dict[str, Tensor]) -> Tensor:
        """Each sentence for itself (does it answer?), and all of a question against each other and
        against none of them."""
        logits = self.heads.answers(vectors[0]).squeeze(1)  # (rows,)
        each = F.binary_cross_entropy_with_logits(
            logits, numbers["labels"], pos_weight=logits.new_tensor(3.0)
        )
        filled = torch.cat([logits, logits.new_tensor([-1e4])])[numbers["at"]]
        grid = F.pad(filled, (1, 0))  # none of them: 0
        share = torch.logsumexp(grid.masked_fill(~numbers["hit"], -1e4), 1)
        return each + 0.5 * (torch.logsumexp(grid, 1) - share).mean()

    def feeling(self, vectors: list[Tensor], numbers: dict[str, Tensor]) -> Tensor:
        logits = self.heads.feeling(vectors[0])
        return F.cross_entropy(logits, numbers["labels"], label_smoothing=0.05)


def embed(model: Bert, packed: Packed, device: str) -> Tensor:
    """Unit vectors, float32, in the order in which the texts were given."""
    found = torch.cat([model(torch.from_numpy(ids).to(device)) for ids in packed.pieces])
    return found[torch.from_numpy(packed.back).to(device)]


@torch.no_grad()
def vectors_of(model: Bert, rows: Sequence[np.ndarray], device: str) -> Tensor:
    """Of many texts, on the CPU."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found = torch.empty(len(rows), WIDTH)
    for start in range(0, len(order), AT_ONCE[device]):
        part = order[start : start + AT_ONCE[device]]
        with torch.autocast(device, torch.bfloat16):
            vectors = embed(model, Packed([rows[i] for i in part], 1), device)
        found[torch.tensor(part)] = vectors.float().cpu()
    return found


def rate_at(progress: float, last: float = 0.0) -> float:
    """Of the highest; half a cosine that ends at `last`."""
    if progress < WARMUP:
        return progress / WARMUP
    fallen = 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - WARMUP) / (1 - WARMUP))))
    return last + (1 - last) * fallen


class Run:
    def __init__(self, run: Path, device: str) -> None:
        self.run, self.device = run, device
        weights = load_packed(run / "base.npz")
        began = (run / "tuned.npz").exists()  # then it goes on from there
        tuned, heads = load_tuned(run / "tuned.npz") if began else ({}, {})
        self.model = Bert({**weights, **tuned}, EPSILON).to(device)
        self.heads = Heads(WIDTH).to(device)
        if heads:
            self.heads.load_state_dict({n: torch.from_numpy(v) for n, v in heads.items()})
        self.store = Store(run, load_feelings(run))
        untuned = Bert(weights, EPSILON).to(device).eval()
        known = (self.store.questions, self.store.texts)
        texts = [rows[number] for rows in known for number in range(len(rows))]
        self.losses = Losses(self.model, self.heads, Guide(untuned, texts, device), device)

    def measure(self) -> dict[str, float]:
        self.model.eval()
        return measure(self.model, self.heads, self.store, self.device)

    def freeze(self, layers: int) -> None:
        """The lowest, and what lies below them; they are as they were for the other tasks, and cost
        no way back."""
        if not layers:
            return
        below = [self.model.positions, self.model.kind, *self.model.norm.parameters()]
        for layer in self.model.layers[:layers]:
            below += layer.parameters()
        for parameter in below:
            parameter.requires_grad_(False)

    def optimizer(self) -> torch.optim.Optimizer:
        trained = [p for p in self.model.parameters() if p.requires_grad]
        return torch.optim.AdamW(
            [
                {"params": [p for p in trained if p.dim() == 2], "weight_decay": DECAY},
                {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
                {"params": list(self.heads.parameters()), "weight_decay": 0.0, "times": HEAD_TIMES},
            ],
            betas=(0.9, 0.98),
            fused=True,
        )

    def save(self, file: str = "tuned.npz") -> None:
        tuned = {name: value.astype(np.float16) for name, value in self.model.weights().items()}
        for name, value in self.heads.state_dict().items():
            tuned[f"head.{name}"] = value.float().cpu().numpy()
        np.savez(self.run / file, **tuned)


@dataclass(frozen=True)
class Dial:
    seconds: float = 180.0
    rate: float = RATE
    stage: str = "all"
    times: int = 1
    """Batches as many times as large as the stage has them."""
    workers: int = 0


def tune(folder: Path, dial: Dial, seed: int, device: str) -> None:
    torch.manual_seed(seed)
    run, stage = Run(folder, device), STAGES[dial.stage]
    print(json.dumps({"items": run.store.counts, "texts": len(run.store.texts)}), flush=True)
    print(json.dumps({"before": run.measure()}), flush=True)
    run.freeze(stage.frozen)
    if stage.nearest:
        run.store.hardest_first(lambda rows: vectors_of(run.model.eval(), rows, device).numpy())
    optimizer = run.optimizer()
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    sizes = {task: dial.times * size for task, size in stage.batch[device].items()}
    batches = Batches(run.store, seed, sizes, stage)
    ahead = 4 if dial.workers else None
    loader = DataLoader(batches, batch_size=None, num_workers=dial.workers, prefetch_factor=ahead)
    losses: dict[str, list[Tensor]] = {name: [] for name in stage.tasks}
    began, reported, measured = time.monotonic(), 0.0, False
    for step, batch in enumerate(loader):
        progress = (time.monotonic() - began) / dial.seconds
        if progress >= 1:
            break
        run.model.train()
        run.model.dropout = DROPOUT
        loss = run.losses.of(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = dial.rate * group.get("times", 1.0) * rate_at(progress, stage.last)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses[batch.task].append(loss.detach())
        if progress - reported > 0.1:
            reported = progress
            means = {k: round(torch.stack(v).mean().item(), 4) for k, v in losses.items() if v}
            losses = {k: [] for k in stage.tasks}
            print(json.dumps({"step": step, "progress": round(progress, 3), **means}), flush=True)
            run.save("unfinished.npz")
        if progress > 0.5 and not measured:
            measured, paused = True, time.monotonic()
            print(json.dumps({"half": run.measure()}), flush=True)
            began += time.monotonic() - paused  # minutes, on a CPU
    run.save()
    (folder / "unfinished.npz").unlink(missing_ok=True)
    print(json.dumps({"after": run.measure()}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--stage", choices=STAGES, default="all")
    parser.add_argument("--times", type=int, default=1, help="larger batches than the device's")
    given = parser.parse_args()
    dial = Dial(given.seconds, given.rate, given.stage, given.times, given.workers)
    tune(given.run, dial, given.seed, given.device)


if __name__ == "__main__":
    main()
