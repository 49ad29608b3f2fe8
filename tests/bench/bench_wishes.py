"""Wishes for a person by patterns, by the head, by both: `python -m tests.bench.bench_wishes`.

`tests/data/wishes.jsonl` was written before anything was trained, and none of it was trained on.
`--data DATA` adds how many ordinary messages call a person, of sets that nobody has marked (see
`models.training.wishes.ordinary`; needs the training extra). `--show` prints what went wrong.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.engine.embeddings import LlamaEmbeddings
from bot.engine.encoder import Encoder
from bot.engine.thread import EngineThread
from bot.rates import Rate, rate
from bot.settings import EngineSettings
from bot.skills.wishes import READ, Head, read_head, wishes_for_a_person
from models.catalogue import find

MESSAGES = Path(__file__).parents[1] / "data" / "wishes.jsonl"
DOUBT = 2.0
"""So far below even chances the head is sure that there is no wish."""


@dataclass(frozen=True)
class Ways:
    embeddings: LlamaEmbeddings
    head: Head

    def found(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Of each text whether it is taken for a wish."""
        rows = [self.embeddings.embed_for("feeling", [text[:READ]])[0] for text in texts]
        logits = np.array(rows, np.float32) @ self.head.weight + self.head.bias
        patterns = np.array([wishes_for_a_person(text) for text in texts])
        heard = logits >= self.head.threshold
        return {
            "patterns": patterns,
            "head": heard,
            "either": patterns | heard,
            "patterns that the head does not doubt, or head": patterns & (logits > -DOUBT) | heard,
        }


def shown(found: Rate, times: int = 1) -> str:
    if found.share is None:
        return "–"
    return f"{times * found.share:.3g} ({times * found.low:.3g} to {times * found.high:.3g})"


def marked(ways: Ways, *, show: bool) -> None:
    rows = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    print("| language | by | n | precision | recall | F1 |\n|---|---|---:|---:|---:|---:|")
    found = ways.found([row["text"] for row in rows])
    wished = np.array([row["wish"] for row in rows])
    for language in ("en", "zh", "de", "es", "fr", None):
        own = np.array([language in (None, row["language"]) for row in rows])
        for way, told in found.items():
            hit, called = int((told & wished & own).sum()), int((told & own).sum())
            asked = int((wished & own).sum())
            rates = f"{shown(rate(hit, called))} | {shown(rate(hit, asked))}"
            both = 2 * hit / (called + asked)
            print(f"| {language or 'all'} | {way} | {own.sum()} | {rates} | {both:.3f} |")
    if show:
        for row, heard in zip(rows, found["either"], strict=True):
            if row["wish"] != heard:
                print("missed" if row["wish"] else "called", json.dumps(row, ensure_ascii=False))


def ordinary(ways: Ways, data: Path, *, show: bool) -> None:
    from models.training.wishes import CHOSEN, LEARNT, UNSEEN, ordinary

    same = [one for one in ordinary(data, LEARNT) if one.place >= CHOSEN]
    print("\n| ordinary messages | by | n | call a person, of 1,000 |\n|---|---|---:|---:|")
    for name, messages in (("same sets", same), ("unseen sets", ordinary(data, UNSEEN))):
        found = ways.found([one.text for one in messages])
        for language in ("en", "zh"):
            own = np.array([one.language == language for one in messages])
            for way, told in found.items():
                called = shown(rate(int((told & own).sum()), int(own.sum())), times=1_000)
                print(f"| {name}, {language} | {way} | {own.sum()} | {called} |", flush=True)
        for one, heard in zip(messages, found["either"], strict=True):
            if heard and show:
                print("called", one.source, one.text[:150])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    with EngineThread() as thread:
        encoder = Encoder.load(find("kefu-encoder"), thread, EngineSettings(threads=1))
        embeddings = LlamaEmbeddings(encoder)
        ways = Ways(embeddings, read_head(find("kefu-wishes"), embeddings.revision))
        marked(ways, show=given.show)
        if given.data:
            ordinary(ways, given.data, show=given.show)


if __name__ == "__main__":
    main()
