"""A trained run to GGUF: `python -m models.training.export --run runs/small --out runs/small`.

Writes a file of each type and prints what its rounding costs. llama.cpp's `qwen3` architecture has
our decoder's very layers, half-rotation rope included, so no weight is permuted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf.quants import dequantize, quantize
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.training.chatml import END_OF_TEXT, SPECIAL, TURN_END
from models.training.data import phrases
from models.training.decoder import NORM_EPSILON, ROPE_BASE, Decoder
from models.training.dial import CONTEXT, HEAD_SIZE, Dial
from models.training.tokenizer import load_tokenizer
from models.training.train import validation

TYPES = ("f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0")
"""Of the matrices, the largest first; norms are in F32."""
TOLERATED = 1.005
"""The loss of replies that rounding may cost, times that in F16."""

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
    model: Decoder, tokenizer: Tokenizer, path: Path, name: str, *, reads: bool, kind: str
) -> None:
    """`kind`: one of TYPES. Under another name until it is whole."""
    begun = path.with_name(f"{path.name}.new")
    stored = gguf.GGMLQuantizationType[kind.upper()]
    dial = model.dial
    writer = gguf.GGUFWriter(begun, "qwen3")
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
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{kind.upper()}"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_bool("kefu.reads", reads)
    writer.add_string("kefu.wording", json.dumps(phrases.taught(), ensure_ascii=False))
    _add_vocabulary(writer, tokenizer)
    for ours, weight in model.state_dict().items():
        values = weight.detach().float().cpu().numpy()
        if values.ndim == 1:  # llama.cpp wants norms in F32
            writer.add_tensor(tensor_name(ours), values)
        else:
            writer.add_tensor(tensor_name(ours), quantize(values, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    begun.replace(path)


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


def load_run(run: Path, device: str) -> tuple[Decoder, int]:
    """The best weights, and the step that they are of; the last where none were kept."""
    kept = run / "best.pt"
    state = torch.load(kept if kept.exists() else run / "checkpoint.pt", map_location=device)
    vocabulary = len(state["model"]["embedding.weight"])
    model = Decoder(Dial(state["depth"], vocabulary)).to(device)
    model.load_state_dict(state["model"])
    return model.eval(), state["step"]


def round_weights(model: Decoder, kind: str) -> None:
    """To what a file of this type keeps of them."""
    stored = gguf.GGMLQuantizationType[kind.upper()]
    for weight in model.state_dict().values():
        if weight.dim() == 2:
            values: NDArray[np.float32] = weight.detach().float().cpu().numpy()
            weight.copy_(torch.from_numpy(dequantize(quantize(values, stored), stored)))


@dataclass(frozen=True)
class Exported:
    """A file, and its losses as `models.training.train.validation` tells them."""

    kind: str
    file: str
    bytes: int
    plain: float
    service: float


class Export:
    """Of a run's best weights."""

    def __init__(self, run: Path, name: str, device: str, *, reads: bool = False) -> None:
        self._run, self._name, self._device, self._reads = run, name, device, reads
        self._model, self.step = load_run(run, device)
        self._weights = {key: each.clone() for key, each in self._model.state_dict().items()}
        self._tokenizer = load_tokenizer(run)

    @torch.no_grad()
    def as_trained(self) -> dict[str, float]:
        """The loss in F32."""
        self._model.load_state_dict(self._weights)
        return validation(self._model, self._run, self._device, halved=False)

    @torch.no_grad()
    def write(self, kind: str, folder: Path) -> Exported:
        path = folder / f"{self._name}-{kind}.gguf"
        self._model.load_state_dict(self._weights)
        write_gguf(self._model, self._tokenizer, path, self._name, reads=self._reads, kind=kind)
        round_weights(self._model, kind)
        found = validation(self._model, self._run, self._device, halved=False)
        return Exported(kind, path.name, path.stat().st_size, found["plain"], found["service"])


def chosen(files: Sequence[Exported]) -> Exported:
    """The smallest whose loss of replies is hardly above that in F16."""
    (whole,) = [one for one in files if one.kind == "f16"]
    return min(
        (one for one in files if one.service <= TOLERATED * whole.service),
        key=lambda one: one.bytes,
    )


def table(files: Sequence[Exported]) -> list[str]:
    (whole,) = [one for one in files if one.kind == "f16"]
    return [
        f"{one.kind:5} {one.bytes / 1e6:8.1f} MB  replies {one.service:.4f} "
        f"({one.service / whole.service - 1:+.2%})  text {one.plain:.4f}"
        for one in files
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="kefu-small")
    parser.add_argument("--reads", action="store_true", help="it may answer by itself")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args()
    export = Export(given.run, given.name, given.device, reads=given.reads)
    given.out.mkdir(parents=True, exist_ok=True)
    print(f"the weights of step {export.step:,}; as trained", export.as_trained())
    files = [export.write(kind, given.out) for kind in TYPES]
    print("\n".join(table(files)))
    print("smallest within half a percent:", chosen(files).file)


if __name__ == "__main__":
    main()
