"""Tiny random GGUF models: real files that llama.cpp loads in milliseconds."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MERGES = (
    "t h", "th e", "i n", "e r", "a n", "o n", "r e", "a t", "e n", "o r", "in g", "an d",
    "Ġ t", "Ġt h", "Ġ a", "Ġ s", "Ġ i", "Ġ o", "Ġ w", "u s", "us er", "s t", "a s", "e m",
    "i t", "at e", "re t", "ret u", "retu r", "retur n", "o u", "y ou", "h o", "ho w", "e s",
)  # fmt: skip
LAYERS, WIDTH, HEADS, FEED_FORWARD = 2, 64, 4, 128


def write_language_model(
    path: Path,
    *,
    seed: int = 0,
    context: int = 512,
    template: str | None = CHATML,
    add_bos: bool = False,
    extra_tokens: int = 0,
    eog_bias: float = 0.0,
    metadata: Mapping[str, str | bool] | None = None,
) -> Path:
    """A llama-architecture model with a byte-level BPE vocabulary and ChatML's special tokens.

    `extra_tokens` widens the vocabulary with words that no merge reaches; `eog_bias` above 0 makes
    the end of a turn likelier.
    """
    tokens = byte_vocabulary() + [f"word{number}" for number in range(extra_tokens)]
    kinds = [gguf.TokenType.NORMAL] * len(tokens) + [gguf.TokenType.CONTROL] * len(SPECIALS)
    tokens += SPECIALS
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"tiny-{seed}")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS // 2)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(add_bos)
    if template is not None:
        writer.add_chat_template(template)
    _add_metadata(writer, metadata)
    _add_decoder_tensors(writer, np.random.default_rng(seed), len(tokens), eog_bias)
    return _written(writer, path)


def write_encoder(
    path: Path,
    *,
    seed: int = 0,
    context: int = 64,
    metadata: Mapping[str, str | bool] | None = None,
) -> Path:
    """A bert-architecture encoder with mean pooling and a small WordPiece vocabulary."""
    tokens = _wordpiece_vocabulary()
    kinds = [gguf.TokenType.NORMAL] * len(tokens)
    for number in range(5):
        kinds[number] = gguf.TokenType.CONTROL
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name(f"tiny-encoder-{seed}")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_type_count(2)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_sep_token_id(3)
    writer.add_mask_token_id(4)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    _add_metadata(writer, metadata)
    _add_encoder_tensors(writer, np.random.default_rng(seed), len(tokens), context)
    return _written(writer, path)


def write_adapter(
    path: Path,
    *,
    seed: int = 0,
    rank: int = 4,
    width: int = WIDTH,
    architecture: str = "llama",
) -> Path:
    """A LoRA adapter that changes the queries of `write_language_model`'s models."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    for layer in range(LAYERS):
        for part, shape in (("lora_a", (rank, width)), ("lora_b", (width, rank))):
            values = random.normal(0, 1, shape).astype(np.float32)
            writer.add_tensor(f"blk.{layer}.attn_q.weight.{part}", values)
    return _written(writer, path)


def byte_vocabulary() -> list[str]:
    """GPT-2's 256 printable stand-ins for bytes, then what the merges make of them."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    letters |= {byte: chr(256 + number) for number, byte in enumerate(hidden)}
    return [letters[byte] for byte in range(256)] + [merge.replace(" ", "") for merge in MERGES]


def _wordpiece_vocabulary() -> list[str]:
    """llama.cpp writes the start of a word as U+2581 where BERT marks the continuation by ##."""
    letters = [chr(code) for code in range(0x21, 0x7F)]
    words = ["return", "shoe", "order", "the", "how", "what", "hello", "world", "ship", "ing"]
    plain = [*letters, *words]
    starts = [f"\u2581{word}" for word in plain if unicodedata.normalize("NFD", word) == word]
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *starts, *plain]


def _add_metadata(writer: gguf.GGUFWriter, metadata: Mapping[str, str | bool] | None) -> None:
    for key, value in (metadata or {}).items():
        writer.add_bool(key, value) if isinstance(value, bool) else writer.add_string(key, value)


def _add_decoder_tensors(
    writer: gguf.GGUFWriter, random: np.random.Generator, vocabulary: int, eog_bias: float
) -> None:
    def add(name: str, *shape: int, scale: float = 0.2) -> None:
        writer.add_tensor(f"{name}.weight", random.normal(0, scale, shape).astype(np.float32))

    def ones(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, dtype=np.float32))

    add("token_embd", vocabulary, WIDTH, scale=1.0)
    for layer in range(LAYERS):
        ones(f"blk.{layer}.attn_norm")
        add(f"blk.{layer}.attn_q", WIDTH, WIDTH)
        add(f"blk.{layer}.attn_k", WIDTH // 2, WIDTH)
        add(f"blk.{layer}.attn_v", WIDTH // 2, WIDTH)
        add(f"blk.{layer}.attn_output", WIDTH, WIDTH)
        ones(f"blk.{layer}.ffn_norm")
        add(f"blk.{layer}.ffn_gate", FEED_FORWARD, WIDTH)
        add(f"blk.{layer}.ffn_up", FEED_FORWARD, WIDTH)
        add(f"blk.{layer}.ffn_down", WIDTH, FEED_FORWARD)
    ones("output_norm")
    output = random.normal(0, 0.2, (vocabulary, WIDTH)).astype(np.float32)
    output[-len(SPECIALS) :] *= eog_bias
    writer.add_tensor("output.weight", output)


def _add_encoder_tensors(
    writer: gguf.GGUFWriter, random: np.random.Generator, vocabulary: int, context: int
) -> None:
    def add(name: str, *shape: int) -> None:
        writer.add_tensor(f"{name}.weight", random.normal(0, 0.2, shape).astype(np.float32))

    def linear(name: str, rows: int, columns: int) -> None:
        add(name, rows, columns)
        writer.add_tensor(f"{name}.bias", np.zeros(rows, dtype=np.float32))

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, dtype=np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(WIDTH, dtype=np.float32))

    add("token_embd", vocabulary, WIDTH)
    add("position_embd", context, WIDTH)
    add("token_types", 2, WIDTH)
    norm("token_embd_norm")
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            linear(f"blk.{layer}.{part}", WIDTH, WIDTH)
        norm(f"blk.{layer}.attn_output_norm")
        linear(f"blk.{layer}.ffn_up", FEED_FORWARD, WIDTH)
        linear(f"blk.{layer}.ffn_down", WIDTH, FEED_FORWARD)
        norm(f"blk.{layer}.layer_output_norm")


def _written(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
