"""A stand-in with the shape of a 0.5B model (Qwen2's) and random weights, Q8_0: it writes nonsense
as fast as the real one writes sense."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from gguf.quants import quantize

from bot.engine.template import CHATML
from models.catalogue import find

LAYERS, WIDTH, HEADS, KV_HEADS, FEED_FORWARD, VOCABULARY = 24, 896, 14, 2, 4864, 151_936
CONTEXT = 4096


def write_standin(path: Path, seed: int = 0) -> Path:
    """530 MB. Its tokenizer is kefu's, widened with words that no text reaches."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("standin-0.5b")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    _add_vocabulary(writer)

    def matrix(name: str, rows: int, columns: int, known: int | None = None) -> None:
        values = random.standard_normal((rows, columns), dtype=np.float32) * columns**-0.5
        values[known or rows :] = 0
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(f"{name}.weight", quantize(values, kind), raw_dtype=kind)

    def vector(name: str, size: int, value: float) -> None:
        writer.add_tensor(name, np.full(size, value, dtype=np.float32))

    # Embeddings and output are one matrix: words without a row of their own are never written,
    # because their text would not be read back as the token that it was.
    matrix("token_embd", VOCABULARY, WIDTH, known=_known_tokens())
    vector("output_norm.weight", WIDTH, 1)
    kv = WIDTH // HEADS * KV_HEADS
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        vector(f"{at}.attn_norm.weight", WIDTH, 1)
        vector(f"{at}.ffn_norm.weight", WIDTH, 1)
        for name, rows in (("q", WIDTH), ("k", kv), ("v", kv)):
            matrix(f"{at}.attn_{name}", rows, WIDTH)
            vector(f"{at}.attn_{name}.bias", rows, 0)
        matrix(f"{at}.attn_output", WIDTH, WIDTH)
        matrix(f"{at}.ffn_gate", FEED_FORWARD, WIDTH)
        matrix(f"{at}.ffn_up", FEED_FORWARD, WIDTH)
        matrix(f"{at}.ffn_down", WIDTH, FEED_FORWARD)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _known_tokens() -> int:
    fields = gguf.GGUFReader(find("kefu-small")).fields
    return len(fields["tokenizer.ggml.tokens"].contents())


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    fields = gguf.GGUFReader(find("kefu-small")).fields
    tokens = list(fields["tokenizer.ggml.tokens"].contents())
    kinds = list(fields["tokenizer.ggml.token_type"].contents())
    missing = VOCABULARY - len(tokens)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens + [f"Ġword{number}" for number in range(missing)])
    writer.add_token_types(kinds + [gguf.TokenType.NORMAL] * missing)
    writer.add_token_merges(list(fields["tokenizer.ggml.merges"].contents()))
    writer.add_eos_token_id(int(fields["tokenizer.ggml.eos_token_id"].contents()))
    writer.add_pad_token_id(int(fields["tokenizer.ggml.padding_token_id"].contents()))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)
