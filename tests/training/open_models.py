"""Small random GGUF files of every architecture that can be tuned, peculiarities included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import llama_cpp
import numpy as np
from numpy.typing import NDArray

from tests.engine.tiny import CHATML, MERGES, SPECIALS, byte_vocabulary

WIDTH, LAYERS, HEADS, KEY_HEADS, HIDDEN = 64, 4, 4, 2, 96
ARCHITECTURES = ("gemma3", "granite", "llama", "phi3", "qwen2", "qwen3", "smollm3")


def head_of(architecture: str) -> int:
    """Values of a head: where it may be, more than the width over the number of heads."""
    return WIDTH // HEADS if architecture in ("qwen2", "phi3") else 32


class Drawn:
    def __init__(self, writer: gguf.GGUFWriter, seed: int) -> None:
        self._writer, self._dice = writer, np.random.default_rng(seed)

    def matrix(self, name: str, rows: int, columns: int, scale: float = 1.0) -> None:
        values = self._dice.normal(0, scale / columns**0.5, (rows, columns))
        self._writer.add_tensor(f"{name}.weight", values.astype(np.float32))

    def norm(self, name: str, size: int = WIDTH) -> None:
        self.given(name, self._dice.uniform(0.5, 1.5, size))

    def given(self, name: str, values: NDArray[Any]) -> None:
        self._writer.add_tensor(f"{name}.weight", values.astype(np.float32))

    def bias(self, name: str, size: int) -> None:
        values = self._dice.normal(0, 0.3, size).astype(np.float32)
        self._writer.add_tensor(f"{name}.bias", values)


def write_open_model(
    path: Path,
    architecture: str,
    *,
    seed: int = 1,
    context: int = 512,
    extra: str = "",
    own: bool = False,
) -> Path:
    """`extra`: the name of a tensor that no such model has; `own`: as kefu's own say of
    themselves."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(path.stem)
    if own:
        writer.add_bool("kefu.reads", True)
    tokens = _add_vocabulary(writer)
    _add_shape(writer, architecture, context)
    drawn = Drawn(writer, seed)
    drawn.matrix("token_embd", len(tokens), WIDTH, scale=8.0)
    for layer in range(LAYERS):
        _add_layer(drawn, architecture, f"blk.{layer}")
    drawn.norm("output_norm")
    head = head_of(architecture)
    if architecture != "gemma3":
        drawn.matrix("output", len(tokens), WIDTH)
    if architecture == "llama":
        drawn.given("rope_freqs", np.linspace(1, 4, head // 2))
    if architecture == "phi3":
        drawn.given("rope_factors_long", np.linspace(1, 3, head // 4))
        drawn.given("rope_factors_short", np.linspace(1, 1.5, head // 4))
    if extra:
        drawn.norm(extra)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter) -> list[str]:
    tokens = byte_vocabulary()
    kinds = [gguf.TokenType.NORMAL] * len(tokens) + [gguf.TokenType.CONTROL] * len(SPECIALS)
    tokens += SPECIALS
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)
    return tokens


def _add_shape(writer: gguf.GGUFWriter, architecture: str, context: int) -> None:
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    head = head_of(architecture)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head // 2 if architecture == "phi3" else head)
    writer.add_rope_freq_base(50_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    if architecture == "gemma3":
        writer.add_sliding_window(16)
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(4.0)
    if architecture == "granite":
        writer.add_embedding_scale(2.0)
        writer.add_residual_scale(0.4)
        writer.add_attention_scale(0.11)
        writer.add_logit_scale(3.0)
    if architecture == "phi3":
        writer.add_rope_scaling_orig_ctx_len(128)
        writer.add_rope_scaling_attn_factors(1.2)


def _add_layer(drawn: Drawn, architecture: str, block: str) -> None:
    drawn.norm(f"{block}.attn_norm")
    drawn.norm(f"{block}.ffn_norm")
    head = head_of(architecture)
    queries, keys = HEADS * head, KEY_HEADS * head
    if architecture == "phi3":
        drawn.matrix(f"{block}.attn_qkv", queries + 2 * keys, WIDTH)
        drawn.matrix(f"{block}.ffn_up", 2 * HIDDEN, WIDTH)
    else:
        for part, rows in (("q", queries), ("k", keys), ("v", keys)):
            drawn.matrix(f"{block}.attn_{part}", rows, WIDTH)
            if architecture == "qwen2":
                drawn.bias(f"{block}.attn_{part}", rows)
        drawn.matrix(f"{block}.ffn_gate", HIDDEN, WIDTH)
        drawn.matrix(f"{block}.ffn_up", HIDDEN, WIDTH)
    drawn.matrix(f"{block}.attn_output", WIDTH, queries)
    drawn.matrix(f"{block}.ffn_down", WIDTH, HIDDEN)
    if architecture in ("qwen3", "gemma3"):
        drawn.norm(f"{block}.attn_q_norm", head)
        drawn.norm(f"{block}.attn_k_norm", head)
    if architecture == "gemma3":
        drawn.norm(f"{block}.post_attention_norm")
        drawn.norm(f"{block}.post_ffw_norm")


def logits(path: Path, tokens: list[int], adapter: Path | None = None) -> NDArray[np.float32]:
    """llama.cpp's, of a context of 256 tokens."""
    given = {} if adapter is None else {"lora_path": str(adapter)}
    model = llama_cpp.Llama(
        str(path), logits_all=True, n_ctx=256, n_threads=1, verbose=False, **given
    )
    model.eval(tokens)
    found = np.array(model.scores[: len(tokens)])
    model.close()
    return found
