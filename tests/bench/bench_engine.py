"""The engine beside a bare llama.cpp loop on the same file: `python -m tests.bench.bench_engine`.

Takes the path of a GGUF file; the model that comes along by default. Both are measured in turns in
one run, because absolute times drift with what else the machine does.
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bot.engine import EngineThread, LanguageModel, LlamaChatModel
from bot.engine.benchmark import BareLoop
from bot.engine.modes import Modes
from bot.engine.request import Finished, Request
from bot.engine.sampling import Sampling
from bot.engine.template import ChatTurn
from bot.settings import EngineSettings

DEFAULT = Path("models/weights/kefu-small-q8_0.gguf")
ROUNDS, TOKENS = 5, 256
QUESTION = "How long do I have to send back a pair of shoes that I ordered last week?"
LITERAL = "You can send your order back within thirty days of its arrival, free of charge. " * 4


async def measure(chat: LlamaChatModel, conversation: str, grammar: str | None) -> float:
    """Tokens per second from the end of the prompt to the end of the reply, as the timing of every
    reply has it. (A reader of the stream gets chunks 30 times a second, and may see the last one
    33 ms later: much of a reply that takes 60.)"""
    told: dict[str, Any] = {}
    config = {"metadata": {"conversation": conversation}}
    endless = dict.fromkeys(chat.language_model.vocabulary.ends, -math.inf)
    given = {"logit_bias": endless} if grammar is None else {"grammar": grammar}
    async for chunk in chat.astream(QUESTION, config, **given):  # type: ignore[arg-type]
        told = chunk.response_metadata or told
    return float(told["tokens_per_second"])


def plain(model: LanguageModel) -> float:
    """The same without langchain and without an event loop."""
    endless = dict.fromkeys(model.vocabulary.ends, -math.inf)
    prompt = model.render([ChatTurn("user", QUESTION)])
    *_, finished = model.generate(Request(prompt, Sampling(0, logit_bias=endless), TOKENS))
    assert isinstance(finished, Finished)
    return finished.tokens_per_second


def second_turn(chat: LlamaChatModel) -> tuple[int, int, int]:
    """(prompt tokens in all, decoded, decoded where the reply was forced by a grammar)."""
    counts = []
    for number, grammar in enumerate((None, f'root ::= "{LITERAL}"')):
        config = {"metadata": {"conversation": f"second-{number}"}}
        history = [("system", "You are kind and brief. " * 8), ("human", QUESTION)]
        first = chat.invoke(history, config, grammar=grammar)  # type: ignore[arg-type]
        history += [("ai", first.text), ("human", "And for hats?")]
        usage = chat.invoke(history, config).usage_metadata  # type: ignore[arg-type]
        assert usage is not None
        counts.append((usage["input_tokens"], usage["input_token_details"]["cache_read"]))
    (total, reused), (forced_total, forced_reused) = counts
    return total, total - reused, forced_total - forced_reused


def main(path: Path) -> None:
    settings = EngineSettings(threads=len(os.sched_getaffinity(0)), temperature=0)
    with tempfile.TemporaryDirectory() as folder, EngineThread() as thread:
        model = LanguageModel.load(path, thread, settings, Path(folder) / "modes.json")
        bare = thread.run(lambda: BareLoop(path, settings.threads, Modes()))
        thread.keep(bare.free)
        chat = LlamaChatModel(language_model=model, max_tokens=TOKENS)
        prompt = model.vocabulary.tokenize(QUESTION.encode(), special=False)
        ratios, ours, theirs, forced, alone = [], [], [], [], []
        for number in range(ROUNDS):
            theirs.append(thread.run(lambda: bare.tokens_per_second(prompt, TOKENS)))
            ours.append(asyncio.run(measure(chat, f"free-{number}", None)))
            alone.append(plain(model) / theirs[-1])
            ratios.append(ours[-1] / theirs[-1])
            literal = f'root ::= "{LITERAL}"'
            forced.append(asyncio.run(measure(chat, f"forced-{number}", literal)))
        total, decoded, decoded_forced = second_turn(chat)
        print(f"{path.name}: {model.info.description}, {settings.threads} threads\n")
        print("| engine | |\n|---|---|")
        print(f"| bare llama.cpp loop, tokens/s | {median(theirs):.0f} |")
        print(f"| LlamaChatModel.astream, tokens/s | {median(ours):.0f} |")
        print(f"| of the bare loop (median of {ROUNDS} rounds) | {median(ratios):.2f} |")
        print(f"| LanguageModel.generate, of the bare loop | {median(alone):.2f} |")
        print(f"| with a grammar of one long literal, tokens/s | {median(forced):.0f} |")
        print(f"| second turn, prompt tokens in all | {total} |")
        print(f"| second turn, of them decoded | {decoded} |")
        print(f"| the same after a reply that a grammar forced | {decoded_forced} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)
