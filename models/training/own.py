"""Tune any model that `open_decoder` reads on rows of one's own: LoRA, or all weights.

Rows are tokens and the place from which they are learnt. A run is as long as its epochs or its
seconds; it validates now and then, keeps the weights with the lowest loss on the rows that it does
not learn from, and stops where that has not fallen for a while. A checkpoint is written every few
minutes, at Ctrl-C and never in half; with the same rows and recipe the run goes on from it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from bot.errors import UsageError
from models.training.checkpoint import readable
from models.training.log import Line, Log
from models.training.open_decoder import OpenDecoder, add_lora, load_decoder

Row = tuple[list[int], int]
"""Tokens, and the place of the first that is learnt."""

MICRO_TOKENS = {"cpu": 4_096, "cuda": 16_384}
"""Of the rows that are computed together."""
LOSS_TARGETS = 1_024
"""Logits are made for so many targets at a time: large vocabularies take much memory."""
VALIDATED = 100
"""Rows of either kind that are looked at while it runs."""
VALIDATING = 0.3
"""Of the time of a run of seconds, at most."""
SAVE_SECONDS = 120
WARM_UP, COOLING_FROM = 0.05, 0.4
LARGE = 100_000_000
"""Bytes of a model's file from which frozen weights are kept in bfloat16, layers computed twice,
and smaller steps taken."""


@dataclass(frozen=True)
class Recipe:
    all_weights: bool = False
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05
    rate: float = 0.0
    """0: what suits the model's size."""
    decay: float = 0.01
    batch: int = 8
    """Rows of a step."""
    epochs: float = 4.0
    seconds: float = 0.0
    """In place of the epochs; validation included."""
    validations: int = 12
    patience: int = 4
    """Validations without a lower loss after which it stops."""
    seed: int = 1
    window: int = 8_192
    """Of a conversation in the engine."""

    @property
    def course(self) -> dict[str, Any]:
        """What a run that goes on must have in common with the one that was cut off."""
        return {key: value for key, value in asdict(self).items() if key != "seconds"}


@dataclass(frozen=True)
class RowParts:
    train: Sequence[Row]
    validation: Sequence[Row]
    kept_out: Sequence[Row]


@dataclass
class Point:
    """A validation. Losses are cross-entropy in nats a token, without dropout."""

    step: int
    train: float
    """Of rows that are learnt."""
    validation: float


@dataclass
class Tuned:
    model: OpenDecoder
    """With the best weights."""
    points: list[Point]
    best: Point
    steps: int
    stopped_early: bool
    before: list[float]
    """Losses of the rows that were kept out, before anything was learnt."""
    after: list[float]


@dataclass
class State:
    step: int = 0
    seconds: float = 0.0
    validating: float = 0.0
    """Of the seconds."""
    points: list[Point] = field(default_factory=list)
    best: Point | None = None
    waited: int = 0
    before: list[float] = field(default_factory=list)
    total: float = 0.0
    """Of the losses since the last line of the log."""
    counted: int = 0


