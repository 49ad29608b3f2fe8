"""What prompt lookup gains: `python -m tests.bench.bench_drafts`.

The 0.5B stand-in has random weights and would quote nothing, so its sampler is given the words:
kefu's own replies to the sample questions, whose quotes stand in the passages of their prompts. A
model that reads says more in its own words; the gain is a bound from above.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from bot.app import open_kefu
from bot.conversation import ReplyStatus
from bot.engine import EngineThread, LanguageModel
from bot.engine.request import Finished, Request
from bot.engine.sampling import Sampler, Sampling
from bot.engine.template import ChatTurn
from bot.settings import EngineSettings, Settings
from tests.bench.bench_answers import QUESTIONS, answer
from tests.bench.standin import write_standin

REPLIES = 16
DRAFTS = (0, 2, 4, 8)


@dataclass(frozen=True)
class Talk:
    prompt: str
    reply: str


async def talks() -> list[Talk]:
    found = []
    with tempfile.TemporaryDirectory() as home:
        async with open_kefu(Settings(home=Path(home))) as kefu:
            for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                if record["language"] != "en" or not record["sources"]:
                    continue
                reply = await answer(kefu, record)
                if reply.status is not ReplyStatus.ANSWERED or not reply.citations:
                    continue
                passages = await kefu.knowledge.search(record["question"], k=4, language="en")
                shown = "\n\n".join(passage.text for passage in passages)
                found.append(Talk(f"{shown}\n\n{record['question']}", reply.text))
                if len(found) == REPLIES:
                    break
    return found


@contextmanager
def scripted(model: LanguageModel, said: Sequence[Talk]) -> Iterator[list[Request]]:
    """The requests, and a sampler that answers them with the words of their replies."""
    words = [model.vocabulary.tokenize(talk.reply.encode(), special=False) for talk in said]
    end = next(iter(model.vocabulary.ends))
    sample, begin = Sampler.sample, Sampler.__init__

    def remember(sampler: Any, sampling: Sampling, vocabulary: Any) -> None:
        begin(sampler, sampling, vocabulary)
        sampler.words = iter([*words[sampling.seed], end])

    def say(sampler: Any, context: Any, row: int) -> int | None:
        sample(sampler, context, row)  # it costs what it costs
        return next(sampler.words, end)

    setattr(Sampler, "__init__", remember)  # noqa: B010 - a benchmark's own double
    setattr(Sampler, "sample", say)  # noqa: B010
    try:
        yield [
            Request(
                model.render([ChatTurn("user", talk.prompt)]),
                Sampling(temperature=0, seed=number, logit_bias={end: -math.inf}),
                max_tokens=400,
                conversation=str(number),
            )
            for number, talk in enumerate(said)
        ]
    finally:
        setattr(Sampler, "__init__", begin)  # noqa: B010
        setattr(Sampler, "sample", sample)  # noqa: B010


async def decoded(model: LanguageModel, request: Request) -> Finished:
    finished = [one async for one in model.agenerate(request)][-1]
    assert isinstance(finished, Finished)
    return finished


async def measure(model: LanguageModel, requests: Sequence[Request]) -> list[float]:
    """Tokens/s of replies whose prompts were read before, drafted tokens, and accepted ones."""
    for request in requests:  # so that prompts cost nothing below
        await decoded(model, replace(request, max_tokens=1))
    tokens = drafted = accepted = 0
    began = time.perf_counter()
    for request in requests:
        finished = await decoded(model, request)
        tokens += finished.reply_tokens
        drafted += finished.drafted_tokens
        accepted += finished.accepted_tokens
    return [tokens / (time.perf_counter() - began), drafted, accepted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=Path, help="in place of the stand-in")
    given = parser.parse_args()
    said = asyncio.run(talks())
    with tempfile.TemporaryDirectory() as folder:
        path = given.model or write_standin(Path(folder) / "standin-0.5b-q8_0.gguf")
        cache = Path(folder) / "modes.json"
        print(f"\n{path.stem}, {len(said)} replies, one at a time\n")
        print("| engine.drafts | tokens/s | against none | drafted | accepted |")
        print("|---:|---:|---:|---:|---:|")
        speeds: dict[int, list[list[float]]] = {drafts: [] for drafts in DRAFTS}
        for _ in range(given.rounds):
            for drafts in DRAFTS:
                settings = EngineSettings(context=2048, drafts=drafts, parked_megabytes=4096)
                with EngineThread() as thread:
                    model = LanguageModel.load(path, thread, settings, cache)
                    with scripted(model, said) as requests:
                        speeds[drafts].append(asyncio.run(measure(model, requests)))
        none = [speed for speed, _, _ in speeds[0]]
        for drafts, runs in speeds.items():
            ratio = median(run[0] / base for run, base in zip(runs, none, strict=True))
            speed, drafted, accepted = (median(values) for values in zip(*runs, strict=True))
            print(f"| {drafts} | {speed:.0f} | {ratio:.2f} | {drafted:.0f} | {accepted:.0f} |")


if __name__ == "__main__":
    main()
