"""The encoder in torch: beside a plain reference, and beside llama.cpp."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from gguf.quants import dequantize, quantize
from numpy.typing import NDArray

from models.training.bert import Bert
from models.training.encoder_gguf import write_gguf
from models.training.multilingual import HEADS, PAD, Base, Weights, tokenizer_of
from models.training.vectors import encode
from tests.models.bases import WIDTH, charsmap, pieces_of, random_base

Floats = NDArray[np.float64]
TEXTS = (
    "return the shoe",
    "pair: how || ship the order, please",
    "退货 shoe",
    "",
    "dog" + " dog" * 60,
)


@pytest.fixture(scope="module")
def base() -> Base:
    return random_base(*pieces_of(), layers=2)


def bert_of(base: Base) -> Bert:
    return Bert(base.weights, base.epsilon).eval()


@pytest.fixture(scope="module")
def bert(base: Base) -> Bert:
    return bert_of(base)


def normed(x: Floats, weights: Weights, name: str) -> Floats:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return np.asarray(scaled * weights[f"{name}.w"] + weights[f"{name}.b"])


def reference(weights: Weights, tokens: list[int]) -> Floats:
    """A text's vector, one head and one layer after the other."""
    w = {name: values.astype(np.float64) for name, values in weights.items()}
    x = w["emb.word"][tokens] + w["emb.pos"][: len(tokens)] + w["emb.type"][0]
    x = normed(x, w, "emb.ln")
    gelu = np.vectorize(lambda value: value * (1 + math.erf(value / math.sqrt(2))) / 2)
    for number in range(sum(name.endswith(".q.w") for name in w)):

        def linear(x: Floats, part: str, layer: str = f"l{number}") -> Floats:
            return np.asarray(x @ w[f"{layer}.{part}.w"].T + w[f"{layer}.{part}.b"])

        q, k, v = (linear(x, part) for part in "qkv")
        mixed = np.zeros_like(x)
        size = x.shape[1] // HEADS
        for head in range(HEADS):
            own = slice(head * size, (head + 1) * size)
            powers = np.exp(q[:, own] @ k[:, own].T / math.sqrt(size))
            mixed[:, own] = powers / powers.sum(1, keepdims=True) @ v[:, own]
        x = normed(x + linear(mixed, "ao"), w, f"l{number}.aln")
        x = normed(x + linear(gelu(linear(x, "fi")), "fo"), w, f"l{number}.oln")
    mean = x.mean(0)
    return np.asarray(mean / np.linalg.norm(mean))


def test_it_computes_what_a_plain_reference_does(base: Base, bert: Bert) -> None:
    tokenizer = tokenizer_of(base.pieces, base.scores, charsmap())
    for text in TEXTS:
        tokens = tokenizer.encode(text).ids
        with torch.no_grad():
            found = bert(torch.tensor([tokens]))[0].numpy()
        np.testing.assert_allclose(found, reference(base.weights, tokens), atol=1e-5)


def test_padding_changes_nothing(bert: Bert) -> None:
    short, long = [0, 7, 9, 2], [0, *range(5, 30), 2]
    padded = torch.full((2, 40), PAD)
    for row, tokens in enumerate((short, long)):
        padded[row, : len(tokens)] = torch.tensor(tokens)
    with torch.no_grad():
        together = bert(padded)
        alone = torch.cat([bert(torch.tensor([tokens])) for tokens in (short, long)])
    assert torch.allclose(together, alone, atol=1e-6)
    assert torch.allclose(together.norm(dim=1), torch.ones(2))


def rounded(base: Base) -> Base:
    """As the file keeps it."""
    kinds = {name: gguf.GGMLQuantizationType.Q8_0 for name in base.weights if name[-2:] == ".w"}
    kinds["emb.word"] = gguf.GGMLQuantizationType.Q4_0
    kept = {
        name: dequantize(quantize(base.weights[name], kind), kind)
        for name, kind in kinds.items()
        if base.weights[name].ndim == 2
    }
    return replace(base, weights=base.weights | kept)


@pytest.mark.parametrize(("whole", "least"), [(True, 0.99999), (False, 0.999)])
def test_llama_cpp_computes_the_same_from_the_file(
    base: Base, tmp_path: Path, whole: bool, least: float
) -> None:
    base = base if whole else rounded(base)
    tokenizer, bert = tokenizer_of(base.pieces, base.scores, charsmap()), bert_of(base)
    with torch.no_grad():
        rows = [bert(torch.tensor([tokenizer.encode(text).ids])) for text in TEXTS]
    write_gguf(tmp_path / "tiny.gguf", base, charsmap(), {}, whole=whole)
    cosines = (encode(tmp_path / "tiny.gguf", TEXTS) * torch.cat(rows).numpy()).sum(1)
    assert cosines.min() > least


def test_weights_go_in_and_come_out_under_the_same_names(base: Base, bert: Bert) -> None:
    found = bert.weights()
    assert found.keys() == base.weights.keys() - {"emb.word"}
    for name, values in found.items():
        np.testing.assert_array_equal(values, base.weights[name], err_msg=name)


def test_everything_is_trained_but_the_words(bert: Bert) -> None:
    fixed = [name for name, one in bert.named_parameters() if not one.requires_grad]
    assert fixed == ["words.weight"]
    bert.zero_grad()
    bert(torch.tensor([[0, 7, 9, 2], [0, 8, 2, PAD]]))[:, : WIDTH // 2].sum().backward()
    gradients = {name: one.grad for name, one in bert.named_parameters() if one.requires_grad}
    missing = [name for name, grad in gradients.items() if grad is None or not grad.any()]
    assert missing == []
    bert.zero_grad()


def test_words_are_dropped_only_while_it_learns(base: Base) -> None:
    bert = Bert(base.weights, base.epsilon)
    bert.dropout = 0.5
    tokens = torch.tensor([[0, 7, 9, 2]])
    with torch.no_grad():
        assert not torch.allclose(bert.train()(tokens), bert(tokens))
        assert torch.equal(bert.eval()(tokens), bert(tokens))
