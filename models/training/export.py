"""A trained run to GGUF: `python -m models.training.export --run runs/small --out models/weights`.

Writes the Q8_0 file and prints what the rounding costs. llama.cpp's `qwen3` architecture has our
decoder's very layers, half-rotation rope included, so no weight is permuted.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf.quants import dequantize, quantize
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.training.data import phrases
from models.training.chatml import END_OF_TEXT, SPECIAL, TURN_END
from models.training.decoder import NORM_EPSILON, ROPE_BASE, Decoder
from models.training.dial import CONTEXT, HEAD_SIZE, Dial
from models.training.tokenizer import load_tokenizer
from models.training.train import validation

Q8_0 = gguf.GGMLQuantizationType.Q8_0

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


def write_gguf(
    model: Decoder, tokenizer: Tokenizer, path: Path, name: str, *, reads: bool, rounded: bool
) -> None:
    """`rounded`: matrices in Q8_0, otherwise in F16."""
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
    kind = gguf.LlamaFileType.MOSTLY_Q8_0 if rounded else gguf.LlamaFileType.MOSTLY_F16
    writer.add_file_type(kind)
    writer.add_bool("kefu.reads", reads)
    writer.add_string("kefu.wording", json.dumps(phrases.taught(), ensure_ascii=False))
    _add_vocabulary(writer, tokenizer)
    for ours, weight in model.state_dict().items():
        values = weight.detach().float().cpu().numpy()
        if values.ndim == 1:  # llama.cpp wants norms in F32
            writer.add_tensor(tensor_name(ours), values)
        elif rounded:
            writer.add_tensor(tensor_name(ours), quantize(values, Q8_0), raw_dtype=Q8_0)
        else:
            writer.add_tensor(tensor_name(ours), values.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    stored = json.loads(tokenizer.to_str())["model"]
    tokens = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
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


def load_run(run: Path, device: str) -> Decoder:
    state = torch.load(run / "checkpoint.pt", map_location=device)
    vocabulary = len(state["model"]["embedding.weight"])
    model = Decoder(Dial(state["depth"], vocabulary)).to(device)
    model.load_state_dict(state["model"])
    return model.eval()


def round_weights(model: Decoder) -> None:
    """To what Q8_0 keeps of them."""
    for weight in model.state_dict().values():
        if weight.dim() == 2:
            values: NDArray[np.float32] = weight.detach().float().cpu().numpy()
            weight.copy_(torch.from_numpy(dequantize(quantize(values, Q8_0), Q8_0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="kefu-small")
    parser.add_argument("--reads", action="store_true", help="it may answer by itself")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args()
    model = load_run(given.run, given.device)
    given.out.mkdir(parents=True, exist_ok=True)
    target = given.out / f"{given.name}-q8_0.gguf"
    tokenizer = load_tokenizer(given.run)
    write_gguf(model, tokenizer, target, given.name, reads=given.reads, rounded=True)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    print("as trained", validation(model, given.run, given.device, halved=False))
    round_weights(model)
    print("in Q8_0", validation(model, given.run, given.device, halved=False))


if __name__ == "__main__":
    main()
