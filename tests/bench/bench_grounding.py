"""How the figures of `bot/skills/grounding.py` are chosen: READING, TRUST and FLOOR["meaning"].

    python -m tests.bench.bench_grounding -n 200 [--settle]

asks questions to businesses never trained on (another seed than `kefu models eval` has) and to the
topics that were kept out to choose by, finds passages as kefu does, and tells what share is
answered rightly and what share of the unanswerable is withheld: with the figures that stand there
and, for `--settle`, with the best of many others. How good these are is for `kefu models eval` to
say.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.app import Kefu, open_kefu_on, open_store_of
from bot.conversation import Passage
from bot.evaluation.shops import Question, shops, topic_shops
from bot.language import detect_language
from bot.measures import holds
from bot.reading import told
from bot.sentences import split_sentences
from bot.settings import Settings
from bot.skills import grounding
from bot.workbench import TOPICS
from knowledge.followup import fold

SEED = 11
READ = 8
"""Sentences read for each question, those nearest to it first."""
WITHHELD_COUNTS = 0.25
"""Of all questions, so many have no answer: as in a shop with half its pages written."""


@dataclass(frozen=True)
class Seen:
    """One question: of each sentence, nearest first, cosine, logit (read ones only), right."""

    language: str
    near: np.ndarray
    logits: np.ndarray
    right: np.ndarray
    answerable: bool


async def seen(kefu: Kefu, question: Question, passages: Sequence[Passage]) -> Seen | None:
    asked = fold(question.text, question.earlier)
    units = [
        (told(p.title, p.heading, sentence), sentence)
        for p in passages[: grounding.PASSAGES_READ]
        for sentence in split_sentences(p.text)
    ]
    if not units:
        return None
    vectors = np.asarray(await kefu.encoder.aembed_documents([text for text, _ in units]))
    near = vectors @ np.asarray(await kefu.encoder.aembed_query(asked))
    order = np.argsort(-near)
    read = [units[place][0] for place in order[:READ]]
    logits = np.asarray(await kefu.encoder.aanswers(asked, read))
    if asked != question.text:
        logits = (logits + await kefu.encoder.aanswers(question.text, read)) / 2
    right = [bool(question.wanted) and holds(units[i][1], question.wanted) for i in order]
    return Seen(question.language, near[order], logits, np.array(right), bool(question.wanted))


async def gather(settings: Settings, count: int) -> dict[str, list[Seen]]:
    from bot.evaluation.answers import open_shop

    asked = {name: list(shops(name, count, SEED)) for name in ("en", "zh")}
    for name in TOPICS:
        asked[f"topics {name}"] = list(topic_shops(name, count, "choose", SEED))
    found: dict[str, list[Seen]] = {}
    async with open_store_of(settings) as store, open_kefu_on(store, settings) as kefu:
        for name, some in asked.items():
            for shop in some:
                await open_shop(kefu.knowledge, shop)
                for question in itertools.chain(*shop.conversations):
                    searched = fold(question.text, question.earlier)
                    passages = await kefu.knowledge.search(
                        searched, k=settings.knowledge.passages, language=shown(question)
                    )
                    if one := await seen(kefu, question, passages):
                        found.setdefault(name, []).append(one)
    return found


def shown(question: Question) -> str:
    """The language that kefu takes it for; half a dozen are mixed in one of the sets."""
    return question.language if question.language != "mixed" else detect_language(question.text)


@dataclass(frozen=True)
class Figures:
    read: int
    reading: float
    trust: float
    floor: float


def outcome(one: Seen, by: Figures) -> tuple[bool, bool]:
    """Whether it is answered, and whether by the right sentence."""
    logits = np.full(len(one.near), one.logits[: by.read].min())
    logits[: by.read] = one.logits[: by.read]
    logits = logits.clip(-grounding.SUREST, grounding.SUREST)
    best = int(np.argmax(one.near + by.reading * logits))
    score = one.near[best] + by.trust * logits[best]
    return bool(score >= by.floor), bool(one.right[best])


def told_of(some: Sequence[Seen], by: Figures) -> dict[str, float]:
    rows = [(one.answerable, *outcome(one, by)) for one in some]
    answerable = [row for row in rows if row[0]]
    others = [row for row in rows if not row[0]]
    return {
        "right": round(float(np.mean([a and r for _, a, r in answerable])), 3),
        "answered": round(float(np.mean([a for _, a, _ in answerable])), 3),
        "first": round(float(np.mean([r for _, _, r in answerable])), 3),
        "withheld": round(float(np.mean([not a for _, a, _ in others])), 3) if others else 1.0,
    }


def worth(found: dict[str, list[Seen]], by: Figures) -> float:
    """What share of questions ends well, each set counted alike."""
    shares = [told_of(some, by) for some in found.values()]
    return float(
        np.mean(
            [(1 - WITHHELD_COUNTS) * s["right"] + WITHHELD_COUNTS * s["withheld"] for s in shares]
        )
    )


def settle(found: dict[str, list[Seen]]) -> Figures:
    choices = (
        Figures(read, reading, trust, round(float(floor), 3))
        for read in (3, 5, 8)
        for reading in (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12)
        for trust in (0.04, 0.08, 0.12, 0.2, 0.4)
        for floor in np.arange(0.2, 1.6, 0.04) - (trust - 0.08) * 6
    )
    return max(choices, key=lambda by: worth(found, by))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=200, help="questions of a language to businesses")
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
    for by in [now, *([settle(found)] if given.settle else [])]:
        print(json.dumps({"figures": vars(by), "worth": round(worth(found, by), 4)}))
        for name, some in found.items():
            print(json.dumps({"set": name, "questions": len(some), **told_of(some, by)}))


if __name__ == "__main__":
    main()
