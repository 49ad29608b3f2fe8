"""`kefu models train`: a language model from nothing, from text to GGUF."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.console import AsJson, note, print_json
from bot.cli.progress import progress
from bot.errors import ModelError, UsageError
from bot.text import counted, printable, sized

if TYPE_CHECKING:
    from models.training.export import Exported
    from models.training.plan import Plan, Record

TOKENS = 5e6
_WORTH_COMPILING = {"cpu": 600, "cuda": 120}
"""Seconds of training; compiling takes about a tenth of it."""

_PACKED = {
    "tokenizer": "making the tokenizer",
    "plain_val": "packing text, held out",
    "plain": "packing text",
    "service_val": "packing conversations, held out",
    "service": "packing conversations and questions",
}


class Optimizer(StrEnum):
    muon = "muon"
    adamw = "adamw"


class Device(StrEnum):
    cpu = "cpu"
    cuda = "cuda"


class Quantisation(StrEnum):
    f16 = "f16"
    q8_0 = "q8_0"
    q5_1 = "q5_1"
    q5_0 = "q5_0"
    q4_1 = "q4_1"
    q4_0 = "q4_0"


Folder = Annotated[Path, typer.Option("--data", help="Of sets: TASK/NAME.jsonl.xz.")]
Out = Annotated[Path, typer.Option(help="The run's folder: an empty or a new one, or its own.")]
Name = Annotated[str, typer.Option(help="What the model is called.")]
Depth = Annotated[int, typer.Option(min=1, max=48, help="Layers; they set all sizes.")]
Tokens = Annotated[
    float | None, typer.Option(min=1, help="To train on, such as 3e7; 5 million by default.")
]
Minutes = Annotated[float | None, typer.Option(min=0.1, help="Of training, in place of --tokens.")]
Conversations = Annotated[int, typer.Option(min=1, help="To invent.")]
Passes = Annotated[int, typer.Option(min=1, help="Over the texts that are asked about.")]
Seed = Annotated[int, typer.Option(min=0, help="All that is drawn follows from it.")]
Matrices = Annotated[Optimizer, typer.Option(help="Of the matrices.")]
Patience = Annotated[
    int, typer.Option(min=0, help="Validations without a better one; 0: to the end.")
]
Rounded = Annotated[
    Quantisation | None,
    typer.Option("--quantisation", "-q", help="Else the smallest that loses next to nothing."),
]
On = Annotated[Device | None, typer.Option(help="Else the GPU where there is one.")]


def train(
    data: Folder,
    out: Out,
    name: Name = "own",
    depth: Depth = 6,
    tokens: Tokens = None,
    minutes: Minutes = None,
    conversations: Conversations = 60_000,
    passes: Passes = 1,
    seed: Seed = 1,
    optimizer: Matrices = Optimizer.muon,
    patience: Patience = 5,
    quantisation: Rounded = None,
    device: On = None,
    as_json: AsJson = False,
) -> None:
    """Train a language model from nothing; what was cut off goes on. Nothing is switched to it."""
    from models.training.plan import Plan

    if tokens is not None and minutes is not None:
        raise UsageError("--tokens and --minutes are two lengths of one run; give one of them")
    plan = Plan(
        data,
        out,
        name=name,
        depth=depth,
        tokens=0.0 if minutes else tokens or TOKENS,
        seconds=60 * (minutes or 0.0),
        conversations=conversations,
        passes=passes,
        seed=seed,
        optimizer=str(optimizer),
        patience=patience,
        device=str(device or ""),
        quantisation=str(quantisation or ""),
    )
    found = _trained(plan)
    if as_json:
        print_json(found | {"path": str(out / found["steps"]["export"]["file"])})
        return
    for line in _told(out, found):
        sys.stdout.write(printable(f"{line}\n"))


def _trained(plan: Plan) -> dict[str, Any]:
    """The record of the run. What can be checked without torch is checked first."""
    from models.training.plan import Record, check_data

    plan.check()
    check_data(plan.data)
    if find_spec("torch") is None:
        raise ModelError("training needs torch, which is not here: pip install 'kefu[train]'")
    from models.training.recipe import with_device

    plan = with_device(plan)
    record = Record(plan)
    seconds = _tell(plan, record)
    return _run(plan, record, compiled=_compiles(plan, seconds))


def _tell(plan: Plan, record: Record) -> float:
    """What the run is and what it takes; seconds of training, about."""
    from models.training.plan import check_room, sets_of

    if record.begun:
        done = [step for step in record.data["steps"] if record.done(step)]
        note(f"{plan.out}: goes on where it was; done: {', '.join(done) or 'no step yet'}")
    if record.done("export"):
        return 0.0
    sets = sets_of(plan.data)
    size = sum(path.stat().st_size for path in sets)
    still, free = check_room(plan.out, plan.needed_bytes(size))
    long = f"{plan.seconds / 60:g} minutes" if plan.seconds else f"{plan.tokens:,.0f} tokens"
    note(
        f"{plan.name}: {plan.parameters / 1e6:.1f} million parameters ({plan.depth} layers), "
        f"{long}, {plan.optimizer}, seed {plan.seed}, on {plan.device}"
    )
    note(f"{plan.data}: {counted(len(sets), 'set')}, {sized(size)}")
    note(f"{plan.out}: about {sized(still)} more are needed, {sized(free)} are free")
    if record.done("train"):
        return 0.0
    from models.training.recipe import seconds_of_training

    with tempfile.TemporaryDirectory() as folder:
        seconds = seconds_of_training(plan, Path(folder))
    measured = "" if plan.seconds else ", reckoned from four steps here, the whole run"
    note(f"training: about {_lasting(seconds)}{measured}; packing before it and files behind it")
    return seconds


def _compiles(plan: Plan, seconds: float) -> bool:
    compiler = os.environ.get("CXX", "g++")
    return seconds > _WORTH_COMPILING[plan.device] and shutil.which(compiler) is not None


def _run(plan: Plan, record: Record, *, compiled: bool) -> dict[str, Any]:
    from models.training.recipe import Recipe

    try:
        with _Shown() as shown:
            return Recipe(plan, record, shown, compiled=compiled).run()
    except KeyboardInterrupt:
        note("stopped; run the same command again: it goes on from there")
        raise


class _Shown:
    """How far it is, on standard error: a bar where somebody watches, a line at each validation."""

    def __init__(self) -> None:
        self._bar = ExitStack()
        self._what = ""
        self._done = 0
        self._more: Callable[[int], None] = lambda _: None

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def _reach(self, what: str, done: int, of: int) -> None:
        if what != self._what:
            self._bar.close()
            self._what, self._done = what, 0
            self._more = self._bar.enter_context(progress(what, of))
        self._more(done - self._done)
        self._done = done

    def packing(self, name: str, done: int, of: int) -> None:
        what = _PACKED[name]
        if what != self._what:
            self._bar.close()
            note(what)
        self._reach(what, done, of)

    def training(self, line: dict[str, Any]) -> None:
        if "loss" not in line:
            return
        if found := line.get("validation"):
            self._bar.close()
            self._what = ""
            note(
                f"step {line['step']:,} ({line['phase']}): loss {line['loss']:.3f}, held out: "
                f"replies {found['service']:.3f}, text {found['plain']:.3f}; "
                f"{line['tokens_per_second']:,} tokens/s"
            )
        of = line["of"] or 1000
        self._reach("training", line["step"] if line["of"] else round(1000 * line["progress"]), of)

    def exporting(self, file: Exported) -> None:
        self._bar.close()
        self._what = ""
        note(f"{file.file}: {sized(file.bytes)}, held out: replies {file.service:.4f}")


def _told(out: Path, found: dict[str, Any]) -> list[str]:
    from models.training.export import Exported, table

    trained, exported = found["steps"]["train"], found["steps"]["export"]
    files = [Exported(**each) for each in exported["files"]]
    best = next(one for one in files if one.kind == exported["chosen"])
    early = ", stopped early" if trained["stopped"] else ""
    whole = exported["as_trained"]
    rounded = next(one for one in files if one.kind == "q8_0")
    return [
        *table(files),
        f"weights of step {exported['step']:,} of {trained['step']:,}{early}, the best on held-out "
        "replies",
        f"loss as trained: replies {whole['service']:.4f}, text {whole['plain']:.4f}; in q8_0: "
        f"replies {rounded.service:.4f}, text {rounded.plain:.4f}",
        f"curve: {out / exported['curve']}   record: {out / 'run.json'}",
        f"{out / best.file} ({sized(best.bytes)})",
        f"to let it answer: {shlex.join(['kefu', 'models', 'use', str(out / best.file)])}",
    ]


def _lasting(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
