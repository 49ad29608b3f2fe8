"""From text to a GGUF file in one folder: pack, train, export. Cut off anywhere, it goes on.

Each step is done once and marked in run.json; inside a step finished arrays, the checkpoint and
finished files are kept. `kefu models train` is its command.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from lzma import LZMAError
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from filelock import FileLock, Timeout

from bot.errors import UsageError
from models.training import train
from models.training.curves import draw_log
from models.training.dial import CONTEXT, Dial
from models.training.export import TYPES, Export, Exported, chosen
from models.training.log import Line
from models.training.optimizer import Kind
from models.training.pack import pack
from models.training.plan import Plan, Record, machine, sets_of, unreadable, versions
from models.training.tokenizer import load_tokenizer

CURVE = "curve.svg"


class Watch(Protocol):
    """Told how far the run is."""

    def packing(self, name: str, done: int, of: int) -> None: ...

    def training(self, line: Line) -> None: ...

    def exporting(self, file: Exported) -> None: ...


class Recipe:
    def __init__(self, plan: Plan, record: Record, watch: Watch, *, compiled: bool = False) -> None:
        self._plan, self._record, self._watch = plan, record, watch
        self._compiled = compiled

    def run(self) -> dict[str, Any]:
        """What run.json holds in the end. Raise UsageError where the data will not do."""
        out = self._plan.out
        out.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(out / ".lock", timeout=0):
                self._record.data |= {"machine": self._machine(), "versions": versions()}
                self._record.save()
                for name, work in (
                    ("pack", self._pack),
                    ("train", self._train),
                    ("export", self._export),
                ):
                    self._once(name, work)
        except Timeout:
            raise UsageError(
                f"another run is at work in {out}; wait for it, or name another folder"
            ) from None
        return self._record.data

    def _machine(self) -> dict[str, Any]:
        found = machine() | {"threads": torch.get_num_threads()}
        if self._plan.device == "cuda":
            found["gpu"] = torch.cuda.get_device_name()
        return found

    def _once(self, name: str, work: Callable[[], dict[str, Any]]) -> None:
        if self._record.done(name):
            return
        began, before = time.monotonic(), self._record.step(name).get("seconds", 0.0)
        found: dict[str, Any] = {}
        try:
            found = work() | {"done": True}
        finally:
            spent = before + time.monotonic() - began
            self._record.put(name, **{"seconds": round(spent, 1)} | found)

    def _pack(self) -> dict[str, Any]:
        plan = self._plan
        rows = (plan.conversations, plan.passes, plan.processes)
        with _named_set(plan.data):
            tokens = pack(
                plan.data, plan.out, plan.seed, *rows, keep=True, watch=self._watch.packing
            )
        _check_lengths(plan, tokens)
        vocabulary = load_tokenizer(plan.out).get_vocab_size()
        sizes = {file.name: file.stat().st_size for file in sorted(plan.out.glob("*.npy"))}
        return {"tokens": tokens, "bytes": sizes, "vocabulary": vocabulary}

    def _train(self) -> dict[str, Any]:
        plan = self._plan
        dial = Dial(plan.depth, load_tokenizer(plan.out).get_vocab_size())
        optimizer = cast("Kind", plan.optimizer)
        manner = train.Manner(optimizer, patience=plan.patience, compiled=self._compiled)
        length = train.Length(plan.tokens, plan.seconds)
        arguments = (plan.out, dial, length, plan.seed, plan.device)
        ended = train.train(*arguments, manner, self._told)
        self._draw()
        return {"parameters": dial.parameters, **ended}

    def _told(self, line: Line) -> None:
        if "validation" in line:
            self._draw()
        self._watch.training(line)

    def _draw(self) -> None:
        begun = self._plan.out / f"{CURVE}.new"
        begun.write_text(draw_log(self._plan.out / "log.jsonl", self._plan.name), encoding="utf-8")
        begun.replace(self._plan.out / CURVE)

    def _export(self) -> dict[str, Any]:
        plan = self._plan
        export = Export(plan.out, plan.name, plan.device)
        before = self._record.step("export")
        if before.get("step") != export.step:
            before = {"step": export.step, "as_trained": export.as_trained(), "files": []}
            self._record.put("export", **before)
        files = [Exported(**each) for each in before["files"]]
        for kind in TYPES[len(files) :]:
            files.append(export.write(kind, plan.out))
            self._record.put("export", files=[asdict(each) for each in files])
            self._watch.exporting(files[-1])
        best = next((f for f in files if f.kind == plan.quantisation), None) or chosen(files)
        return {"chosen": best.kind, "file": best.file, "curve": CURVE}


@contextmanager
def _named_set(data: Path) -> Iterator[None]:
    """What cannot be read is looked for where reading failed: hours of data are not read twice."""
    try:
        yield
    except (LZMAError, EOFError, ValueError, KeyError, AttributeError, TypeError):
        place = unreadable(sets_of(data))
        if not place:
            raise
        raise UsageError(f"{place}; mend the set or take it out of {data}") from None


def _check_lengths(plan: Plan, tokens: dict[str, int]) -> None:
    """Raise UsageError where there is too little to draw a row from."""
    least = train.PLAIN_LENGTH[plan.device] + 2
    for name, what in (("plain", "the texts make"), ("plain_val", "one text in a hundred makes")):
        if tokens[name] < least:
            raise UsageError(
                f"--data {plan.data}: {what} {tokens[name]:,} tokens, and {least:,} are wanted; "
                "add texts"
            )
    for name in ("service", "service_val"):
        if tokens[name] <= CONTEXT:
            raise UsageError(f"--conversations {plan.conversations} make no row; write more")


def seconds_of_training(plan: Plan, folder: Path) -> float:
    """About, by a few steps on tokens that mean nothing, as they are drawn: of text and of rows.
    `folder` is empty."""
    if plan.seconds:
        return plan.seconds
    run = train.Run(folder, Dial(plan.depth), plan.device, train.Manner(compiled=False))
    micro = train.MICRO_TOKENS[plan.device]
    found = {}
    for kind, length, learnt in (
        ("text", train.PLAIN_LENGTH[plan.device], 1.0),
        ("rows", CONTEXT, 0.3),
    ):
        shape = (max(1, micro // length), length + 1)
        found[kind] = _seconds_of_step(run, shape, learnt)
    reading, tuning = (
        share * found["text"] + (1 - share) * found["rows"] for share in train.PLAIN_SHARE.values()
    )
    steps = plan.tokens / train.BATCH_TOKENS[plan.device]
    return steps * (train.TUNING_FROM * reading + (1 - train.TUNING_FROM) * tuning)


def _seconds_of_step(run: train.Run, shape: tuple[int, int], learnt: float) -> float:
    """Of the second; the first one is slower."""
    vocabulary = run.model.dial.vocabulary

    def draw(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        wanted = torch.from_numpy(rng.random(shape) < learnt)
        return torch.from_numpy(rng.integers(0, vocabulary, shape)), wanted

    for _ in range(2):
        began = time.monotonic()
        run.learn(draw, np.random.default_rng(1), 0.0)
        run.mean_loss()  # a GPU is waited for
    return time.monotonic() - began


def with_device(plan: Plan) -> Plan:
    """With the device that is here where none was asked for. Raise UsageError where it is not."""
    if plan.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no CUDA GPU here; write --device cpu")
    if plan.device:
        return plan
    return replace(plan, device="cuda" if torch.cuda.is_available() else "cpu")
