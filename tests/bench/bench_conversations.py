"""Many conversations at once, beside llama-server on the same libraries: `make bench-engine`.

`python -m tests.bench.bench_conversations --peer FOLDER`, FOLDER made by build_llama_cpp.sh and
named by LLAMA_CPP_LIB_PATH, too. On a quiet machine: the two are measured in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import os
import resource
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bot.engine import EngineProcess, EngineThread, LanguageModel, LlamaChatModel, TextModel
from bot.engine.benchmark import text_of
from bot.engine.child import Models
from bot.engine.context import Part
from bot.settings import EngineSettings
from models.catalogue import find
from tests.bench import peer
from tests.bench.standin import write_standin
from tests.bench.workload import Measured, Messages, Stream, Workload, quantiles, run

CONTEXT = 2048
"""Tokens of a conversation. What the stand-in writes is read back as more tokens than it was."""
MODES = Path(tempfile.gettempdir()) / f"kefu-bench-modes-{os.getpid()}.json"


@contextmanager
def engine(path: Path, **settings: Any) -> Any:
    chosen = EngineSettings(context=CONTEXT, temperature=0, **settings)
    with EngineThread() as thread:
        cache = path.parent / "engine-modes.json" if "standin" in path.name else MODES
        yield LanguageModel.load(path, thread, chosen, cache)


@contextmanager
def isolated(path: Path, **settings: Any) -> Any:
    """The engine in a process of its own."""
    chosen = EngineSettings(context=CONTEXT, temperature=0, **settings)
    models = Models(path, find("kefu-encoder"), chosen, MODES)
    with EngineProcess.start(models) as process:
        yield process


def our_stream(model: TextModel, reply_tokens: int) -> Stream:
    chat = LlamaChatModel(language_model=model, temperature=0, max_tokens=reply_tokens)
    endless = dict.fromkeys(model.vocabulary.ends, -math.inf)

    async def stream(name: str, messages: Messages) -> AsyncIterator[str]:
        config: Any = {"metadata": {"conversation": name}}
        async for chunk in chat.astream(messages, config, logit_bias=endless):
            if chunk.text:
                yield chunk.text

    return stream


def counter(model: TextModel) -> Any:
    return lambda text: len(model.vocabulary.tokenize(text.encode(), special=False))


def ours(path: Path, load: Workload) -> Measured:
    with engine(path, conversations=load.conversations) as model:
        return asyncio.run(run(our_stream(model, load.reply_tokens), load, counter(model)))


def theirs(folder: Path, path: Path, load: Workload, extra: tuple[str, ...]) -> Measured:
    async def measure(address: str, count: Any) -> Measured:
        async with peer.new_client() as client:
            stream = peer.server_stream(client, address, load.reply_tokens)
            return await run(stream, load, count)

    with engine(path, conversations=1) as model:
        count = counter(model)
        options = {
            "parallel": load.conversations,
            "context": CONTEXT,
            "threads": os.cpu_count() or 1,
        }
        with peer.llama_server(folder, path, extra=extra, **options) as address:
            return asyncio.run(measure(address, count))


def against_llama_server(folder: Path, path: Path, rounds: int) -> None:
    for shared in (True, False):
        load = Workload(shared=shared)
        about = "one system prompt for all" if shared else "nothing shared"
        print(f"\n{path.stem}, {load.conversations} conversations × {load.turns} turns, {about}\n")
        print("| engine | tokens/s | first token p50 / p95 ms | later turns p50 ms |")
        print("|---|---:|---:|---:|")
        measured: dict[str, list[Measured]] = {"kefu": []} | {name: [] for name in peer.SETTINGS}
        for _ in range(rounds):
            measured["kefu"].append(ours(path, load))
            for name, extra in peer.SETTINGS.items():
                measured[name].append(theirs(folder, path, load, extra))
        for name, found in measured.items():
            shown = name if name == "kefu" else f"llama-server -np {load.conversations}, {name}"
            print(f"| {shown} | {quantiles(found)} |", flush=True)
        best = max(median(m.tokens_per_second for m in measured[name]) for name in peer.SETTINGS)
        quickest = min(
            median(m.first_token(0.95) for m in measured[name]) for name in peer.SETTINGS
        )
        kefu = measured["kefu"]
        print(
            f"\nratios to the best: tokens/s {median(m.tokens_per_second for m in kefu) / best:.2f}"
        )
        print(f"first token p95 {median(m.first_token(0.95) for m in kefu) / quickest:.2f}")


def one_conversation(folder: Path, path: Path, rounds: int) -> None:
    tokens = 128
    load = Workload(conversations=1, turns=1, reply_tokens=tokens)
    ratios, mine, bench = [], [], []
    for _ in range(rounds):
        with engine(path, conversations=8) as model:
            bench.append(peer.llama_bench(folder, path, threads=os.cpu_count() or 1, tokens=tokens))
            chat = LlamaChatModel(language_model=model, max_tokens=tokens)
            bias = dict.fromkeys(model.vocabulary.ends, -math.inf)
            prompt = text_of(load.prompt_tokens, "one", counter(model))
            reply = chat.invoke(prompt, logit_bias=bias)
            mine.append(reply.response_metadata["tokens_per_second"])
            ratios.append(mine[-1] / bench[-1])
    print(f"\n{path.stem}, one conversation, decode tokens/s\n")
    print("| kefu | llama-bench | ratio |\n|---:|---:|---:|")
    print(f"| {median(mine):.0f} | {median(bench):.0f} | {median(ratios):.2f} |", flush=True)


def isolation(path: Path, rounds: int) -> None:
    """What a process of its own costs, and how long it is away after a crash."""
    load = Workload()
    found: dict[str, list[Measured]] = {"thread": [], "process": []}
    away = []
    for _ in range(rounds):
        found["thread"].append(ours(path, load))
        with isolated(path, conversations=load.conversations) as process:
            model = process.language_model
            stream = our_stream(model, load.reply_tokens)
            found["process"].append(asyncio.run(run(stream, load, counter(model))))
            os.kill(process.pid, signal.SIGKILL)
            began = time.perf_counter()
            LlamaChatModel(language_model=model, max_tokens=1).invoke("Hello")
            away.append(time.perf_counter() - began)
    print(f"\n{path.stem}, the engine on a thread and in a process of its own\n")
    print("| engine | tokens/s | first token p50 / p95 ms | later turns p50 ms |")
    print("|---|---:|---:|---:|")
    for name, measured in found.items():
        print(f"| {name} | {quantiles(measured)} |")
    thread, process = (median(m.tokens_per_second for m in one) for one in found.values())
    print(f"\nprocess to thread, tokens/s {process / thread:.2f}; ", end="")
    print(f"from a crash to the next reply {median(away):.2f} s", flush=True)


def python_per_step(path: Path) -> None:
    """What a step costs beside llama_decode, all eight conversations writing."""
    load = Workload(turns=1)
    with engine(path, conversations=load.conversations) as model:
        decode, step = model._context.decode, model._scheduler.step
        decoding: list[tuple[float, int]] = []
        beside: list[float] = []

        def timed(parts: list[Part]) -> None:
            began = time.perf_counter()
            decode(parts)
            writing = all(len(part.tokens) == 1 for part in parts)
            decoding.append((time.perf_counter() - began, len(parts) if writing else 0))

        def whole() -> None:
            decoding.clear()
            began = time.perf_counter()
            step()
            took = time.perf_counter() - began
            if decoding and decoding[0][1] == load.conversations:
                beside.append(took - decoding[0][0])

        model._context.decode = timed
        model._worker._step = whole
        asyncio.run(run(our_stream(model, load.reply_tokens), load, counter(model)))
    print(
        f"\n{path.stem}, our own time in a step of {load.conversations}, sampling included: ",
        end="",
    )
    print(f"{1000 * median(beside):.2f} ms (median of {len(beside)})", flush=True)


def returning(path: Path) -> None:
    """64 conversations over 8 sequences: a turn of one that lost its place, and of one that did
    not, in turns."""
    with engine(path, conversations=8, parked_megabytes=8192) as model:
        count = counter(model)
        stream = our_stream(model, 1)
        talks = {
            f"c{number}": [("system", text_of(400, "all", count)), ("user", f"Hello {number}")]
            for number in range(64)
        }

        async def turn(name: str) -> float:
            began = time.perf_counter()
            pieces = [piece async for piece in stream(name, talks[name])]
            took = time.perf_counter() - began
            told = text_of(60, f"{name}.{len(talks[name])}", count)
            talks[name] += [("assistant", "".join(pieces)), ("user", told)]
            return took

        async def measure() -> tuple[list[float], list[float]]:
            for name in talks:
                await turn(name)
            parked, kept = [], []
            for number in range(56):
                name = f"c{number}"  # those of the last eight turns are in the sequences
                parked.append(await turn(name))
                kept.append(await turn(name))
            return parked, kept

        parked, kept = asyncio.run(measure())
    print(f"\n{path.stem}, 64 conversations over 8 sequences, first token of a returning turn\n")
    print("| came back from RAM, ms | kept its place, ms | ratio |\n|---:|---:|---:|")
    back, stayed = 1000 * median(parked), 1000 * median(kept)
    print(f"| {back:.1f} | {stayed:.1f} | {back / stayed:.2f} |", flush=True)


def memory(path: Path, turns: int = 10_000, conversations: int = 1_000) -> None:
    with engine(path, conversations=8, parked_megabytes=64) as model:
        stream = our_stream(model, 4)

        async def turn(number: int) -> None:
            async for _ in stream(f"c{number % conversations}", [("user", f"Hello {number}")]):
                pass

        async def some(first: int, last: int) -> int:
            for start in range(first, last, 16):
                await asyncio.gather(*(turn(n) for n in range(start, min(start + 16, last))))
            gc.collect()
            return resident()

        async def measure() -> tuple[int, int]:
            return await some(0, turns // 10), await some(turns // 10, turns)

        early, late = asyncio.run(measure())
        busy = model._thread.run(lambda: sum(slot.busy for slot in model.memory.slots))
    print(f"\n{path.stem}, {conversations:,} conversations, {turns:,} turns\n")
    print("| after the first tenth, MB | at the end, MB | ratio | sequences leaked |")
    print("|---:|---:|---:|---:|")
    print(f"| {early / 1e6:.0f} | {late / 1e6:.0f} | {late / early:.3f} | {busy} |", flush=True)


def resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="the folder of llama-server and llama-bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small-only", action="store_true", help="not the 0.5B stand-in")
    parser.add_argument("--standin-only", action="store_true", help="not kefu-small")
    parser.add_argument(
        "--streams-only", action="store_true", help="not llama-server's slow settings, KV unified"
    )
    parser.add_argument(
        "--memory-only", action="store_true", help="10,000 turns: an hour with the stand-in"
    )
    given = parser.parse_args()
    if given.peer is None and not given.memory_only:
        parser.error("--peer is needed, but for --memory-only")
    if given.streams_only:
        for name in [name for name in peer.SETTINGS if "unified" in name]:
            del peer.SETTINGS[name]
    with tempfile.TemporaryDirectory() as folder:
        models = [] if given.standin_only else [find("kefu-small")]
        if not given.small_only:
            models.append(write_standin(Path(folder) / "standin-0.5b-q8_0.gguf"))
        for path in models:
            if given.memory_only:
                memory(path)
                continue
            against_llama_server(given.peer, path, given.rounds)
            one_conversation(given.peer, path, given.rounds)
            python_per_step(path)
            returning(path)
            isolation(path, given.rounds)
        if not (given.standin_only or given.memory_only):
            memory(find("kefu-small"))


if __name__ == "__main__":
    main()
