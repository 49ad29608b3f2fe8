"""Text to tokens on disk: `python -m models.training.pack --data DIR --out runs/small`.

Writes tokenizer.json and NAME.tokens.npy (uint16) with NAME.learn.npy (uint8, see below):
`plain`, a stream of text cut anywhere, and `service`, rows of CONTEXT + 1 tokens with whole
documents; each with a `_val` part that is held out: of `plain` texts and questions that stand in
neither, of `service` conversations with businesses of trades that are never trained on. Rows hold
nothing twice. The tokens do not depend on the number of processes.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from bot.errors import UsageError
from models.training.data import conversations, corpus, reading, sources
from models.training.data.distinct import Seen, signature
from models.training.dial import CONTEXT
from models.training.plan import TASKS
from models.training.tokenizer import end_of_text, load_tokenizer, train_tokenizer

SAMPLE_CHARACTERS = 24_000_000
"""What the tokenizer is trained on; more changes few merges and takes minutes."""
SHARD = 2_000
"""Conversations that one process makes at a time."""
UNSEEN = 400
"""Conversations that are held out."""
OPEN_ROWS = 24
PARTS = 8
"""That real texts are packed in."""
PASSES = 3
"""Real texts are asked this often, each time for other sentences."""

NOT_LEARNT, LEARNT, PADDING = 0, 1, 2
ARRAYS = ("plain", "plain_val", "service", "service_val")

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


Documents = tuple[np.ndarray, list[Arrays]]
"""Encoded, with the signature of each."""


def pack_documents(job: Job, data: Path, out: Path, seed: int) -> Documents:
    made = documents_of(job, data, seed)
    signatures = np.array([signature(document) for document in made], np.uint64)
    return signatures, list(encoded(made, load_tokenizer(out)))


def distinct_rows(found: Iterable[Documents], tokenizer: Tokenizer, seen: Seen) -> Iterator[Arrays]:
    """Rows of what was not made before, in whichever job."""
    for signatures, documents in found:
        known = zip(signatures.tolist(), documents, strict=True)
        yield rows([one for number, one in known if seen.is_new(number)], tokenizer)


def pack_stream(part: int, data: Path, out: Path, seed: int) -> Arrays:
    """One part of the text; the last one is what is held out."""
    plain = corpus.plain_documents(data, random.Random(seed), held_out=part == PARTS)
    found = plain if part == PARTS else islice(plain, part, None, PARTS)
    return _joined(encoded(found, load_tokenizer(out)))


def pack_unseen(part: int, data: Path, out: Path, seed: int) -> Arrays:
    """Conversations with businesses of trades that are never trained on."""
    unseen = conversations.conversations(UNSEEN, seed + part, held_out=True)
    tokenizer = load_tokenizer(out)
    return rows(encoded(unseen, tokenizer), tokenizer)


def save(out: Path, name: str, arrays: Iterable[Arrays]) -> int:
    """Under another name first, the tokens last: where they are, both are whole."""
    tokens, learn = _joined(arrays)
    (out / f"{name}.tokens.npy").unlink(missing_ok=True)
    for kind, values in (("learn", learn), ("tokens", tokens)):
        begun = out / f"{name}.{kind}.new"
        with begun.open("wb") as file:
            np.save(file, values)
        begun.replace(out / f"{name}.{kind}.npy")
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
    train_tokenizer(texts).save(str(out / "tokenizer.new"))
    (out / "tokenizer.new").replace(out / "tokenizer.json")


Watch = Callable[[str, int, int], None]
"""Told of each array how many of its parts are made, and of how many."""


def pack(
    data: Path,
    out: Path,
    seed: int,
    count: int,
    passes: int,
    processes: int,
    *,
    keep: bool = False,
    watch: Watch = lambda name, done, of: None,
    seen: Seen | None = None,
) -> dict[str, int]:
    """Tokens of each array. `keep`: what lies in `out` was made by the same arguments. `seen`:
    counts what the rows of service would have had twice."""
    sources.require(data, TASKS)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if not (out / "tokenizer.json").exists():
        watch("tokenizer", 0, 1)
        make_tokenizer(list(corpus.plain_documents(data, random.Random(seed))), data, out, seed)
    work: dict[str, tuple[Callable[..., Any], Sequence[Any]]] = {
        "plain_val": (pack_stream, [PARTS]),
        "plain": (pack_stream, range(PARTS)),
        "service_val": (pack_unseen, [0]),
        "service": (pack_documents, jobs(count, passes)),
    }
    if keep:
        work = {name: job for name, job in work.items() if not _tokens(out, name).exists()}
    with mapped(processes) as imap:
        begun = {
            name: (imap(partial(make, data=data, out=out, seed=seed), parts), len(parts))
            for name, (make, parts) in work.items()
        }
        for name, (made, of) in begun.items():
            parts: Iterable[Any] = _watched(made, name, of, watch)
            if name == "service":
                parts = distinct_rows(parts, load_tokenizer(out), seen or Seen())
            save(out, name, parts)
    return {name: len(np.load(_tokens(out, name), mmap_mode="r")) for name in ARRAYS}


def _tokens(out: Path, name: str) -> Path:
    return out / f"{name}.tokens.npy"


def _watched(made: Iterable[Any], name: str, of: int, watch: Watch) -> Iterator[Any]:
    for done, arrays in enumerate(made, start=1):
        watch(name, done, of)
        yield arrays


@contextmanager
def mapped(processes: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """`map`, over several processes where there are several. Ctrl-C is for this one alone: the
    others go when it goes."""
    if processes == 1:
        yield map
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pool = get_context("spawn").Pool(processes)
    finally:
        signal.signal(signal.SIGINT, handler)
    with pool:
        yield pool.imap


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
    if given.tokenizer is not None:
        shutil.copyfile(given.tokenizer, given.out / "tokenizer.json")
    of_rows = (given.conversations, given.passes)
    seen = Seen()
    try:
        found = pack(given.data, given.out, given.seed, *of_rows, given.processes, seen=seen)
    except UsageError as error:
        sys.exit(str(error))
    for name, tokens in found.items():
        print(name, f"{tokens:,}")
    print("service:", seen.told())


if __name__ == "__main__":
    main()
