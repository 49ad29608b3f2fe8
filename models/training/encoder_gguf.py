"""The tuned encoder as a GGUF file that llama.cpp runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import gguf
import numpy as np

from models.training.multilingual import BEGIN, END, HEADS, PAD, SPECIAL, UNKNOWN, WINDOW, Base

_TENSORS = {
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "ao": "attn_output", "fi": "ffn_up",
    "fo": "ffn_down", "aln": "attn_output_norm", "oln": "layer_output_norm",
}  # fmt: skip
_EMBEDDINGS = {
    "emb.word": "token_embd.weight",
    "emb.pos": "position_embd.weight",
    "emb.type": "token_types.weight",
    "emb.ln.w": "token_embd_norm.weight",
    "emb.ln.b": "token_embd_norm.bias",
}
Extra = Mapping[str, "str | float | list[float]"]


def write_gguf(out: Path, base: Base, table: bytes, extra: Extra, *, whole: bool = False) -> None:
    """Matrices in Q8_0, words in Q4_0, which is how the base came; float32 with `whole`."""
    writer = gguf.GGUFWriter(out, "bert")
    writer.add_type("model")
    writer.add_name("kefu-encoder")
    writer.add_description("multilingual-e5-small, tuned to find and read help pages")
    writer.add_license("mit")
    writer.add_source_url("https://huggingface.co/intfloat/multilingual-e5-small")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32 if whole else gguf.LlamaFileType.MOSTLY_Q8_0)
    _write_shape(writer, base)
    _write_vocabulary(writer, base, table)
    for key, value in extra.items():
        if isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, list):
            writer.add_array(key, value)
        else:
            writer.add_float32(key, value)
    for name, data in base.weights.items():
        kind = gguf.GGMLQuantizationType.F32
        if data.ndim == 2 and not whole and name not in ("emb.pos", "emb.type"):
            kind = gguf.GGMLQuantizationType.Q8_0
            if name == "emb.word":
                kind = gguf.GGMLQuantizationType.Q4_0
        stored = gguf.quants.quantize(data.astype(np.float32), kind)
        writer.add_tensor(_tensor_name(name), stored, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensor_name(name: str) -> str:
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    layer, part, end = name.split(".")
    return f"blk.{layer[1:]}.{_TENSORS[part]}.{'weight' if end == 'w' else 'bias'}"


def _write_shape(writer: gguf.GGUFWriter, base: Base) -> None:
    inner, width = base.weights["l0.fi.w"].shape
    writer.add_context_length(WINDOW)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(HEADS)
    writer.add_block_count(sum(name.endswith(".q.w") for name in base.weights))
    writer.add_layer_norm_eps(base.epsilon)
    writer.add_causal_attention(value=False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)


def _write_vocabulary(writer: gguf.GGUFWriter, base: Base, table: bytes) -> None:
    writer.add_tokenizer_model("t5")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(base.pieces)
    writer.add_token_scores([float(score) for score in base.scores])
    kinds = [gguf.TokenType.NORMAL] * len(base.pieces)
    for number in range(len(SPECIAL)):
        kinds[number] = gguf.TokenType.CONTROL
    kinds[UNKNOWN] = gguf.TokenType.UNKNOWN
    writer.add_token_types(kinds)
    writer.add_token_type_count(len(base.weights["emb.type"]))
    writer.add_add_space_prefix(value=True)
    writer.add_remove_extra_whitespaces(value=True)
    writer.add_precompiled_charsmap(table)
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_sep_token_id(END)
    writer.add_pad_token_id(PAD)
    writer.add_unk_token_id(UNKNOWN)
    writer.add_add_bos_token(value=True)
    writer.add_add_eos_token(value=True)


def read_tuned(model: Path) -> dict[str, np.ndarray]:
    """What `write_gguf` wrote but for the words, in the recipe's names; and its head for answers.
    Raise ValueError for a file without one."""
    reader = gguf.GGUFReader(model)
    ours = {_tensor_name(name): name for name in _names(reader)}
    found = {
        ours[tensor.name]: gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        for tensor in reader.tensors
        if ours[tensor.name] != "emb.word"
    }
    if "kefu.answers" not in reader.fields:
        raise ValueError(f"{model} has no head for answers (kefu.answers)")
    head = json.loads(reader.fields["kefu.answers"].contents())
    found["head.answers.weight"] = np.array([head["weight"]], np.float32)
    found["head.answers.bias"] = np.array([head["bias"]], np.float32)
    return found


def _names(reader: gguf.GGUFReader) -> Iterator[str]:
    yield from _EMBEDDINGS
    for layer in range(reader.fields["bert.block_count"].contents()):
        for part in _TENSORS:
            yield from (f"l{layer}.{part}.w", f"l{layer}.{part}.b")
