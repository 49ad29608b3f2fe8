"""How the figures of `bot/skills/grounding.py` are chosen: READ_TOGETHER, READING, TRUST,
FLOOR["meaning"].

    python -m tests.bench.bench_grounding -n 200 [--settle]

asks questions to businesses never trained on (the trades of `kefu models eval --suite answers`,
other questions) and to the topics that were kept out to choose by, finds passages as kefu does, and
tells what share is answered rightly and what share of the unanswerable is withheld: with the
figures that stand there and, for `--settle`, with the best of many others. How good these are is
for `kefu models eval` to say.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import pickle
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.app import Kefu, open_kefu_on, open_store_of
from bot.conversation import Passage
from bot.evaluation.shops import WRITTEN_LANGUAGES, Question, shops, written_shops
from bot.language import detect_language
from bot.measures import holds
from bot.reading import told
from bot.sentences import split_sentences
from bot.settings import Settings
from bot.skills import grounding
from knowledge.followup import fold

SEED = 11
READ = 8
"""Sentences read for each question, those nearest to it first."""
UNANSWERABLE, WRONG = 0.25, -0.5
"""What share of all questions is taken to have no answer, and what a wrong quotation is worth."""
READS = (3, 5, 8)
READINGS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2)
TRUSTS = (0.04, 0.08, 0.12, 0.2, 0.4, 1.0)


@dataclass(frozen=True)
class Seen:
    """One question: of each sentence, nearest first, cosine, logit (read ones only), right."""

    near: np.ndarray
    logits: np.ndarray
    right: np.ndarray
    answerable: bool


async def seen(kefu: Kefu, question: Question, asked: str, passages: Sequence[Passage]) -> Seen:
    """`asked`: with the questions that it leans on."""
    answerable = bool(question.wanted)
    units = [
        (told(p.title, p.heading, sentence), sentence)
        for p in passages[: grounding.PASSAGES_READ]
        for sentence in split_sentences(p.text)
    ]
    if not units:
        nothing = np.array([])
        return Seen(nothing, nothing, nothing, answerable)
    vectors = np.asarray(await kefu.encoder.aembed_documents([text for text, _ in units]))
    near = vectors @ np.asarray(await kefu.encoder.aembed_query(asked))
    order = np.argsort(-near)
    read = [units[place][0] for place in order[:READ]]
    logits = np.asarray(await kefu.encoder.aanswers(asked, read))
    if asked != question.text:
        logits = (logits + await kefu.encoder.aanswers(question.text, read)) / 2
    right = [answerable and holds(units[i][1], question.wanted) for i in order]
    return Seen(near[order], logits, np.array(right), answerable)


async def gather(settings: Settings, count: int) -> dict[str, list[Seen]]:
    from bot.evaluation.answers import open_shop

    asked = {name: list(shops(name, count, SEED)) for name in ("en", "zh")}
    for name in (*WRITTEN_LANGUAGES, "mixed"):
        asked[f"written {name}"] = list(written_shops(name, count, "choose", SEED))
    found: dict[str, list[Seen]] = {}
    async with open_store_of(settings) as store, open_kefu_on(store, settings) as kefu:
        for name, some in asked.items():
            for shop in some:
                await open_shop(kefu.knowledge, shop)
                for question in itertools.chain(*shop.conversations):
                    whole = fold(question.text, question.earlier)
                    passages = await kefu.knowledge.search(
                        whole, k=settings.knowledge.passages, language=language_of(question)
                    )
                    found.setdefault(name, []).append(await seen(kefu, question, whole, passages))
    return found


def language_of(question: Question) -> str:
    """The language that kefu takes it for; half a dozen are mixed in one of the sets."""
    return question.language if question.language != "mixed" else detect_language(question.text)


@dataclass(frozen=True)
class Figures:
    read: int
    reading: float
    """What a logit adds to the cosine when a sentence is chosen."""
    trust: float
    """The same when it is told whether that answers."""
    floor: float


@dataclass(frozen=True)
class Judged:
    """What is chosen for each question, whatever the floor."""

    answerable: np.ndarray
    right: np.ndarray
    score: np.ndarray

    def told(self, floor: float) -> dict[str, float]:
        answered = self.score >= floor
        shares = {
            "right": self.right & answered,
            "answered": answered,
            "first": self.right,
        }
        found = {name: round(float(of[self.answerable].mean()), 3) for name, of in shares.items()}
        return found | {"withheld": round(float((~answered)[~self.answerable].mean()), 3)}

    def worth(self, floor: float) -> float:
        """What a question is worth on average where UNANSWERABLE of them have no answer: 1 where it
        is answered rightly or rightly withheld, 0 where "not found" is said in vain, WRONG where
        something else is quoted."""
        told = self.told(floor)
        answerable = told["right"] + WRONG * (told["answered"] - told["right"])
        others = told["withheld"] + WRONG * (1 - told["withheld"])
        return (1 - UNANSWERABLE) * answerable + UNANSWERABLE * others


def judged(some: Sequence[Seen], read: int, reading: float, trust: float) -> Judged:
    rows = []
    for one in some:
        if not len(one.near):  # no passage was found
            rows.append((one.answerable, False, -np.inf))
            continue
        logits = np.full(len(one.near), one.logits[:read].min())
        logits[:read] = one.logits[:read]
        logits = logits.clip(-grounding.SUREST, grounding.SUREST)
        best = int(np.argmax(one.near + reading * logits))
        rows.append((one.answerable, one.right[best], one.near[best] + trust * logits[best]))
    answerable, right, score = zip(*rows, strict=True)
    return Judged(np.array(answerable, bool), np.array(right, bool), np.array(score, float))


def settle(some: Sequence[Seen]) -> Figures:
    """Every question counts alike, and every floor that tells two of them apart is tried."""
    best, most = None, -1.0
    for read, reading, trust in itertools.product(READS, READINGS, TRUSTS):
        found = judged(some, read, reading, trust)
        for floor in np.unique(found.score.round(2)):
            if np.isfinite(floor) and (worth := found.worth(floor)) > most:
                best, most = Figures(read, reading, trust, round(float(floor), 3)), worth
    assert best is not None
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=200, help="questions of a language to businesses")
    parser.add_argument("--keep", type=Path, help="a file for what was found, to look at")
    parser.add_argument("--settle", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        settings.paths.sample_mark.parent.mkdir(parents=True, exist_ok=True)
        settings.paths.sample_mark.touch()
        found = asyncio.run(gather(settings, given.n))
    now = Figures(
        grounding.READ_TOGETHER, grounding.READING, grounding.TRUST, grounding.FLOOR["meaning"]
    )
    if given.keep:
        given.keep.write_bytes(pickle.dumps(found))
    everything = [one for some in found.values() for one in some]
    for by in [now, *([settle(everything)] if given.settle else [])]:
        whole = judged(everything, by.read, by.reading, by.trust)
        print(json.dumps({"figures": vars(by), "worth": round(whole.worth(by.floor), 4)}))
        for name, some in found.items():
            told = judged(some, by.read, by.reading, by.trust).told(by.floor)
            print(json.dumps({"set": name, "questions": len(some), **told}))


if __name__ == "__main__":
    main()
