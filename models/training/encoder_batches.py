"""Batches of the encoder's three tasks, drawn without end.

B batch, N texts of a question.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from models.training.encoder_items import Kind, Packed, Store, Stored
from models.training.stages import Stage

NONE_ANSWERS = 0.2
"""Readings from which the right sentence is taken away."""
AT_RANDOM = 0.2
"""Readings that show any wrong sentences of a topic, not the nearest ones."""
BESIDE = 9
"""Of the wrong texts of an item, those that stand against the right one in search: the nearest,
where they are in order."""


@dataclass
class Batch:
    """Made by a worker process."""

    task: str
    packed: list[Packed]
    numbers: dict[str, np.ndarray]


class Batches(IterableDataset[Batch]):
    """Without end. Each worker draws in an order of its own."""

    def __init__(self, store: Store, seed: int, sizes: Mapping[str, int], stage: Stage) -> None:
        """`sizes`: questions or messages of a step."""
        self.store, self.seed, self.size, self.stage = store, seed, sizes, stage

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        rng = random.Random(f"{self.seed} {worker.id if worker else 0}")
        makers = {"search": self.search, "reading": self.reading, "feeling": self.feeling}
        tasks = self.stage.tasks
        while True:
            task = rng.choices(list(tasks), weights=list(tasks.values()))[0]
            yield makers[task](rng)

    def search(self, rng: random.Random) -> Batch:
        chosen = self.store.draw(Kind.SEARCH, self.size["search"], rng, self.stage.weight)
        questions = [item.question for item in chosen]
        right = [rng.choice(item.right) for item in chosen]
        texts = right + [rng.choice(item.wrong[:BESIDE]) for item in chosen if item.wrong]
        keys = [hash(item.key) if item.key else number for number, item in enumerate(chosen)]
        same = _alike(right, texts)
        same[:, : len(right)] |= _alike(keys, keys)
        numbers = {
            "questions": self.store.rows_of_guide("q", questions),
            "texts": self.store.rows_of_guide("t", texts),
            "same": same,
        }
        asked = Packed([self.store.questions[q] for q in questions], 1)
        told = Packed([self.store.texts[t] for t in texts], 3)
        return Batch("search", [asked, told], numbers)

    def reading(self, rng: random.Random) -> Batch:
        rows: list[np.ndarray] = []
        labels: list[float] = []
        groups: list[tuple[int, int, int]] = []  # from, to, how many are right
        for item in self.store.draw(Kind.READING, self.size["reading"], rng, self.stage.weight):
            right = [] if rng.random() < NONE_ANSWERS else item.right
            shown = [*right, *self._wrong(item, rng)][: self.stage.shown]
            if not shown:
                continue
            groups.append((len(rows), len(rows) + len(shown), len(right)))
            rows += [self.store.pair_tokens(item.question, text) for text in shown]
            labels += [1.0] * len(right) + [0.0] * (len(shown) - len(right))
        # one question a line: [none of them, its texts …], and behind the last text a filler
        longest = max(b - a for a, b, _ in groups)
        at = np.full((len(groups), longest), len(rows))
        hit = np.zeros((len(groups), longest + 1), bool)
        for number, (a, b, right_ones) in enumerate(groups):
            at[number, : b - a] = np.arange(a, b)
            hit[number, 1 : 1 + right_ones] = True
            hit[number, 0] = right_ones == 0
        numbers = {"labels": np.array(labels, np.float32), "at": at, "hit": hit}
        return Batch("reading", [Packed(rows, 3)], numbers)

    def _wrong(self, item: Stored, rng: random.Random) -> list[int]:
        """As many as there is room for; of topics, most of the time, the nearest among them."""
        room = self.stage.shown - max(1, len(item.right))
        nearest = item.wrong[: self.stage.nearest]
        if item.kind != "topic" or rng.random() < AT_RANDOM:
            nearest = []
        rest = item.wrong[len(nearest) :]
        return [*nearest, *rng.sample(rest, k=min(len(rest), max(0, room - len(nearest))))]

    def feeling(self, rng: random.Random) -> Batch:
        rows, labels = self.store.draw_feelings(self.size["feeling"], rng)
        return Batch("feeling", [Packed(rows, 1)], {"labels": np.array(labels)})


def _alike(a: list[int], b: list[int]) -> np.ndarray:
    found: np.ndarray = np.array(a)[:, None] == np.array(b)[None, :]
    return found
