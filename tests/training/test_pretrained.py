"""The pretrained decoder in torch, beside a plain reference of one layer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.training.pretrained import Pretrained, rotary, rotate, tensor_name
from tests.training.decoders import random_model, tiny_shape

Floats = NDArray[np.float64]
TOKENS = [3, 14, 15, 9, 2, 6, 5, 3, 5]


@pytest.fixture(scope="module")
def model() -> Pretrained:
    return random_model(tiny_shape(40, depth=1))


def turned(x: Floats, base: float) -> Floats:
    """(positions, size): neighbouring pairs as complex numbers, turned by their position."""
    size = x.shape[1]
    angles = np.outer(np.arange(len(x)), base ** (-np.arange(0, size, 2) / size))
    pairs = (x[:, ::2] + 1j * x[:, 1::2]) * np.exp(1j * angles)
    return np.stack([pairs.real, pairs.imag], axis=2).reshape(x.shape)


def reference(model: Pretrained, tokens: list[int]) -> Floats:
    """Logits, (positions, vocabulary), one head after the other."""
    w = {name: values.double().numpy() for name, values in model.state_dict().items()}
    shape, size = model.shape, model.shape.head_size
    w |= {name.removeprefix("layers.0."): values for name, values in w.items()}

    def normed(x: Floats, name: str) -> Floats:
        root = np.sqrt((x**2).mean(1, keepdims=True) + shape.epsilon)
        return np.asarray(x / root * w[f"{name}.weight"])

    x = w["embedding.weight"][tokens]
    h = normed(x, "attention_norm")
    q, k, v = (h @ w[part].T for part in ("query", "key", "value"))
    mixed = np.zeros_like(x)
    for head in range(shape.heads):
        own = slice(head * size, (head + 1) * size)
        shared = head // (shape.heads // shape.key_heads)
        theirs = slice(shared * size, (shared + 1) * size)
        keys = turned(k[:, theirs], shape.rope_base)
        scores = turned(q[:, own], shape.rope_base) @ keys.T / math.sqrt(size)
        powers = np.tril(np.exp(scores))
        mixed[:, own] = powers / powers.sum(1, keepdims=True) @ v[:, theirs]
    x = x + mixed @ w["attention_out"].T
    h = normed(x, "feed_forward_norm")
    gate = h @ w["gate"].T
    x = x + (gate / (1 + np.exp(-gate)) * (h @ w["up"].T)) @ w["down"].T
    return np.asarray(normed(x, "norm") @ w["embedding.weight"].T)


def test_it_computes_what_a_plain_reference_does(model: Pretrained) -> None:
    with torch.no_grad():
        found = model(torch.tensor([TOKENS]))[0].numpy()
    np.testing.assert_allclose(found, reference(model, TOKENS), atol=1e-4)


def test_a_token_sees_none_that_come_after_it(model: Pretrained) -> None:
    with torch.no_grad():
        whole = model(torch.tensor([TOKENS]))
        part = model(torch.tensor([TOKENS[:5]]))
    assert torch.allclose(whole[:, :5], part, atol=1e-5)


def test_turning_keeps_lengths_and_tells_distances_alone(model: Pretrained) -> None:
    cos, sin = rotary(12, model.shape)
    torch.manual_seed(3)
    query, key = torch.randn(2, 1, model.shape.head_size).expand(2, 12, -1)
    q, k = rotate(query, cos, sin), rotate(key, cos, sin)
    assert torch.allclose(q.norm(dim=1), query.norm(dim=1))
    assert torch.equal(q[0], query[0])
    apart = [(q[n + 3] @ k[n]).item() for n in range(9)]
    assert apart == pytest.approx([apart[0]] * 9, abs=1e-4)


def test_rounding_touches_matrices_and_the_embedding_alone(model: Pretrained) -> None:
    tokens = torch.tensor([TOKENS])
    try:
        model.rounded.fill_(1.0)
        model(tokens).sum().backward()
        gradients = {name: one.grad for name, one in model.named_parameters()}
        assert [name for name, grad in gradients.items() if grad is None] == []
        with torch.no_grad():
            _, embedding = model.hidden(tokens)
        assert not torch.equal(embedding, model.embedding.weight)
        assert torch.allclose(embedding, model.embedding.weight, atol=0.02)
    finally:
        model.rounded.fill_(0.0)
        model.zero_grad()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("embedding.weight", "token_embd.weight"),
        ("norm.weight", "output_norm.weight"),
        ("layers.7.attention_norm.weight", "blk.7.attn_norm.weight"),
        ("layers.12.down", "blk.12.ffn_down.weight"),
    ],
)
def test_tensors_have_llama_cpps_names(ours: str, theirs: str) -> None:
    assert tensor_name(ours) == theirs
