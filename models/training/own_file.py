"""What was learnt, as a file that llama.cpp loads: a LoRA adapter, or a whole model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf.quants import QuantError, dequantize, quantize
from torch import Tensor

from models.training.open_decoder import OpenDecoder

Q8_0 = gguf.GGMLQuantizationType.Q8_0
TUNED_FROM = "kefu.tuned_from"
"""In the metadata: the file of the model that was tuned."""
_OWN = ("general.architecture", "general.file_type", TUNED_FROM)


def write_adapter(path: Path, model: OpenDecoder, base: Path, name: str) -> None:
    """Of all matrices that have a Lora."""
    writer = gguf.GGUFWriter(path, model.shape.architecture)
    writer.add_type("adapter")
    writer.add_name(name)
    writer.add_string("adapter.type", "lora")
    writer.add_string(TUNED_FROM, base.name)
    alphas = set()
    for stored, matrix in model.matrices():
        if matrix.lora is None:
            continue
        rank = matrix.lora.down.size(0)
        alphas.add(matrix.lora.scale * rank)
        writer.add_tensor(f"{stored}.lora_a", _values(matrix.lora.down))
        writer.add_tensor(f"{stored}.lora_b", _values(matrix.lora.up))
    assert len(alphas) == 1  # the file has one for all: llama.cpp divides it by each rank
    writer.add_float32("adapter.lora.alpha", alphas.pop())
    _write(writer)


def write_whole(path: Path, model: OpenDecoder, base: Path, name: str) -> None:
    """Matrices in Q8_0; all that the base's file says of itself stays, but for its name."""
    fields = gguf.GGUFReader(base).fields
    writer = gguf.GGUFWriter(path, model.shape.architecture)
    for key, field in fields.items():
        if key.startswith("GGUF.") or key in _OWN or key == "general.name":
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, inner)
    writer.add_name(name)
    writer.add_string(TUNED_FROM, base.name)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    for stored, weight in model.tensors():
        values = _values(weight)
        if values.ndim == 1:
            writer.add_tensor(stored, values)
        else:
            rounded, kind = _rounded(values)
            writer.add_tensor(stored, rounded, raw_dtype=kind)
    _write(writer)


@torch.no_grad()
def round_weights(model: OpenDecoder) -> None:
    """To what `write_whole` keeps of them."""
    for _, weight in model.tensors():
        if weight.dim() > 1:
            rounded, kind = _rounded(_values(weight))
            weight.copy_(torch.from_numpy(dequantize(rounded, kind).astype(np.float32)))


def _rounded(values: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], Any]:
    """F16 where rows are no multiple of Q8_0's blocks."""
    try:
        return quantize(values, Q8_0), Q8_0
    except QuantError:
        return values.astype(np.float16), gguf.GGMLQuantizationType.F16


def _values(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.detach().float().cpu().numpy()


def _write(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
