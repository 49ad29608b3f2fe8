"""A trained run to GGUF: `python -m models.training.export --run runs/small --out models/weights`.

Writes the F16 file into the run and the quantised one into `--out`. llama.cpp's `qwen3`
architecture has our decoder's very layers, half-rotation rope included, so no weight is permuted.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer

from models.training import phrases
from models.training.decoder import NORM_EPSILON, ROPE_BASE, Decoder
from models.training.dial import CONTEXT, HEAD_SIZE, VOCABULARY, Dial
from models.training.tokenizer import END_OF_TEXT, SPECIAL, TURN_END, load_tokenizer

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LAYER_NAMES = {
    "attention_norm": "attn_norm",
    "query": "attn_q",
    "key": "attn_k",
    "value": "attn_v",
    "query_norm": "attn_q_norm",
    "key_norm": "attn_k_norm",
    "attention_out": "attn_output",
    "feed_forward_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}


def tensor_name(ours: str) -> str:
    parts = ours.split(".")
    if parts[0] == "layers":
        return f"blk.{parts[1]}.{LAYER_NAMES[parts[2]]}.weight"
    return {"embedding.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}[ours]


def write_gguf(model: Decoder, tokenizer: Tokenizer, path: Path, name: str) -> None:
    dial = model.dial
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_name(name)
    writer.add_description("Words kefu's replies around the sentences that its encoder picks")
    writer.add_license("apache-2.0")
    writer.add_languages(["en", "zh"])
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(dial.width)
    writer.add_block_count(dial.depth)
    writer.add_feed_forward_length(dial.feed_forward)
    writer.add_head_count(dial.heads)
    writer.add_head_count_kv(dial.heads)
    writer.add_key_length(HEAD_SIZE)
    writer.add_value_length(HEAD_SIZE)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_bool("kefu.reads", False)
    writer.add_string("kefu.wording", json.dumps(phrases.taught(), ensure_ascii=False))
    _add_vocabulary(writer, tokenizer)
    for ours, weight in model.state_dict().items():
        values = weight.detach().float().cpu().numpy()
        # llama.cpp wants norms in F32
        writer.add_tensor(
            tensor_name(ours), values.astype(np.float16 if values.ndim > 1 else np.float32)
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    stored = json.loads(tokenizer.to_str())["model"]
    tokens = [tokenizer.id_to_token(i) for i in range(VOCABULARY)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [gguf.TokenType.CONTROL if t in SPECIAL else gguf.TokenType.NORMAL for t in tokens]
    )
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in stored["merges"]])
    writer.add_eos_token_id(tokenizer.token_to_id(TURN_END))
    writer.add_pad_token_id(tokenizer.token_to_id(END_OF_TEXT))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def load_run(run: Path) -> Decoder:
    state = torch.load(run / "checkpoint.pt", map_location="cpu")
    model = Decoder(Dial(state["depth"]))
    model.load_state_dict(state["model"])
    return model.eval()


def quantise(source: Path, target: Path) -> None:
    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    parameters.nthread = 1
    failed = llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), parameters)
    if failed:
        raise SystemExit(f"llama.cpp could not quantise {source} (code {failed})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="kefu-small")
    given = parser.parse_args()
    f16 = given.run / f"{given.name}-f16.gguf"
    write_gguf(load_run(given.run), load_tokenizer(given.run), f16, given.name)
    target = given.out / f"{given.name}-q8_0.gguf"
    given.out.mkdir(parents=True, exist_ok=True)
    quantise(f16, target)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
