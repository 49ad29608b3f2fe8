from __future__ import annotations

import numpy as np
import pytest

from bot.lessons.verdict import (
    Change,
    Curve,
    change,
    change_if_measured,
    fit_of,
    verdict,
)

GROUPS = [str(number // 2) for number in range(60)]
NOISE = np.random.default_rng(0).normal(0, 0.05, 60)
FLAT = Curve((0, 10, 20), (2.0, 1.5, 1.4), (2.1, 1.7, 1.65))


def changed(by: float, noise: float = 1.0) -> Change:
    return change([1.0] * 60, list(1.0 + by + noise * NOISE), GROUPS)


def test_a_clear_change_excludes_none_and_noise_does_not() -> None:
    clear, unclear = changed(-0.2), changed(0.0, noise=3)
    assert clear.low < -0.2 < clear.high < 0
    assert unclear.low < 0 < unclear.high
    assert clear.difference == pytest.approx(-0.2, abs=0.02)


def test_whole_conversations_are_drawn() -> None:
    """One conversation in which everything changed is one observation, not thirty."""
    after = [0.0] * 30 + [1.0] * 30
    alone = change([0.0] * 60, after, [str(n) for n in range(60)])
    together = change([0.0] * 60, after, ["a"] * 30 + ["b"] * 30)
    assert alone.low > 0.3
    assert (together.low, together.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("loss", "nearness", "faithful", "judgement"),
    [
        (-0.3, 0.2, 0.0, "better"),
        (-0.3, 0.0, 0.0, "no clear difference"),
        (0.0, 0.2, 0.0, "no clear difference"),
        (0.0, 0.0, 0.0, "no clear difference"),
        (0.3, 0.2, 0.0, "worse"),
        (-0.3, -0.2, 0.0, "worse"),
        (-0.3, 0.2, -0.2, "worse"),
    ],
)
def test_better_is_what_replies_show(
    loss: float, nearness: float, faithful: float, judgement: str
) -> None:
    found = verdict(changed(loss, 2), changed(nearness, 2), changed(faithful, 2), FLAT)
    assert found.judgement == judgement
    assert found.why


@pytest.mark.parametrize("groups", [1, 7, 8])
def test_of_too_few_conversations_nothing_is_clear(groups: int) -> None:
    """All got better by far; with one of them the interval is a point."""
    of = [str(number % groups) for number in range(40)]
    loss, nearness = change([2.0] * 40, [1.0] * 40, of), change([0.0] * 40, [1.0] * 40, of)
    found = verdict(loss, nearness, None, FLAT)
    assert (loss.groups, loss.high) == (groups, -1.0)
    if groups < 8:
        assert found.judgement == "no clear difference"
        assert found.why == f"too few conversations and pages kept out ({groups} of 8)"
    else:
        assert found.judgement == "better"


def test_what_was_not_measured_judges_nothing() -> None:
    found = verdict(changed(-0.3, 2), changed(0.2, 2), None, FLAT)
    assert (found.judgement, found.faithfulness) == ("better", None)
    assert change_if_measured([None, None], [None, None], ["a", "b"]) is None
    assert change_if_measured([0.5, 0.5], [None, 1.0], ["a", "b"]) is None
    assert change_if_measured([0.0, 0.5], [0.5, 1.0], ["a", "b"]) == change(
        [0.0, 0.5], [0.5, 1.0], ["a", "b"]
    )


def test_a_validation_loss_that_rises_while_training_falls_is_told() -> None:
    overfits, told = fit_of(Curve((0, 10, 20), (2.0, 1.0, 0.3), (2.1, 1.6, 2.4)))
    assert overfits
    assert "from step 10 to 20 the validation loss rose from 1.600 to 2.400" in told
    assert "fell from 1.000 to 0.300" in told


def test_a_gap_that_grows_is_told() -> None:
    overfits, told = fit_of(Curve((0, 10), (2.0, 0.5), (2.1, 1.9)))
    assert overfits
    assert "the gap grew from 0.100 to 1.400" in told


def test_curves_that_fall_together_do_not_overfit() -> None:
    overfits, told = fit_of(FLAT)
    assert not overfits
    assert "1.650" in told
