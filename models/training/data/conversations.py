"""Conversations with the customer service of invented businesses, as kefu's prompt lays them out.

    python -m models.training.data.conversations --count 1000 --seed 1 [--held-out] [--jsonl]

counts what is made, or prints it. Replies tell what the passages tell, most of the time in the
page's own words; where no passage answers, they say so. Everything follows from the seed.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from models.training.data.corpus import Document, system_of
from models.training.data.digests import digested
from models.training.data.distinct import Census
from models.training.data.manners import polite
from models.training.data.person import called
from models.training.data.premises import assumed
from models.training.data.scene import Asked, Made, Scene, laid_out, questions
from models.training.data.turns import as_typed, turn
from models.training.data.twins import translated

__all__ = ["Asked", "Made", "Scene", "as_typed", "conversations", "laid_out", "made"]

CHINESE = 0.35
TRANSLATION = "translation"
SHARES = {
    "answers": 0.62, "premise": 0.08, "manners": 0.07, "person": 0.07, "digest": 0.08,
    TRANSLATION: 0.08,
}  # fmt: skip
"""Of the documents. What answers questions stays most of it: that is what the model is for."""


def answers(scene: Scene) -> Document:
    """One to three questions; each reply is learnt."""
    spans: Document = [(system_of(scene.business.name), False)]
    for asked in islice(questions(scene), scene.rng.choices((1, 2, 3), weights=(5, 3, 2))[0]):
        spans += turn(asked, scene)
    return spans


MAKERS: dict[str, Callable[[Scene], Document | None]] = {
    "answers": answers,
    "premise": assumed,
    "manners": polite,
    "person": called,
    "digest": digested,
}


def made(
    count: int, seed: int, *, held_out: bool = False, new_business: bool = False
) -> Iterator[Made]:
    """Of trades to train on; `held_out`: of those kept out; `new_business`: of names and figures
    kept out, in trades to train on."""
    if held_out and new_business:
        raise ValueError("held_out has trades of its own: new_business goes with the others")
    rng = random.Random(f"conversations {seed} {held_out} {new_business}")
    for _ in range(count):
        kind = rng.choices(list(SHARES), weights=list(SHARES.values()))[0]
        yield _made(kind, rng, held_out=held_out, new_business=new_business)


def _made(kind: str, rng: random.Random, *, held_out: bool, new_business: bool) -> Made:
    if kind == TRANSLATION:
        return translated(rng, held_out=held_out, new_business=new_business)
    while True:
        language = "zh" if rng.random() < CHINESE else "en"
        scene = Scene(language, rng, held_out=held_out, new_business=new_business)
        document = MAKERS[kind](scene)
        if document is not None:
            return Made(kind, language, scene.trade.file, scene.business.name, document)


def conversations(
    count: int, seed: int, *, held_out: bool = False, new_business: bool = False
) -> Iterator[Document]:
    """The documents alone of `made`."""
    for one in made(count, seed, held_out=held_out, new_business=new_business):
        yield one.document


def _counter(tokenizer: Path | None) -> Callable[[str], float]:
    """Tokens of a text, or a quarter of its characters."""
    if tokenizer is None:
        return lambda text: len(text) / 4
    from tokenizers import Tokenizer

    known = Tokenizer.from_file(str(tokenizer))
    return lambda text: len(known.encode(text).ids)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--held-out", action="store_true", help="trades that are kept out")
    which.add_argument("--new-business", action="store_true", help="names that are kept out")
    parser.add_argument("--kind", choices=SHARES, help="print this kind alone")
    parser.add_argument("--tokenizer", type=Path, help="a tokenizer.json; none: characters / 4")
    parser.add_argument("--jsonl", action="store_true", help="print the documents")
    given = parser.parse_args()
    if given.tokenizer is not None and not given.tokenizer.is_file():
        parser.error(f"--tokenizer: {given.tokenizer} is no file; name a tokenizer.json")
    if hasattr(signal, "SIGPIPE"):  # `| head` ends us, quietly
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    found = made(given.count, given.seed, held_out=given.held_out, new_business=given.new_business)
    chosen = (one for one in found if given.kind in (None, one.kind))
    if given.jsonl:
        for one in chosen:
            print(json.dumps(asdict(one), ensure_ascii=False))
        return
    census = Census(_counter(given.tokenizer))
    for one in chosen:
        census.add(one)
    print(census.told())


if __name__ == "__main__":
    main()
