"""A decoder of any architecture in `open_shape`, read from the GGUF file that llama.cpp runs.

Parts and tensors have llama.cpp's names, and the parts that a file has say how its layers compute:
one matrix for queries, keys and values or three, norms of queries, biases. Weights lie as in the
file, so what is learnt beside them goes into a file without being turned.

B batch, T positions, D width, H heads, G heads of keys and values, K head size, V vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from gguf.quants import dequantize
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bot.errors import ModelFileError
from models.training.open_shape import Positions, Shape, shape_of

MATRICES = (
    *("attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output"),
    *("ffn_gate", "ffn_up", "ffn_down"),
)
NORMS = (
    *("attn_norm", "attn_q_norm", "attn_k_norm", "post_attention_norm"),
    *("ffn_norm", "post_ffw_norm"),
)
_LAYER = re.compile(r"blk\.(\d+)\.")
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")

Read = Callable[[str], Tensor | None]
"""A tensor by its name in the file; None where the file has none."""


class Lora(nn.Module):
    """What is added to a matrix: of a low rank, nothing at first."""

    def __init__(self, rows: int, columns: int, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, columns) / columns**0.5)
        self.up = nn.Parameter(torch.zeros(rows, rank))
        self.scale = alpha / rank
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout(x, self.dropout, self.training)
        return F.linear(F.linear(x, self.down.to(x.dtype)), self.up.to(x.dtype)) * self.scale


class Matrix(nn.Module):
    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
        self.lora: Lora | None = None

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(x, self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x))
        return y if self.lora is None else y + self.lora(x)


class RMSNorm(nn.Module):
    def __init__(self, weight: Tensor, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        normed = F.rms_norm(x.float(), (x.size(-1),), self.weight.float(), self.epsilon)
        return normed.to(x.dtype)


class Layer(nn.Module):
    def __init__(self, shape: Shape, number: int, read: Read) -> None:
        super().__init__()
        self.shape, self.number = shape, number
        self.window = shape.windows[number]
        for name in MATRICES:
            weight = read(f"blk.{number}.{name}.weight")
            if weight is not None:
                self.add_module(name, Matrix(weight, read(f"blk.{number}.{name}.bias")))
        for name in NORMS:
            weight = read(f"blk.{number}.{name}.weight")
            if weight is not None:
                self.add_module(name, RMSNorm(weight, shape.epsilon))

    def part(self, name: str, x: Tensor) -> Tensor:
        """`x` through a part, where there is one; else `x`."""
        module = self._modules.get(name)
        return x if module is None else module(x)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor] | None, mask: Tensor | None) -> Tensor:
        """`turn`: cosines and sines (T, rotary size / 2)."""
        residual = self.shape.residual_scale
        mixed = self.part("post_attention_norm", self._attended(x, turn, mask))
        x = x + mixed * residual
        written = self.part("post_ffw_norm", self._fed_forward(self.part("ffn_norm", x)))
        return x + written * residual

    def _attended(
        self, x: Tensor, turn: tuple[Tensor, Tensor] | None, mask: Tensor | None
    ) -> Tensor:
        shape = self.shape
        q, k, v = self._projected(self.part("attn_norm", x))
        q, k = self.part("attn_q_norm", q), self.part("attn_k_norm", k)
        if turn is not None:
            q, k = (rotate(one, *turn, pairs=shape.family.pairs) for one in (q, k))
        shared = shape.heads // shape.key_heads
        k, v = (one.repeat_interleave(shared, dim=1) for one in (k, v))
        mixed = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, scale=shape.attention_scale
        )
        return self.part("attn_output", mixed.transpose(1, 2).flatten(2))

    def _projected(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values: (B, H or G, T, K)."""
        shape = self.shape
        if "attn_qkv" in self._modules:
            sizes = [shape.heads * shape.key_size, shape.key_heads * shape.key_size]
            q, k, v = self.part("attn_qkv", h).split(
                [*sizes, shape.key_heads * shape.value_size], dim=-1
            )
        else:
            q, k, v = (self.part(name, h) for name in ("attn_q", "attn_k", "attn_v"))
        sizes = [shape.key_size, shape.key_size, shape.value_size]
        return tuple(
            one.unflatten(-1, (-1, size)).transpose(1, 2)
            for one, size in zip((q, k, v), sizes, strict=True)
        )

    def _fed_forward(self, h: Tensor) -> Tensor:
        up = self.part("ffn_up", h)
        if "ffn_gate" in self._modules:
            gate = self.part("ffn_gate", h)
        else:  # both in one matrix
            gate, up = up.chunk(2, dim=-1)
        bent = F.gelu(gate, approximate="tanh") if self.shape.family.gelu else F.silu(gate)
        return self.part("ffn_down", bent * up)


