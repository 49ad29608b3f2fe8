"""Whether a tuned model is better on what it did not learn from, and whether it learnt by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLED, SURE = 2_000, 0.95
FEWEST = 8
"""Conversations and pages kept out, below which an interval says nothing."""
RISEN = 0.02
"""Of the lowest validation loss: so much above it is a rise, and no noise."""
GAP = 0.25
"""Nats a token by which the gap between training and validation may grow."""


@dataclass(frozen=True, slots=True)
class Change:
    """Of a measure, on the same questions before and after."""

    before: float
    after: float
    low: float
    """The 95 % interval of the difference: whole conversations and pages are drawn anew, because
    what stands in one is alike."""
    high: float
    count: int
    groups: int
    """Conversations and pages."""

    @property
    def difference(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Curve:
    """Losses at the steps at which the run validated, in nats a token."""

    steps: tuple[int, ...]
    train: tuple[float, ...]
    validation: tuple[float, ...]

    @property
    def best(self) -> int:
        return int(np.argmin(self.validation))


@dataclass(frozen=True, slots=True)
class Verdict:
    judgement: str
    """better, worse, or no clear difference."""
    why: str
    overfits: bool
    fit: str
    """How the curves lie, with the numbers."""
    loss: Change
    nearness: Change
    faithfulness: Change | None
    """None where it was not measured."""


def change(before: Sequence[float], after: Sequence[float], groups: Sequence[str]) -> Change:
    """Paired, the percentile bootstrap over groups."""
    first, second = np.asarray(before, float), np.asarray(after, float)
    names = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    owner = np.array([names[group] for group in groups], int)
    sums = np.bincount(owner, second - first, len(names))
    counts = np.bincount(owner, minlength=len(names))
    drawn = np.random.default_rng(1).integers(0, len(names), (RESAMPLED, len(names)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [(1 - SURE) / 2, (1 + SURE) / 2])
    return Change(
        before=float(first.mean()),
        after=float(second.mean()),
        low=float(low),
        high=float(high),
        count=len(first),
        groups=len(names),
    )


def change_if_measured(
    before: Sequence[float | None], after: Sequence[float | None], groups: Sequence[str]
) -> Change | None:
    """None where a value is missing."""
    first, second = ([one for one in values if one is not None] for values in (before, after))
    if len(first) < len(groups) or len(second) < len(groups):
        return None
    return change(first, second, groups)


def verdict(loss: Change, nearness: Change, faithfulness: Change | None, curve: Curve) -> Verdict:
    judgement, why = _judged(loss, nearness, faithfulness)
    overfits, fit = fit_of(curve)
    return Verdict(judgement, why, overfits, fit, loss, nearness, faithfulness)


def _judged(loss: Change, nearness: Change, faithfulness: Change | None) -> tuple[str, str]:
    """Better is what replies show to be, where nothing got worse: a lower loss is no reply."""
    fewest = min(loss.groups, nearness.groups)
    if fewest < FEWEST:
        return "no clear difference", (
            f"too few conversations and pages kept out ({fewest} of {FEWEST})"
        )
    worse = [
        name
        for name, is_worse in (
            ("the loss rose", loss.low > 0),
            ("replies are further from the approved ones", nearness.high < 0),
            ("replies rest less on the pages", faithfulness is not None and faithfulness.high < 0),
        )
        if is_worse
    ]
    if worse:
        return "worse", "; ".join(worse)
    if nearness.low > 0 and loss.high < 0:
        return "better", "replies are nearer to the approved ones, and the loss fell"
    if loss.high < 0:
        return "no clear difference", "the loss fell, but the replies are not clearly nearer"
    if nearness.low > 0:
        return "no clear difference", "replies are nearer, but the loss did not clearly fall"
    return "no clear difference", "the intervals hold no change"


def fit_of(curve: Curve) -> tuple[bool, str]:
    best, last = curve.best, len(curve.steps) - 1
    train, validation = curve.train, curve.validation
    rise = validation[last] - validation[best]
    if rise > RISEN * validation[best] and train[last] < train[best]:
        return True, (
            f"from step {curve.steps[best]} to {curve.steps[last]} the validation loss rose from "
            f"{validation[best]:.3f} to {validation[last]:.3f} while the training loss fell from "
            f"{train[best]:.3f} to {train[last]:.3f}; the weights of step {curve.steps[best]} are "
            "kept"
        )
    at_first, at_best = (validation[n] - train[n] for n in (0, best))
    if at_best - at_first > GAP:
        return True, (
            f"at the best step, {curve.steps[best]}, the validation loss is {validation[best]:.3f} "
            f"and the training loss {train[best]:.3f}: the gap grew from {at_first:.3f} to "
            f"{at_best:.3f}"
        )
    return False, (
        f"at step {curve.steps[last]} the validation loss is {validation[last]:.3f} (lowest "
        f"{validation[best]:.3f} at step {curve.steps[best]}) and the training loss "
        f"{train[last]:.3f}; the gap went from {at_first:.3f} to {at_best:.3f}"
    )
