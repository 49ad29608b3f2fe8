"""What a run is to do, whether this machine can, and what of it is done: OUT/run.json."""

from __future__ import annotations

import json
import lzma
import os
import platform
import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any

from bot.errors import UsageError
from bot.text import sized
from models.training.data import sources
from models.training.dial import Dial

TASKS = ("text", "faq", "dialogue", "summary", "grounded_qa", "translation")
"""That are read of the data folder."""
ARGUMENTS = {
    "pack": ("data", "conversations", "passes", "seed"),
    "train": ("depth", "tokens", "seconds", "optimizer", "patience", "device"),
    "export": ("name", "quantisation"),
}
"""Of each step; a step is done once for them."""
STEPS = tuple(ARGUMENTS)
_FIXED = (*ARGUMENTS["pack"], *ARGUMENTS["train"])
PACKAGES = ("kefu", "torch", "numpy", "tokenizers", "gguf", "llama-cpp-python")

_PLAIN_TOKENS = 0.42
_ASKED_TOKENS = 1.1
_CONVERSATION_TOKENS = 500
"""For the room on the disk: tokens made of a compressed byte, of texts and of questions over them
(each pass), and of a conversation. Measured on 53 MB of sets in English and Chinese."""
_BYTES_A_TOKEN = 3
_BYTES_A_PARAMETER = 38
"""Two checkpoints with their optimizers' state, two of the best weights, a file of each type."""


@dataclass(frozen=True)
class Plan:
    data: Path
    out: Path
    name: str = "own"
    depth: int = 6
    tokens: float = 5e6
    seconds: float = 0.0
    """Of training; in place of tokens."""
    conversations: int = 60_000
    passes: int = 1
    """Over real texts."""
    seed: int = 1
    optimizer: str = "muon"
    patience: int = 5
    device: str = "cpu"
    quantisation: str = ""
    """Empty: the one that is measured as the best for its bytes."""
    processes: int = field(default_factory=lambda: os.cpu_count() or 1)

    @property
    def parameters(self) -> int:
        return Dial(self.depth).parameters

    def arguments(self, step: str) -> dict[str, Any]:
        given = asdict(self) | {"data": str(self.data.resolve())}
        return {name: given[name] for name in ARGUMENTS[step]}

    def check(self) -> None:
        """Raise UsageError where it makes no sense."""
        if not re.fullmatch(r"[\w.-]+", self.name) or self.name.startswith("."):
            raise UsageError(
                f"--name {self.name!r} cannot be a file's name: letters, digits, - and _"
            )
        if self.out.exists() and not self.out.is_dir():
            raise UsageError(f"--out {self.out} is a file; name a folder")

    def needed_bytes(self, sets: int) -> int:
        """About, of a run whose sets have so many bytes in all."""
        tokens = sets * (_PLAIN_TOKENS + _ASKED_TOKENS * self.passes)
        tokens += self.conversations * _CONVERSATION_TOKENS
        return round(tokens * _BYTES_A_TOKEN + self.parameters * _BYTES_A_PARAMETER)


def sets_of(data: Path) -> list[Path]:
    return [path for task in TASKS for path in sorted((data / task).glob("*.jsonl.xz"))]


def check_data(data: Path) -> None:
    """The folder, and the first record of each set. Raise UsageError."""
    sources.require(data, TASKS)
    sets = sets_of(data)
    if not sets:
        raise UsageError(f"data folder {data}: no set (*.jsonl.xz) in {', '.join(TASKS)}")
    if place := unreadable(sets, records=1):
        raise UsageError(f"{place}; mend the set or take it out of {data}")


def unreadable(sets: Iterable[Path], records: int | None = None) -> str:
    """The first place at which a set cannot be read, as far as so many records; empty: none."""
    for path in sets:
        number = 0
        try:
            with lzma.open(path, "rt", encoding="utf-8") as lines:
                for number, line in enumerate(islice(lines, records), start=1):
                    if not isinstance(json.loads(line), dict):
                        return f"{path}, line {number} is no record: {line[:40].strip()}"
        except (lzma.LZMAError, EOFError, ValueError, OSError) as error:
            return f"{path} cannot be read behind line {number:,}: {error}"
    return ""


def check_room(out: Path, needed: int) -> tuple[int, int]:
    """Bytes needed still, and free. Raise UsageError where they are too few."""
    here = next(place for place in (out, *out.absolute().parents) if place.exists())
    held = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    free, still = shutil.disk_usage(here).free, max(0, needed - held)
    if free < still:
        raise UsageError(
            f"the run needs about {sized(still)} in {out}, and {sized(free)} are free there; "
            "name another folder, or fewer --conversations or --depth"
        )
    return still, free


class Record:
    """OUT/run.json: what a run was begun with, and its steps as they are done."""

    def __init__(self, plan: Plan) -> None:
        self._path = plan.out / "run.json"
        self.data: dict[str, Any] = {}
        self.begun = self._path.exists()
        if self.begun:
            self.data = self._read()
            self._compare(plan)
        elif plan.out.is_dir() and any(plan.out.iterdir()):
            raise UsageError(
                f"--out {plan.out} holds other files and no run; name an empty folder, or a new one"
            )
        self.data.setdefault("steps", {})
        if not self.done("pack"):
            self._compare_sets(plan)
        self.data["arguments"] = {step: plan.arguments(step) for step in STEPS}

    def _read(self) -> dict[str, Any]:
        try:
            read = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(read["arguments"], dict) and isinstance(read["steps"], dict):
                return dict(read)
        except (ValueError, KeyError, TypeError):
            pass
        raise UsageError(f"{self._path} is no record of a run; name another folder")

    def _compare(self, plan: Plan) -> None:
        """A folder is of one run. Only the files at its end may be made again in another way."""
        for step, names in ARGUMENTS.items():
            then, now = self.data["arguments"].get(step, {}), plan.arguments(step)
            for name in names:
                if then.get(name) == now[name]:
                    continue
                if name in _FIXED:
                    raise UsageError(
                        f"{plan.out} was begun with {_option(name, then.get(name))}, not "
                        f"{_option(name, now[name])}; go on with that, or name another folder"
                    )
                self.data["steps"].pop(step, None)

    def _compare_sets(self, plan: Plan) -> None:
        here = {
            path.relative_to(plan.data).as_posix(): path.stat().st_size
            for path in sets_of(plan.data)
        }
        if self.data.setdefault("sets", here) != here:
            raise UsageError(
                f"the sets in {plan.data} are others than when {plan.out} was begun; "
                "name another folder"
            )

    def step(self, name: str) -> dict[str, Any]:
        return dict(self.data["steps"].get(name, {}))

    def done(self, name: str) -> bool:
        return bool(self.step(name).get("done"))

    def put(self, name: str, **found: Any) -> None:
        """Further facts of a step; they are on the disk when this returns."""
        self.data["steps"][name] = self.step(name) | found
        self.save()

    def save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        begun = self._path.with_suffix(".new")
        begun.write_text(json.dumps(self.data, indent=1, ensure_ascii=False) + "\n", "utf-8")
        begun.replace(self._path)


def _option(name: str, value: object) -> str:
    if name == "seconds":
        return f"--minutes {float(str(value)) / 60:g}" if value else "no --minutes"
    return f"--{name} {value:g}" if isinstance(value, int | float) else f"--{name} {value}"


def machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", told, re.MULTILINE)
    return found[1] if found else platform.processor()


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
