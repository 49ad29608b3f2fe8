"""Picking the sentence that answers, on pages never seen: `python -m tests.bench.bench_unseen`.

Questions to invented businesses of three trades (`models/training/data/trades`) on which no model is
trained. One passage of three holds the fact, or none does; the others are of the business, too.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from statistics import NormalDist

from bot.conversation import Passage
from bot.engine.embeddings import LlamaEmbeddings
from bot.engine.encoder import Encoder
from bot.engine.thread import EngineThread
from bot.settings import EngineSettings
from bot.skills.grounding import PASSAGES_READ, Grounding
from knowledge.terms import content_terms
from models.catalogue import find
from models.training.data.conversations import Asked, Scene, as_typed

QUESTIONS = 600


def passages_of(asked: Asked, language: str) -> list[Passage]:
    """The one that holds the fact is among those that are read."""
    held = [p for p in asked.passages if any(told.page in p[1] for told in asked.told)]
    others = [p for p in asked.passages if p not in held]
    shown = [*held, *others][:PASSAGES_READ]
    found = []
    for number, (title, text) in enumerate(sorted(shown, key=asked.passages.index)):
        page, _, heading = title.partition(" › ")
        found.append(Passage(str(number), f"{number}.md", page, heading, text, language))
    return found


async def measured(grounding: Grounding, language: str) -> Counter[str]:
    rng = random.Random(f"unseen {language}")
    counts: Counter[str] = Counter()
    while counts["answerable"] + counts["other"] < QUESTIONS:
        _, asked = Scene(language, rng, held_out=True).first()
        if len(asked.told) > 1:
            continue
        question = as_typed(asked.question, "neutral", language, rng)
        picked = await grounding.pick(question, language, passages_of(asked, language))
        if not asked.told:
            counts.update({"other": 1, "stopped": not picked.citations})
            continue
        fact = asked.told[0].page.removeprefix("- ")
        right = bool(picked.quote) and (fact in picked.quote or picked.quote in fact)
        counts.update({"answerable": 1, "passed": bool(picked.citations), "right": right})
    return counts


def wilson(portion: float, count: int) -> tuple[float, float]:
    """The 95 % confidence interval of a portion."""
    z = NormalDist().inv_cdf(0.975)
    middle = portion + z * z / (2 * count)
    spread = z * (portion * (1 - portion) / count + z * z / (4 * count * count)) ** 0.5
    whole = 1 + z * z / count
    return (middle - spread) / whole, (middle + spread) / whole


def share(part: int, whole: int) -> str:
    low, high = wilson(part / whole, whole)
    return f"{part / whole:.0%} ({low:.0%} to {high:.0%})"


async def main() -> None:
    print("| language | answerable | answered | with the right sentence | others | withheld |")
    print("|---|---:|---:|---:|---:|---:|")
    with EngineThread() as thread:
        encoder = Encoder.load(find("kefu-encoder"), thread, EngineSettings())
        grounding = Grounding(LlamaEmbeddings(encoder), content_terms)
        for language in ("en", "zh"):
            found = await measured(grounding, language)
            told, other = found["answerable"], found["other"]
            cells = [share(found["passed"], told), share(found["right"], told), str(other)]
            cells.append(share(found["stopped"], other))
            print(f"| {language} | {told} | {' | '.join(cells)} |")


if __name__ == "__main__":
    asyncio.run(main())
