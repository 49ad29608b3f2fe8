"""Text to tokens on disk: `python -m models.training.pack --data DIR --out runs/small`.

Writes tokenizer.json and, for each of `plain`, `service` and their `_val` parts, NAME.tokens.npy
(uint16) and NAME.learn.npy (uint8, 1 where the token is a target). Documents end in <|endoftext|>.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from models.training import corpus
from models.training.tokenizer import END_OF_TEXT, load_tokenizer, train_tokenizer

SAMPLE_CHARACTERS = 30_000_000
"""What the tokenizer is trained on; more changes few merges and takes minutes."""


def sample(documents: list[corpus.Document]) -> Iterable[str]:
    total = 0
    for document in documents:
        text = "".join(part for part, _ in document)
        total += len(text)
        yield text
        if total > SAMPLE_CHARACTERS:
            return


def write(name: str, documents: list[corpus.Document], tokenizer: Tokenizer, out: Path) -> int:
    end = tokenizer.token_to_id(END_OF_TEXT)
    tokens: list[np.ndarray] = []
    learn: list[np.ndarray] = []
    spans = [span for document in documents for span in (*document, ("", True))]
    pending = iter(spans)
    while batch := list(islice(pending, 4096)):
        encoded = tokenizer.encode_batch([text for text, _ in batch])
        for (text, wanted), encoding in zip(batch, encoded, strict=True):
            ids = encoding.ids if text else [end]
            tokens.append(np.array(ids, dtype=np.uint16))
            learn.append(np.full(len(ids), wanted, dtype=np.uint8))
    packed = np.concatenate(tokens)
    np.save(out / f"{name}.tokens.npy", packed)
    np.save(out / f"{name}.learn.npy", np.concatenate(learn))
    return len(packed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(given.seed)

    plain = list(corpus.plain_documents(given.data, rng))
    service = list(corpus.grounded_documents(given.data, rng))
    service += list(corpus.small_talk_documents(4_000, rng))
    rng.shuffle(plain)
    rng.shuffle(service)

    if not (given.out / "tokenizer.json").exists():
        mixed = plain[: len(plain) // 2] + service[: len(service) // 2]
        rng.shuffle(mixed)
        train_tokenizer(sample(mixed)).save(str(given.out / "tokenizer.json"))
    tokenizer = load_tokenizer(given.out)
    for name, documents in (("plain", plain), ("service", service)):
        held_out = len(documents) // 100
        kept = write(name, documents[held_out:], tokenizer, given.out)
        write(f"{name}_val", documents[:held_out], tokenizer, given.out)
        print(f"{name}: {len(documents)} documents, {kept:,} tokens", flush=True)


if __name__ == "__main__":
    main()
