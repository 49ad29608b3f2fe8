"""What training sees of a weight is what the file keeps of it."""

from __future__ import annotations

from collections.abc import Callable

import gguf
import pytest
import torch
from gguf.quants import dequantize, quantize
from torch import Tensor

from models.training.rounding import BLOCK, to_q4_0, to_q8_0

Round = Callable[[Tensor, Tensor], Tensor]
FORMATS = [
    pytest.param(to_q4_0, gguf.GGMLQuantizationType.Q4_0, id="Q4_0"),
    pytest.param(to_q8_0, gguf.GGMLQuantizationType.Q8_0, id="Q8_0"),
]
WHOLLY, NOT_AT_ALL = torch.ones(()), torch.zeros(())


def weights() -> Tensor:
    """Blocks of every size of number, of zeros, and of one sign."""
    torch.manual_seed(2)
    drawn = torch.randn(64, 3 * BLOCK) * torch.logspace(-4, 3, 64)[:, None]
    drawn[0], drawn[1], drawn[2] = 0, drawn[1].abs(), -drawn[2].abs()
    return drawn


@pytest.mark.parametrize(("rounding", "kind"), FORMATS)
def test_rounded_wholly_it_is_what_the_file_holds_digit_for_digit(
    rounding: Round, kind: gguf.GGMLQuantizationType
) -> None:
    kept = rounding(weights(), WHOLLY)
    stored = quantize(weights().numpy(), kind)
    assert torch.allclose(kept, torch.from_numpy(dequantize(stored, kind)), rtol=1e-6, atol=0)
    assert quantize(kept.numpy(), kind).tobytes() == stored.tobytes()


@pytest.mark.parametrize(("rounding", "kind"), FORMATS)
def test_it_grows_from_nothing(rounding: Round, kind: gguf.GGMLQuantizationType) -> None:
    whole, half = rounding(weights(), WHOLLY), rounding(weights(), torch.tensor(0.5))
    assert torch.equal(rounding(weights(), NOT_AT_ALL), weights())
    assert torch.allclose(half, (weights() + whole) / 2, rtol=1e-5)


@pytest.mark.parametrize(("rounding", "kind"), FORMATS)
def test_gradients_pass_as_if_nothing_were_rounded(
    rounding: Round, kind: gguf.GGMLQuantizationType
) -> None:
    weight, given = weights().requires_grad_(), torch.randn(64, 3 * BLOCK)
    (rounding(weight, WHOLLY) * given).sum().backward()
    assert weight.grad is not None
    assert torch.equal(weight.grad, given)