class OpenDecoder(nn.Module):
    def __init__(self, shape: Shape, read: Read, *, window: int) -> None:
        """`window`: of a conversation, as the engine will run it: stretched positions depend on
        it."""
        super().__init__()
        self.shape = shape
        embedding, norm = read("token_embd.weight"), read("output_norm.weight")
        if embedding is None or norm is None:
            raise ModelFileError("it has no embeddings or no last norm; choose another file")
        self.embedding = Matrix(embedding, None)
        self.norm = RMSNorm(norm, shape.epsilon)
        output = read("output.weight")
        self.output = None if output is None else Matrix(output, read("output.bias"))
        self.layers = nn.ModuleList(Layer(shape, n, read) for n in range(shape.depth))
        self.saves_memory = False
        """Whether layers are computed twice rather than kept."""
        self._factors = _factors(shape, read, window)
        self._turns: dict[tuple[Positions, int, torch.device], tuple[Tensor, Tensor]] = {}

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) ids to (B, T, V) logits."""
        return self.logits(self.hidden(tokens))

    def hidden(self, tokens: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """(B, T) ids to (B, T, D), computed in `dtype`: without it in that of the embedding."""
        length = tokens.size(1)
        x = F.embedding(tokens, self.embedding.weight) * self.shape.embedding_scale
        x = x.to(dtype or self.embedding.weight.dtype)
        for layer, positions in zip(self.layers, self.shape.positions, strict=True):
            assert isinstance(layer, Layer)
            turn = self._turn(positions, length, x.device) if positions else None
            mask = near(length, layer.window, x.device)
            if self.saves_memory and self.training:
                x = checkpoint(layer, x, turn, mask, use_reentrant=False)
            else:
                x = layer(x, turn, mask)
        normed: Tensor = self.norm(x)
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        last: Tensor = (self.output or self.embedding)(hidden)
        return last / self.shape.logit_scale

    def matrices(self) -> Iterator[tuple[str, Matrix]]:
        """Of the layers, by their names in the file."""
        for number, layer in enumerate(self.layers):
            for name, part in layer.named_children():
                if isinstance(part, Matrix):
                    yield f"blk.{number}.{name}.weight", part

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All weights, by their names in the file; not what is added to them."""
        for ours, weight in self.named_parameters():
            if ".lora." not in ours:
                yield stored_name(ours), weight

    def _turn(
        self, positions: Positions, length: int, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        key = (positions, length, device)
        if key not in self._turns:
            if len(self._turns) > 64:
                self._turns.clear()
            self._turns[key] = _rotary(positions, length, self.shape, self._factors, device)
        return self._turns[key]


def add_lora(model: OpenDecoder, rank: int, alpha: float, dropout: float, seed: int) -> None:
    torch.manual_seed(seed)
    for _, matrix in model.matrices():
        rows, columns = matrix.weight.shape
        matrix.lora = Lora(rows, columns, min(rank, rows, columns), alpha, dropout)
        matrix.lora.scale = alpha / rank
        matrix.lora.to(matrix.weight.device)


def stored_name(ours: str) -> str:
    """Of a parameter, in the file."""
    head, _, rest = ours.partition(".")
    if head == "layers":
        return f"blk.{rest}"
    return {"embedding": "token_embd", "norm": "output_norm"}.get(head, head) + f".{rest}"


def rotate(x: Tensor, cos: Tensor, sin: Tensor, *, pairs: bool) -> Tensor:
    """The first values of each head, as many as there are cosines and sines for."""
    size = 2 * cos.size(-1)
    turned, rest = x[..., :size].float(), x[..., size:]
    if pairs:
        first, second = turned.unflatten(-1, (-1, 2)).unbind(-1)
    else:
        first, second = turned.chunk(2, dim=-1)
    both = (first * cos - second * sin, first * sin + second * cos)
    done = torch.stack(both, dim=-1).flatten(-2) if pairs else torch.cat(both, dim=-1)
    return torch.cat([done.to(x.dtype), rest], dim=-1)


def near(length: int, window: int, device: torch.device) -> Tensor | None:
    """Who sees whom, where a window is shorter than the text; None: all that came before."""
    if not window or length <= window:
        return None
    places = torch.arange(length, device=device)
    back = places[:, None] - places[None, :]
    return (back >= 0) & (back < window)


def _rotary(
    positions: Positions,
    length: int,
    shape: Shape,
    factors: Tensor | None,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    size = shape.rotary_size
    steps = torch.arange(0, size, 2, dtype=torch.float32)
    frequencies = positions.base ** (-steps / size) * positions.scale
    if factors is not None:
        frequencies = frequencies / factors.float().cpu()
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies).to(device)
    return angles.cos() * shape.attention_factor, angles.sin() * shape.attention_factor


def _factors(shape: Shape, read: Read, window: int) -> Tensor | None:
    """What frequencies are divided by, as Llama 3 and Phi stretch them."""
    long, short = read("rope_factors_long.weight"), read("rope_factors_short.weight")
    if long is None or short is None:
        return read("rope_freqs.weight")
    stretched = window > (shape.original_context or shape.context)
    return long if stretched else short


def load_decoder(path: Path, *, dtype: torch.dtype, device: str, window: int) -> OpenDecoder:
    """Frozen, matrices in `dtype`. Raise ModelFileError where a single tensor is not known."""
    if _PART.search(path.name):
        raise ModelFileError(f"{path} is one of several files of a model; join them first")
    reader = gguf.GGUFReader(path)
    shape = shape_of(reader.fields, path)
    stored = {tensor.name: tensor for tensor in reader.tensors}
    left = set(stored)

    def read(name: str) -> Tensor | None:
        left.discard(name)
        found: Any = stored.get(name)
        if found is None:
            return None
        values = dequantize(found.data, found.tensor_type).astype(np.float32)
        tensor = torch.from_numpy(values)
        return tensor.to(device, dtype if tensor.dim() > 1 else torch.float32)

    model = OpenDecoder(shape, read, window=window)
    if left:
        raise ModelFileError(
            f"{path} holds {', '.join(sorted(left)[:3])}, which no {shape.architecture} model that "
            "can be tuned here has; choose another"
        )
    return model.eval()
