"""A pretrained GGUF made small:
`python -m models.training.reduce --from FILE --data DIR --out DIR`.

Writes tokenizer.json and reduced.gguf: the layers that do most and the pieces that our texts use,
block for block as they were stored, and new pieces that begin as the mean of those they replace.
`--drop` names the layers to leave out; by default those whose output is most like their input, as
measured over texts of ours (block influence, Men et al., 2024).
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import dequantize, quantize

from models.training.chat_file import Tensors, write_file
from models.training.data import corpus
from models.training.pack import documents_of
from models.training.pretrained import shape_of
from models.training.vocabulary import Vocabulary, extended, kept, parts_before, pieces_used

Q8_0 = gguf.GGMLQuantizationType.Q8_0

ENGLISH = 16_000
PIECES = 24_064
"""A multiple of 64. 2,600 of the 3,755 most common Chinese characters are a piece of their own."""
LEAST_INFLUENTIAL = (3, 4, 12, 13, 14, 15, 16, 17, 25, 26)
"""Of SmolLM2-135M's 30 layers, by one minus the cosine between input and output, over 24 texts and
conversations: 0.025 to 0.036, the others 0.035 to 0.99. Without them the cross-entropy of these
texts is 4.55 nats (3.03 with all); without ten in a row that begin at 8 to 12, 4.85 or more."""

_HAN = re.compile("[\u4e00-\u9fff]")


def vocabulary_of(fields: dict[str, gguf.ReaderField]) -> Vocabulary:
    merges = fields["tokenizer.ggml.merges"].contents()
    pairs = [(first, second) for first, second in (merge.split(" ") for merge in merges)]
    return Vocabulary(fields["tokenizer.ggml.tokens"].contents(), pairs)


def our_texts(data: Path, seed: int) -> list[str]:
    """A part of everything that is trained on."""
    documents = list(corpus.plain_documents(data, random.Random(seed)))
    for job in ("read", "grounded", "faq", "other", "conversations"):
        documents += documents_of((job, 0), data, seed)
    return ["".join(text for text, _ in document) for document in documents]


def fitted_vocabulary(whole: Vocabulary, texts: list[str]) -> Vocabulary:
    chosen = kept(whole, pieces_used(texts, whole.tokenizer()), ENGLISH)
    chinese = [text for text in texts if len(_HAN.findall(text[:400])) > 20]
    return extended(chosen, chinese, PIECES)


def embedding_of(vocabulary: Vocabulary, whole: Vocabulary, stored: np.ndarray) -> np.ndarray:
    """Rows of Q8_0: as stored, or the mean of the rows that a new piece was written with."""
    before = whole.tokenizer()
    values = dequantize(stored, Q8_0)
    rows = []
    for piece in vocabulary.pieces:
        parts = parts_before(piece, before)
        if len(parts) == 1:
            rows.append(stored[parts[0]])
        else:
            mean = values[parts].mean(0) if parts else values.mean(0)
            rows.append(quantize(mean[None].astype(np.float32), Q8_0)[0])
    return np.stack(rows)


def reduced(reader: gguf.GGUFReader, vocabulary: Vocabulary, drop: set[int]) -> Tensors:
    found: Tensors = {}
    for tensor in reader.tensors:
        name = tensor.name
        data = np.asarray(tensor.data)
        if name == "token_embd.weight":
            data = embedding_of(vocabulary, vocabulary_of(reader.fields), data)
        elif name.startswith("blk."):
            _, number, rest = name.split(".", 2)
            if int(number) in drop:
                continue
            name = f"blk.{int(number) - sum(left < int(number) for left in drop)}.{rest}"
        found[name] = (data, tensor.tensor_type)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--drop", type=int, nargs="*", default=LEAST_INFLUENTIAL)
    parser.add_argument("--vocabulary", type=Path, help="a tokenizer.json that is made already")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(given.source)
    if given.vocabulary is None:
        whole = vocabulary_of(reader.fields)
        vocabulary = fitted_vocabulary(whole, our_texts(given.data, given.seed))
    else:
        vocabulary = Vocabulary.of_file(given.vocabulary)
    vocabulary.tokenizer().save(str(given.out / "tokenizer.json"))
    tensors = reduced(reader, vocabulary, set(given.drop))
    target = given.out / "reduced.gguf"
    write_file(target, shape_of(reader.fields), vocabulary, tensors)
    print(f"{target}: {target.stat().st_size:,} bytes, {len(vocabulary.pieces):,} pieces")


if __name__ == "__main__":
    main()
