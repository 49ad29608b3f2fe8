"""Small GGUF files with the architectures, vocabularies and chat templates of the catalogue.

Each writes what it is told to, token after token, whatever it is asked: attention and feed-forward
have random weights that add nothing, and the output turns each token of the script into the next.
The templates are short ones of our own with the control tokens and the whims of the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np

from tests.engine.tiny import MERGES, byte_vocabulary

WIDTH, LAYERS, HEADS, FEED_FORWARD, EXPERTS = 64, 2, 4, 64, 4
HEAD = WIDTH // HEADS
_LOUD = 40.0

QWEN3 = """\
{% if messages[0].role == 'system' %}<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif %}
{% for m in messages %}{% if m.role == 'user' %}<|im_start|>user
{{ m.content }}<|im_end|>
{% elif m.role == 'assistant' %}<|im_start|>assistant
{{ m.content.split('</think>')[-1].lstrip('\\n') }}<|im_end|>
{% endif %}{% endfor %}
{% if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}{% endif %}"""
CHATML = """\
{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
THINKING_ONLY = CHATML.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")
SMOLLM3 = """\
{% if enable_thinking is not defined %}{% set enable_thinking = true %}{% endif %}
{% set mode = '/think' if enable_thinking else '/no_think' %}
<|im_start|>system
## Metadata

Reasoning Mode: {{ mode }}

{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}<|im_end|>
{% for m in messages %}{% if m.role == 'user' %}<|im_start|>user
{{ m.content }}<|im_end|>
{% elif m.role == 'assistant' %}<|im_start|>assistant
{{ m.content }}<|im_end|>
{% endif %}{% endfor %}
{% if add_generation_prompt %}<|im_start|>assistant
{% if mode == '/no_think' %}<think>

</think>
{% endif %}{% endif %}"""
GEMMA3 = """\
{{ bos_token }}{% if messages[0].role == 'system' %}
{% set first = messages[0].content + '\n\n' %}{% set rest = messages[1:] %}
{% else %}{% set first = '' %}{% set rest = messages %}{% endif %}
{% for m in rest %}
{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('roles must alternate user/assistant') }}
{% endif %}
{% set role = 'model' if m.role == 'assistant' else m.role %}
{{ '<start_of_turn>' + role + '\n' + (first if loop.first else '') }}
{{- m.content | trim }}{{ '<end_of_turn>\n' }}
{%- endfor %}
{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"""
NO_SYSTEM = """\
{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}
"""
LLAMA3 = """\
{{ bos_token }}{% for m in messages %}
<|start_header_id|>{{ m.role }}<|end_header_id|>

{{ m.content | trim }}<|eot_id|>
{%- endfor %}
{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>

{% endif %}"""
MISTRAL_V7 = """\
{{ bos_token }}{% for m in messages %}
{%- if m.role == 'system' %}[SYSTEM_PROMPT]{{ m.content }}[/SYSTEM_PROMPT]
{%- elif m.role == 'user' %}[INST]{{ m.content }}[/INST]
{%- elif m.role == 'assistant' %}{{ m.content }}{{ eos_token }}
{%- else %}{{ raise_exception('Only user, system and assistant roles are supported!') }}
{%- endif %}{% endfor %}"""
MISTRAL_V3 = """\
{% if messages[0].role == 'system' %}{% set system = messages[0].content %}
{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}
{{ bos_token }}{% for m in rest %}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('roles must alternate user and assistant') }}
{%- endif %}
{%- if m.role == 'user' %}[INST] {% if loop.last and system is defined %}
{{ system + '\n\n' }}{% endif %}
{{- m.content }}[/INST]
{%- else %} {{ m.content | trim }}{{ eos_token }}
{%- endif %}{% endfor %}"""
PHI4_MINI = """\
{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}
{% if add_generation_prompt %}<|assistant|>{% else %}{{ eos_token }}{% endif %}"""
GRANITE = """\
{% for m in messages %}<|start_of_role|>{{ m.role }}<|end_of_role|>{{ m.content }}<|end_of_text|>
{% endfor %}{% if add_generation_prompt %}<|start_of_role|>assistant<|end_of_role|>{% endif %}"""

CONTROL, WORD = gguf.TokenType.CONTROL, gguf.TokenType.USER_DEFINED


@dataclass(frozen=True)
class Family:
    """How the models of a family are put into a file."""

    template: str
    architecture: str
    pre: str
    """The tokenizer's pattern; "spm" for a SentencePiece vocabulary."""
    bos: str
    eos: str
    end: str
    """The token that ends a turn, which need not be `eos`."""
    controls: tuple[str, ...]
    adds_bos: bool = False
    thought: tuple[str, str] | None = None
    thought_is_control: bool = False

    @property
    def specials(self) -> dict[str, gguf.TokenType]:
        kinds = dict.fromkeys(
            dict.fromkeys([self.bos, self.eos, self.end, *self.controls]), CONTROL
        )
        kind = CONTROL if self.thought_is_control else WORD
        return kinds | dict.fromkeys(self.thought or (), kind)


_IM = ("<|im_start|>",)
_THINK = ("<think>", "</think>")
_QWEN = {"bos": "<|endoftext|>", "eos": "<|im_end|>", "end": "<|im_end|>", "controls": _IM}
_LLAMA3 = {
    "bos": "<|begin_of_text|>",
    "eos": "<|eot_id|>",
    "end": "<|eot_id|>",
    "controls": ("<|start_header_id|>", "<|end_header_id|>", "<|end_of_text|>"),
}
_TEKKEN = ("[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]")
FAMILIES = {
    "qwen3": Family(QWEN3, "qwen3", "qwen2", **_QWEN, thought=_THINK),
    "qwen3-2507": Family(CHATML, "qwen3", "qwen2", **_QWEN, thought=_THINK),
    "qwen3-moe": Family(CHATML, "qwen3moe", "qwen2", **_QWEN, thought=_THINK),
    "gemma3": Family(
        GEMMA3, "gemma3", "spm", "<bos>", "<eos>", "<end_of_turn>", ("<start_of_turn>",), True
    ),
    "llama3": Family(LLAMA3, "llama", "llama-bpe", **_LLAMA3, adds_bos=True),
    "mistral-v7": Family(MISTRAL_V7, "llama", "tekken", "<s>", "</s>", "</s>", _TEKKEN, True),
    "mistral-v3": Family(
        MISTRAL_V3, "llama", "spm", "<s>", "</s>", "</s>", ("[INST]", "[/INST]"), True
    ),
    "smollm3": Family(
        SMOLLM3,
        "smollm3",
        "llama-bpe",
        "<|begin_of_text|>",
        "<|im_end|>",
        "<|im_end|>",
        _IM,
        thought=_THINK,
    ),
    "phi4-mini": Family(
        PHI4_MINI,
        "phi3",
        "gpt-4o",
        "<|endoftext|>",
        "<|endoftext|>",
        "<|end|>",
        ("<|system|>", "<|user|>", "<|assistant|>"),
    ),
    "granite": Family(
        GRANITE,
        "granite",
        "refact",
        "<|end_of_text|>",
        "<|end_of_text|>",
        "<|end_of_text|>",
        ("<|start_of_role|>", "<|end_of_role|>"),
    ),
    # not in the catalogue: what an operator's own file may be
    "thinking-only": Family(THINKING_ONLY, "qwen3", "qwen2", **_QWEN, thought=_THINK),
    "magistral": Family(
        MISTRAL_V7,
        "llama",
        "tekken",
        "<s>",
        "</s>",
        "</s>",
        _TEKKEN,
        True,
        ("[THINK]", "[/THINK]"),
        True,
    ),
    "system-refused": Family(NO_SYSTEM + CHATML, "qwen3", "qwen2", **_QWEN),
}


def write_model(
    path: Path,
    family: Family,
    script: Sequence[str] = ("Sixty", " days", "."),
    *,
    template: str | None = None,
    context: int = 2048,
    ends: bool = True,
) -> Path:
    """It says `script`, one token each, none of them twice, and ends the turn, or says it again."""
    writer = gguf.GGUFWriter(path, family.architecture)
    writer.add_name(path.stem)
    tokens = _add_vocabulary(writer, family, script)
    writer.add_chat_template(template if template is not None else family.template)
    _add_shape(writer, family.architecture, context)
    said = [_spelled(family, word) for word in script] + ([family.end] if ends else [])
    _add_tensors(writer, family.architecture, [tokens.index(one) for one in said], len(tokens))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _spelled(family: Family, text: str) -> str:
    """As the vocabulary writes it."""
    if text in family.specials:
        return text
    space = "\u2581" if family.pre == "spm" else "Ġ"
    return text.replace(" ", space).replace("\n", "\n" if family.pre == "spm" else "Ċ")


def _add_vocabulary(writer: gguf.GGUFWriter, family: Family, script: Sequence[str]) -> list[str]:
    spm = family.pre == "spm"
    tokens = ["<unk>", *(f"<0x{n:02X}>" for n in range(256))] if spm else byte_vocabulary()
    kinds = [gguf.TokenType.NORMAL] * len(tokens)
    if spm:
        kinds = [gguf.TokenType.UNKNOWN] + [gguf.TokenType.BYTE] * 256
        letters = [chr(code) for code in range(0x21, 0x7F)]
        tokens += ["\u2581", *letters]
        kinds += [gguf.TokenType.NORMAL] * (1 + len(letters))
    for word in dict.fromkeys(_spelled(family, word) for word in script):
        if word not in tokens and word not in family.specials:
            tokens.append(word)
            kinds.append(gguf.TokenType.NORMAL)
    tokens += family.specials
    kinds += family.specials.values()
    writer.add_tokenizer_model("llama" if spm else "gpt2")
    if spm:
        writer.add_token_scores([0.0] * len(tokens))
        writer.add_unk_token_id(0)
        writer.add_add_space_prefix(False)
    else:
        writer.add_tokenizer_pre(family.pre)
        writer.add_token_merges(list(MERGES))
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(tokens.index(family.bos))
    writer.add_eos_token_id(tokens.index(family.eos))
    writer.add_add_bos_token(family.adds_bos)
    return tokens


def _add_shape(writer: gguf.GGUFWriter, architecture: str, context: int) -> None:
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS // 2)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    if architecture == "gemma3":
        writer.add_sliding_window(512)
    if architecture == "granite":
        writer.add_embedding_scale(1.0)
        writer.add_residual_scale(1.0)
        writer.add_attention_scale(1.0)
        writer.add_logit_scale(1.0)
    if architecture == "qwen3moe":
        writer.add_expert_count(EXPERTS)
        writer.add_expert_used_count(2)
        writer.add_expert_feed_forward_length(FEED_FORWARD)


@dataclass
class _Tensors:
    writer: gguf.GGUFWriter
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def noise(self, name: str, *shape: int) -> None:
        self._add(name, self.random.normal(0, 0.2, shape))

    def zeros(self, name: str, *shape: int) -> None:
        self._add(name, np.zeros(shape))

    def ones(self, name: str, size: int = WIDTH) -> None:
        self._add(name, np.ones(size))

    def given(self, name: str, values: np.ndarray) -> None:
        self._add(name, values)

    def _add(self, name: str, values: np.ndarray) -> None:
        self.writer.add_tensor(f"{name}.weight", values.astype(np.float32))


def _add_tensors(
    writer: gguf.GGUFWriter, architecture: str, script: Sequence[int], vocabulary: int
) -> None:
    tensors = _Tensors(writer)
    embeddings, output = _scripted(script, vocabulary)
    tensors.given("token_embd", embeddings)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        tensors.ones(f"{block}.attn_norm")
        tensors.ones(f"{block}.ffn_norm")
        tensors.zeros(f"{block}.attn_output", WIDTH, WIDTH)
        _ATTENTION.get(architecture, _attention)(tensors, block)
        _FEED_FORWARD.get(architecture, _feed_forward)(tensors, block)
    tensors.ones("output_norm")
    tensors.given("output", output)


def _scripted(script: Sequence[int], vocabulary: int) -> tuple[np.ndarray, np.ndarray]:
    """Each token of the script has a direction of its own, all others share one that leads to the
    first; what has the direction of a token makes the next one likely."""
    embeddings, output = np.zeros((2, vocabulary, WIDTH))
    elsewhere = len(script)
    embeddings[:, elsewhere] = 1
    for place, token in enumerate(script):
        embeddings[token] = np.eye(WIDTH)[place]
    for place, token in enumerate(script):
        output[token, elsewhere if place == 0 else place - 1] += _LOUD
    output[script[0], len(script) - 1] += _LOUD
    return embeddings, output


def _attention(tensors: _Tensors, block: str) -> None:
    tensors.noise(f"{block}.attn_q", WIDTH, WIDTH)
    tensors.noise(f"{block}.attn_k", WIDTH // 2, WIDTH)
    tensors.noise(f"{block}.attn_v", WIDTH // 2, WIDTH)


def _normed_attention(tensors: _Tensors, block: str) -> None:
    _attention(tensors, block)
    tensors.ones(f"{block}.attn_q_norm", HEAD)
    tensors.ones(f"{block}.attn_k_norm", HEAD)


def _gemma_attention(tensors: _Tensors, block: str) -> None:
    _normed_attention(tensors, block)
    tensors.ones(f"{block}.post_attention_norm")
    tensors.ones(f"{block}.post_ffw_norm")


def _fused_attention(tensors: _Tensors, block: str) -> None:
    tensors.noise(f"{block}.attn_qkv", 2 * WIDTH, WIDTH)


def _feed_forward(tensors: _Tensors, block: str) -> None:
    tensors.noise(f"{block}.ffn_gate", FEED_FORWARD, WIDTH)
    tensors.noise(f"{block}.ffn_up", FEED_FORWARD, WIDTH)
    tensors.zeros(f"{block}.ffn_down", WIDTH, FEED_FORWARD)


def _fused_feed_forward(tensors: _Tensors, block: str) -> None:
    tensors.noise(f"{block}.ffn_up", 2 * FEED_FORWARD, WIDTH)
    tensors.zeros(f"{block}.ffn_down", WIDTH, FEED_FORWARD)


def _experts(tensors: _Tensors, block: str) -> None:
    tensors.noise(f"{block}.ffn_gate_inp", EXPERTS, WIDTH)
    tensors.noise(f"{block}.ffn_gate_exps", EXPERTS, FEED_FORWARD, WIDTH)
    tensors.noise(f"{block}.ffn_up_exps", EXPERTS, FEED_FORWARD, WIDTH)
    tensors.zeros(f"{block}.ffn_down_exps", EXPERTS, WIDTH, FEED_FORWARD)


_Part = Callable[[_Tensors, str], None]
_ATTENTION: dict[str, _Part] = {
    "qwen3": _normed_attention,
    "qwen3moe": _normed_attention,
    "gemma3": _gemma_attention,
    "phi3": _fused_attention,
}
_FEED_FORWARD: dict[str, _Part] = {"phi3": _fused_feed_forward, "qwen3moe": _experts}
