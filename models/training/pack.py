"""Text to tokens on disk: `python -m models.training.pack --data DIR --out runs/small`.

Writes tokenizer.json and NAME.tokens.npy (uint16) with NAME.learn.npy (uint8, see below):
`plain`, a stream of text cut anywhere, and `service`, rows of CONTEXT + 1 tokens with whole
documents; each with a `_val` part that is held out: of `plain` texts and questions that stand in
neither, of `service` conversations with businesses of trades that are never trained on. The tokens
do not depend on the number of processes.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
from bisect import insort
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from models.training.data import conversations, corpus, reading
from models.training.dial import CONTEXT
from models.training.tokenizer import end_of_text, load_tokenizer, train_tokenizer

SAMPLE_CHARACTERS = 24_000_000
"""What the tokenizer is trained on; more changes few merges and takes minutes."""
SHARD = 2_000
"""Conversations that one process makes at a time."""
OPEN_ROWS = 24
PARTS = 8
"""That real texts are packed in."""
PASSES = 3
"""Real texts are asked this often, each time for other sentences."""

NOT_LEARNT, LEARNT, PADDING = 0, 1, 2

Arrays = tuple[np.ndarray, np.ndarray]


def encoded(documents: Iterable[corpus.Document], tokenizer: Tokenizer) -> Iterator[Arrays]:
    """Ids and what is learnt of each document, with <|endoftext|> behind it."""
    end = end_of_text(tokenizer)
    pending = iter(documents)
    while batch := list(islice(pending, 512)):
        spans = [text for document in batch for text, _ in document]
        ids = iter(tokenizer.encode_batch(spans))
        for document in batch:
            tokens: list[int] = []
            learn: list[int] = []
            for (_, wanted), found in zip(document, ids, strict=False):
                tokens += found.ids
                learn += [LEARNT if wanted else NOT_LEARNT] * len(found.ids)
            yield np.array([*tokens, end], np.uint16), np.array([*learn, LEARNT], np.uint8)


def rows(documents: Iterable[Arrays], tokenizer: Tokenizer) -> Arrays:
    """Whole documents in rows of CONTEXT + 1: a reply never stands without what it was made from.
    Each goes into the fullest of the open rows that has room for it; one that is longer than a row
    is left out."""
    length = CONTEXT + 1
    done: list[list[Arrays]] = []
    opened: list[tuple[int, list[Arrays]]] = []  # room left, documents; the fullest first
    for ids, wanted in documents:
        if len(ids) > length:
            continue
        fitting = next((i for i, (room, _) in enumerate(opened) if room >= len(ids)), None)
        room, row = (length, []) if fitting is None else opened.pop(fitting)
        row.append((ids, wanted))
        insort(opened, (room - len(ids), row), key=itemgetter(0))
        if len(opened) > OPEN_ROWS:
            done.append(opened.pop(0)[1])
    padding = end_of_text(tokenizer)
    filled = [_filled(row, length, padding) for row in (*done, *(row for _, row in opened))]
    return _joined(filled)


def _joined(parts: Iterable[Arrays]) -> Arrays:
    found = [(np.zeros(0, np.uint16), np.zeros(0, np.uint8)), *parts]
    tokens, learn = zip(*found, strict=True)
    return np.concatenate(tokens), np.concatenate(learn)


def _filled(row: list[Arrays], length: int, padding: int) -> Arrays:
    tokens, learn = _joined(row)
    short = (0, length - len(tokens))
    return (
        np.pad(tokens, short, constant_values=padding),
        np.pad(learn, short, constant_values=PADDING),
    )


Job = tuple[str, int]
"""What is made, and which part of it."""


def jobs(count: int, passes: int = PASSES) -> list[Job]:
    """Of the rows of service; the slowest first."""
    shards = -(-count // SHARD)
    asked = [(kind, part) for kind in ("read", "grounded") for part in range(passes * PARTS)]
    asked += [("faq", part) for part in range(passes)]
    return [*asked, ("other", 0), *(("conversations", part) for part in range(shards))]


def documents_of(job: Job, data: Path, seed: int) -> list[corpus.Document]:
    kind, part = job
    rng = random.Random(f"{kind} {part} {seed}")
    if kind == "conversations":
        return list(conversations.conversations(SHARD, seed * 1_000_003 + part))
    if kind == "read":
        texts = corpus.records(data, "text")
        found = list(reading.read_documents(islice(texts, part % PARTS, None, PARTS), rng))
    elif kind == "grounded":
        asked = corpus.records(data, "grounded_qa")
        found = list(reading.grounded_documents(islice(asked, part % PARTS, None, PARTS), rng))
    elif kind == "faq":
        found = list(reading.faq_documents(corpus.records(data, "faq"), rng))
    else:
        found = list(reading.translation_documents(corpus.records(data, "translation"), rng))
        found += corpus.small_talk_documents(6_000, rng)
    rng.shuffle(found)
    return found


def pack_rows(job: Job, data: Path, out: Path, seed: int) -> Arrays:
    tokenizer = load_tokenizer(out)
    return rows(encoded(documents_of(job, data, seed), tokenizer), tokenizer)


def pack_stream(part: int, data: Path, out: Path, seed: int) -> Arrays:
    """One part of the text; the last one is what is held out."""
    plain = corpus.plain_documents(data, random.Random(seed), held_out=part == PARTS)
    found = plain if part == PARTS else islice(plain, part, None, PARTS)
    return _joined(encoded(found, load_tokenizer(out)))


def save(out: Path, name: str, arrays: Iterable[Arrays]) -> int:
    tokens, learn = _joined(arrays)
    np.save(out / f"{name}.learn.npy", learn)
    np.save(out / f"{name}.tokens.npy", tokens)
    return len(tokens)


def make_tokenizer(plain: list[corpus.Document], data: Path, out: Path, seed: int) -> None:
    rng = random.Random(seed)
    made = list(conversations.conversations(8_000, seed=seed + 1))
    made += documents_of(("other", 0), data, seed)[:6_000]
    texts = ["".join(text for text, _ in document) for document in made]
    room = SAMPLE_CHARACTERS - sum(map(len, texts))
    for document in rng.sample(plain, k=len(plain)):
        text = "".join(part for part, _ in document)
        room -= len(text)
        texts.append(text)
        if room < 0:
            break
    train_tokenizer(texts).save(str(out / "tokenizer.json"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--conversations", type=int, default=60_000)
    parser.add_argument("--passes", type=int, default=PASSES, help="over real texts")
    parser.add_argument("--tokenizer", type=Path, help="a file; none: one is trained")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"

    if given.tokenizer is not None:
        shutil.copyfile(given.tokenizer, given.out / "tokenizer.json")
    if not (given.out / "tokenizer.json").exists():
        plain = list(corpus.plain_documents(given.data, random.Random(given.seed)))
        make_tokenizer(plain, given.data, given.out, given.seed)
    where = {"data": given.data, "out": given.out, "seed": given.seed}
    with get_context("spawn").Pool(given.processes) as pool:
        streams = pool.imap(partial(pack_stream, **where), range(PARTS + 1))
        service = pool.imap(partial(pack_rows, **where), jobs(given.conversations, given.passes))
        *kept, held_out = streams
        for name, some in (("plain_val", [held_out]), ("plain", kept)):
            print(name, f"{save(given.out, name, some):,}", flush=True)
        unseen = conversations.conversations(400, given.seed, held_out=True)
        tokenizer = load_tokenizer(given.out)
        save(given.out, "service_val", [rows(encoded(unseen, tokenizer), tokenizer)])
        print("service", f"{save(given.out, 'service', service):,}", flush=True)


if __name__ == "__main__":
    main()
