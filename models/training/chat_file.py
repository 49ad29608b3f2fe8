"""kefu-chat's file: GGUF in llama.cpp's `llama` layout, with all that kefu reads from it.

`python -m models.training.chat_file --run runs/chat --out FILE` rounds a tuned run as it was
trained to be rounded: matrices in Q4_0, the embedding in Q8_0, norms in F32.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf.quants import quantize

from models.training.chatml import END_OF_TEXT, SPECIAL, TURN_END, TURN_START
from models.training.dial import CONTEXT
from models.training.export import CHAT_TEMPLATE
from models.training.pretrained import Shape, load_pretrained, tensor_name
from models.training.vocabulary import Vocabulary

F32 = gguf.GGMLQuantizationType.F32
Q4_0 = gguf.GGMLQuantizationType.Q4_0
Q8_0 = gguf.GGMLQuantizationType.Q8_0

Tensors = dict[str, tuple[np.ndarray, gguf.GGMLQuantizationType]]
"""By llama.cpp's name: bytes as stored, and their format."""

BASE = "SmolLM2-135M-Instruct"
BASE_ADDRESS = "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct"


def write_file(path: Path, shape: Shape, vocabulary: Vocabulary, tensors: Tensors) -> None:
    """The depth and the number of pieces are those of the tensors."""
    depth = len({name.split(".")[1] for name in tensors if name.startswith("blk.")})
    writer = gguf.GGUFWriter(path, "llama")
    _add_origin(writer)
    _add_shape(writer, replace(shape, depth=depth, vocabulary=len(vocabulary.pieces)))
    _add_vocabulary(writer, vocabulary)
    for name, (data, kind) in tensors.items():
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_origin(writer: gguf.GGUFWriter) -> None:
    writer.add_name("kefu-chat")
    writer.add_description("Replies from the passages that kefu shows it, in English and Chinese")
    writer.add_license("apache-2.0")
    writer.add_languages(["en", "zh"])
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, BASE)
    writer.add_base_model_organization(0, "HuggingFaceTB")
    writer.add_base_model_repo_url(0, BASE_ADDRESS)
    writer.add_bool("kefu.reads", True)


def _add_shape(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.depth)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.key_heads)
    writer.add_rope_dimension_count(shape.head_size)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _add_vocabulary(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    pieces = vocabulary.pieces
    kinds = [gguf.TokenType.CONTROL if p in SPECIAL else gguf.TokenType.NORMAL for p in pieces]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(pieces)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(merge) for merge in vocabulary.merges])
    writer.add_bos_token_id(pieces.index(TURN_START))
    writer.add_eos_token_id(pieces.index(TURN_END))
    writer.add_unk_token_id(pieces.index(END_OF_TEXT))
    writer.add_pad_token_id(pieces.index(END_OF_TEXT))
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def rounded(weights: Mapping[str, torch.Tensor]) -> Tensors:
    """A state dict of `Pretrained` in the formats of the file."""
    found: Tensors = {}
    for ours, weight in weights.items():
        values = weight.detach().float().cpu().numpy()
        if values.ndim == 1:
            found[tensor_name(ours)] = (values, F32)
            continue
        kind = Q8_0 if ours == "embedding.weight" else Q4_0
        found[tensor_name(ours)] = (quantize(values, kind), kind)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    shape = load_pretrained(given.run / "reduced.gguf").shape
    weights = torch.load(given.run / "tuned.pt", map_location="cpu")
    vocabulary = Vocabulary.of_file(given.run / "tokenizer.json")
    write_file(given.out, shape, vocabulary, rounded(weights))
    print(f"{given.out}: {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