class OwnRun:
    def __init__(
        self, folder: Path, base: Path, rows: RowParts, recipe: Recipe, device: str, mark: str
    ) -> None:
        """`mark`: of all that the run learns from. Raise UsageError where a run of another kind was
        cut off in the folder."""
        self.recipe, self.rows, self.device, self._mark = recipe, rows, device, mark
        self._large = base.stat().st_size > LARGE
        self.model = open_base(base, recipe, device)
        self._learnt = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        self._optimizer = self._new_optimizer()
        self._checkpoint = folder / "checkpoint.pt"
        self.state = State()
        self._best: dict[str, Tensor] = self._copied()
        if self._checkpoint.exists():
            self._load()
        self._log = Log(folder / "curves.jsonl", self.state.step)

    @property
    def steps(self) -> int:
        return max(1, math.ceil(self.recipe.epochs * len(self.rows.train) / self._size))

    @property
    def _size(self) -> int:
        """Rows of a step."""
        return min(self.recipe.batch, len(self.rows.train))

    @property
    def progress(self) -> float:
        limit = self.recipe.seconds
        return self.state.seconds / limit if limit else self.state.step / self.steps

    @property
    def stopped(self) -> bool:
        return 0 < self.recipe.patience <= self.state.waited

    def run(self, interrupted: Callable[[], bool], told: Callable[[Line], None]) -> Tuned | None:
        """None where it was interrupted. Saved it is either way: a run that is through comes to the
        same end again."""
        saved = time.monotonic()
        state = self.state
        if not state.points:
            state.before = self.losses(self.rows.kept_out)
            self._validate(told)
            if interrupted():
                self.save()
                return None
        while self.progress < 1 and not self.stopped:
            done = self.progress
            self._timed(self._learn)
            if self._is_due(done):
                state.validating += self._timed(lambda: self._validate(told))
            if interrupted():
                self.save()
                return None
            if time.monotonic() - saved > SAVE_SECONDS:
                self.save()
                saved = time.monotonic()
        if state.points[-1].step != state.step:
            self._validate(told)
        self.save()
        return self._finished()

    def _timed(self, work: Callable[[], None]) -> float:
        began = time.monotonic()
        work()
        spent = time.monotonic() - began
        self.state.seconds += spent
        return spent

    def _is_due(self, done: float) -> bool:
        """Whether it is time to validate, after a step that began when so much was `done`."""
        count, state = self.recipe.validations, self.state
        if int(self.progress * count) == int(done * count):
            return False
        return not self.recipe.seconds or state.validating <= VALIDATING * state.seconds

    def losses(self, rows: Sequence[Row]) -> list[float]:
        """Of each row, the mean of its targets."""
        self.model.eval()
        found = [math.nan] * len(rows)
        with torch.no_grad():
            for places in self._together(rows, range(len(rows))):
                sums = self._summed([rows[place] for place in places])
                for place, total in zip(places, sums, strict=True):
                    found[place] = total.item() / _targets(rows[place])
        return found

    def save(self) -> None:
        state = {
            "mark": self._mark,
            "recipe": self.recipe.course,
            "weights": self._copied(),
            "best_weights": self._best,
            "optimizer": self._optimizer.state_dict(),
            "state": asdict(self.state),
        }
        fresh = self._checkpoint.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(self._checkpoint)

    def _load(self) -> None:
        with readable(self._checkpoint, "give --fresh to begin anew"):
            self._go_on()

    def _go_on(self) -> None:
        saved = torch.load(self._checkpoint, map_location=self.device, weights_only=True)
        if (saved["mark"], saved["recipe"]) != (self._mark, self.recipe.course):
            raise UsageError(
                f"{self._checkpoint} is of a run over other conversations or with other options; "
                "give the same to go on, --fresh to begin anew, or --name for another folder"
            )
        self._put(saved["weights"])
        self._best = saved["best_weights"]
        self._optimizer.load_state_dict(saved["optimizer"])
        told = saved["state"]
        points = [Point(**point) for point in told["points"]]
        best = told["best"] and Point(**told["best"])
        self.state = State(**{**told, "points": points, "best": best})

    def _new_optimizer(self) -> torch.optim.Optimizer:
        rate = self.recipe.rate or rate_for(self.recipe, large=self._large)
        matrices = [p for p in self._learnt.values() if p.dim() > 1]
        rest = [p for p in self._learnt.values() if p.dim() < 2]
        groups = [
            {"params": matrices, "weight_decay": self.recipe.decay},
            {"params": rest, "weight_decay": 0.0},
        ]
        chosen = torch.optim.AdamW([g for g in groups if g["params"]], lr=rate, betas=(0.9, 0.98))
        for group in chosen.param_groups:
            group["initial_lr"] = rate
        return chosen

    def _learn(self) -> None:
        """One step."""
        self.model.train()
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.state.step)  # of the dropout
        places = self._drawn()
        targets = sum(_targets(self.rows.train[place]) for place in places)
        total = 0.0
        for some in self._together(self.rows.train, places):
            loss = self._summed([self.rows.train[place] for place in some]).sum() / targets
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(self._learnt.values(), 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = group["initial_lr"] * rate_at(self.progress)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.state.step += 1
        self.state.counted += 1
        self.state.total += total

    def _drawn(self) -> list[int]:
        """By the step: resumed, it draws what an unbroken run would."""
        count, first = len(self.rows.train), self.state.step * self._size
        wanted = range(first, first + self._size)
        orders: dict[int, Any] = {}
        for number in wanted:
            epoch = number // count
            if epoch not in orders:
                orders[epoch] = np.random.default_rng([self.recipe.seed, epoch]).permutation(count)
        return [int(orders[number // count][number % count]) for number in wanted]

    def _validate(self, told: Callable[[Line], None]) -> None:
        state = self.state
        losses = (self._mean(spread(rows)) for rows in (self.rows.train, self.rows.validation))
        point = Point(state.step, *losses)
        state.points.append(point)
        if state.best is None or point.validation < state.best.validation:
            state.best, state.waited = point, 0
            self._best = self._copied()
        else:
            state.waited += 1
        line: Line = {"step": point.step, "progress": round(min(1.0, self.progress), 4)}
        line |= {"train": round(point.train, 4), "validation": round(point.validation, 4)}
        if state.counted:
            line["loss"] = round(state.total / state.counted, 4)
            line["seconds"] = round(state.seconds, 1)
        state.total, state.counted = 0.0, 0
        self._log.write(line)
        told(line)

    def _mean(self, rows: Sequence[Row]) -> float:
        """Of all their targets."""
        weights = [_targets(row) for row in rows]
        return float(np.average(self.losses(rows), weights=weights))

    def _finished(self) -> Tuned:
        state = self.state
        assert state.best is not None
        self._put(self._best)
        after = self.losses(self.rows.kept_out)
        return Tuned(
            self.model.eval(),
            state.points,
            state.best,
            state.step,
            self.stopped,
            state.before,
            after,
        )

    def _together(self, rows: Sequence[Row], places: Sequence[int]) -> Iterator[list[int]]:
        """Rows of about a length, as many as are computed together."""
        most = MICRO_TOKENS["cuda" if self.device.startswith("cuda") else "cpu"]
        batch: list[int] = []
        for place in sorted(places, key=lambda place: len(rows[place][0])):
            if batch and (len(batch) + 1) * len(rows[place][0]) > most:
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _summed(self, rows: Sequence[Row]) -> Tensor:
        """Cross-entropy of each row, summed over its targets."""
        longest = max(len(tokens) for tokens, _ in rows)
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        wanted = torch.zeros(len(rows), longest, dtype=torch.bool)
        for number, (tokens, learnt) in enumerate(rows):
            ids[number, : len(tokens)] = torch.tensor(tokens)
            wanted[number, learnt : len(tokens)] = True
        ids, wanted = ids.to(self.device), wanted[:, 1:].to(self.device)
        hidden = self.model.hidden(ids[:, :-1])[wanted]
        targets = ids[:, 1:][wanted]
        pieces = zip(hidden.split(LOSS_TARGETS), targets.split(LOSS_TARGETS), strict=True)
        losses = torch.cat(
            [checkpoint(self._cross_entropy, h, t, use_reentrant=False) for h, t in pieces]
        )
        owner = wanted.nonzero()[:, 0]
        return torch.zeros(len(rows), device=losses.device).index_add(0, owner, losses)

    def _cross_entropy(self, hidden: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(self.model.logits(hidden).float(), targets, reduction="none")

    def _copied(self) -> dict[str, Tensor]:
        return {name: weight.detach().cpu().clone() for name, weight in self._learnt.items()}

    @torch.no_grad()
    def _put(self, weights: dict[str, Tensor]) -> None:
        for name, weight in self._learnt.items():
            weight.copy_(weights[name].to(weight.device))


def open_base(base: Path, recipe: Recipe, device: str) -> OpenDecoder:
    """With what is to be learnt."""
    large = base.stat().st_size > LARGE
    halved = large and not recipe.all_weights
    dtype = torch.bfloat16 if halved else torch.float32
    model = load_decoder(base, dtype=dtype, device=device, window=recipe.window)
    model.saves_memory = large
    if recipe.all_weights:
        model.requires_grad_(True)
    else:
        add_lora(model, recipe.rank, recipe.alpha, recipe.dropout, recipe.seed)
    return model


def spread(rows: Sequence[Row]) -> list[Row]:
    """So many as are validated, evenly: lessons of conversations stand before those of pages."""
    step = max(1.0, len(rows) / VALIDATED)
    return [rows[int(number * step)] for number in range(min(VALIDATED, len(rows)))]


def rate_for(recipe: Recipe, *, large: bool) -> float:
    if recipe.all_weights:
        return 2e-5 if large else 3e-4
    return 2e-4 if large else 2e-3


def rate_at(progress: float) -> float:
    """Of the highest; linear up, level, linear down to a tenth."""
    cooled = max(0.0, 1 - progress) / (1 - COOLING_FROM)
    return max(min(1.0, (progress + 1e-3) / WARM_UP, cooled), 0.1 if progress > WARM_UP else 0.0)


def _targets(row: Row) -> int:
    tokens, learnt = row
    return len(tokens) - learnt
