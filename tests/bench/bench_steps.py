"""What one llama.cpp call costs by its tokens: `python -m tests.bench.bench_steps MODEL.gguf`.

Eight conversations of 384 tokens each; the best of three calls, in milliseconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import llama_cpp

from bot.engine import loading, system
from bot.engine.batch import Batch
from bot.engine.modes import CANDIDATES, Modes

DEPTH, ROOM, SEQUENCES, REPEATS = 384, 512, 8, 3
SHAPES = {
    "one prompt": {str(n): [n] for n in (1, 2, 3, 5, 8, 16, 32, 64, 128, 256)},
    "replies": {str(n): [1] * n for n in (1, 2, 4, 6, 8)},
    "seven replies and a prompt": {str(n): [1] * 7 + [n] for n in (8, 30, 60, 120, 250)},
}


def opened(model: Any, modes: Modes) -> Any:
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx, parameters.n_seq_max = 1024 * SEQUENCES, SEQUENCES
    parameters.n_batch = parameters.n_ubatch = ROOM
    parameters.n_outputs_max = SEQUENCES
    parameters.n_threads = parameters.n_threads_batch = system.usable_cores()
    parameters.kv_unified = modes.unified
    parameters.flash_attn_type = int(modes.flash_attention)
    return llama_cpp.llama_init_from_model(model, parameters)


def milliseconds(context: Any, batch: Batch, tokens: Sequence[int], start: int = DEPTH) -> float:
    """Of a call with so many tokens of each sequence."""
    took = []
    for _ in range(REPEATS if start == DEPTH else 1):
        batch.clear()
        for sequence, count in enumerate(tokens):
            if not count:
                continue
            memory = llama_cpp.llama_get_memory(context)
            llama_cpp.llama_memory_seq_rm(memory, sequence, start, -1)
            batch.add([5] * count, start=start, sequence=sequence, outputs=1)
        began = perf_counter()
        if llama_cpp.llama_decode(context, batch.struct) != 0:
            raise SystemExit("llama.cpp failed to decode")
        llama_cpp.llama_synchronize(context)
        took.append(perf_counter() - began)
    return 1000 * min(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    path = parser.parse_args().model
    model, batch = loading.open_model(path), Batch(ROOM)
    for modes in CANDIDATES:
        context = opened(model, modes)
        for sequence in range(SEQUENCES):
            for start in range(0, DEPTH, 64):
                held = [0] * sequence + [64]
                milliseconds(context, batch, held, start)
        print(f"\n{path.stem}, {modes}, ms\n")
        for name, shapes in SHAPES.items():
            found = (f"{n}: {milliseconds(context, batch, s):.1f}" for n, s in shapes.items())
            print(f"- {name}: {', '.join(found)}", flush=True)
        llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)


if __name__ == "__main__":
    main()
