"""How the KV cache is laid out and attention computed: measured once for each model and machine.

No combination is the fastest everywhere. With kefu-small and eight conversations, a step took
4.4 ms with a stream for each conversation, 2.6 with flash attention besides, and 3.0 to 6.9 with
one cache for all (EPYC with AVX-512); on a Xeon with AMX flash attention halved the speed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import llama_cpp

from bot.engine import log
from bot.engine.batch import Batch

_PROMPT, _STEPS = 128, 8
"""Tokens and steps that are measured."""
_DEPTH = 384
"""Tokens that each conversation holds meanwhile: one cache for all is slow only when it is full."""
_REPLY_PER_PROMPT = 0.5
"""Tokens of a reply for each new one of a prompt, in the score."""
_SECONDS_TO_FILL = 1.0
_ROUNDS = 2
_PATIENCE = 8.0
"""Seconds after which nothing more is measured: a large model has fewer rounds, or candidates."""


@dataclass(frozen=True, slots=True)
class Modes:
    unified: bool = False
    """One KV cache for all conversations; else a stream for each."""
    flash_attention: bool = False


CANDIDATES = (Modes(), Modes(flash_attention=True), Modes(unified=True, flash_attention=True))
Open = Callable[[Modes], Any]
"""Makes a llama.cpp context with these modes; None where it cannot."""


def chosen(
    open_context: Open,
    candidates: Sequence[Modes] = CANDIDATES,
    *,
    sequences: int,
    window: int,
    key: str,
    cache: Path | None,
) -> Modes:
    """Those that were found to be the fastest for `key`, or are now. Without `cache` the first.
    `window`: tokens of a sequence, 256 or more."""
    if cache is None:
        return candidates[0]
    known = _read(cache)
    if (found := known.get(key)) is not None:
        return found
    scores = dict.fromkeys(candidates, float("inf"))
    began = perf_counter()
    for modes in [*candidates] * _ROUNDS:  # other programs disturb: each has its best time
        scores[modes] = min(scores[modes], _score(open_context, modes, sequences, window))
        if perf_counter() - began > _PATIENCE:
            break
    best = min(scores, key=lambda modes: scores[modes])
    _write(cache, known | {key: best})
    return best


def key_of(path: Path, *, sequences: int, threads: int) -> str:
    """Of a model file on this machine."""
    state = path.stat()
    library = os.environ.get("LLAMA_CPP_LIB_PATH", "")
    build = f"{llama_cpp.__version__} {library} {os.cpu_count()}"
    return f"{path.name} {state.st_size} {state.st_mtime_ns} {sequences} {threads} {build}"


def _score(open_context: Open, modes: Modes, sequences: int, window: int) -> float:
    """Seconds for a token of a prompt and the reply's share that goes with it."""
    context = open_context(modes)
    if not context:
        return float("inf")
    try:
        batch = Batch(_PROMPT + sequences)
        _timed(context, batch, [(0, 0, 1)])  # the first decode allocates
        prompt = _timed(context, batch, [(0, 1, _PROMPT - 1)])
        pieces = int(_SECONDS_TO_FILL / (prompt * sequences))  # as many as there is time for
        pieces = max(1, min(_DEPTH // _PROMPT, (window - _STEPS) // _PROMPT, pieces))
        for one in range(sequences):
            for piece in range(one == 0, pieces):
                prompt = _timed(context, batch, [(one, piece * _PROMPT, _PROMPT)])
        held = pieces * _PROMPT
        steps = [
            _timed(context, batch, [(one, held + step, 1) for one in range(sequences)])
            for step in range(_STEPS)
        ]
    except RuntimeError:
        return float("inf")
    finally:
        llama_cpp.llama_free(context)
    return prompt / _PROMPT + _REPLY_PER_PROMPT * sorted(steps)[_STEPS // 2] / sequences


def _timed(context: Any, batch: Batch, parts: list[tuple[int, int, int]]) -> float:
    """Of one decode. `parts`: sequence, first position, tokens."""
    batch.clear()
    for sequence, start, count in parts:
        batch.add([0] * count, start=start, sequence=sequence, outputs=1)
    began = perf_counter()
    if llama_cpp.llama_decode(context, batch.struct) != 0:
        raise RuntimeError(log.last_error())
    llama_cpp.llama_synchronize(context)
    return perf_counter() - began


def _read(cache: Path) -> dict[str, Modes]:
    try:
        stored = json.loads(cache.read_text(encoding="utf-8"))
        return {str(key): Modes(**modes) for key, modes in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # measured again


def _write(cache: Path, known: dict[str, Modes]) -> None:
    text = json.dumps({key: asdict(modes) for key, modes in known.items()}, indent=1)
    fresh = cache.with_suffix(f".{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(cache)
    except OSError:
        pass  # measured again at the next start
