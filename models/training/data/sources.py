"""The gathered sets: where each comes from, under which licence, and in which shape.

python -m models.training.data.sources DATA            what the folder lacks, and where it is
python -m models.training.data.sources --check DATA    whether its records have their shapes
"""

from __future__ import annotations

import argparse
import json
import lzma
import signal
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from bot.errors import UsageError
from models.training.data.shapes import SHAPES, faults

LICENCES = frozenset(
    {
        "Apache-2.0", "BSD-3-Clause", "CC-BY-2.0-FR", "CC-BY-3.0", "CC-BY-4.0", "CC0-1.0",
        "CDLA-Permissive-1.0", "MIT", "public-domain",
    }
)  # fmt: skip
"""Those that permit commercial use and works made from it. What is under none of them is not
trained on."""
SHOWN = 20
"""Bad records that are named."""

_FILE = Path(__file__).with_name("sources.toml")
_ENDING = ".jsonl.xz"


@dataclass(frozen=True)
class Source:
    name: str
    """TASK/SET, as below the data folder."""
    languages: tuple[str, ...]
    records: int
    """That were gathered."""
    repositories: tuple[str, ...]
    """On GitHub: owner/name, with @commit where it is known."""
    licence: tuple[str, ...]
    """Each of them has to be kept."""
    stated: str
    """The licence, as the origin states it."""
    models: tuple[str, ...]
    """Those that come along and learnt from it."""
    notes: str = ""
    collection: str = ""
    """What the repositories are together."""

    @property
    def task(self) -> str:
        return self.name.partition("/")[0]

    @property
    def links(self) -> list[str]:
        return list(map(link, self.repositories))

    def path(self, data: Path) -> Path:
        return data / f"{self.name}{_ENDING}"


def link(repository: str) -> str:
    name, _, commit = repository.partition("@")
    return f"https://github.com/{name}" + (f"/tree/{commit}" if commit else "")


@cache
def sources() -> tuple[Source, ...]:
    stored = tomllib.loads(_FILE.read_text("utf-8"))
    return tuple(_source(entry, stored["collections"]) for entry in stored["set"])


def _source(entry: dict[str, Any], collections: dict[str, list[str]]) -> Source:
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    if "collection" in given:
        given["repositories"] = tuple(collections[given["collection"]])
    return Source(**given)


def require(data: Path, tasks: Iterable[str], sets: Iterable[str] = ()) -> None:
    """Raise UsageError unless the folder has these tasks, and these sets of them."""
    todo = "python -m models.training.data.sources says what belongs there and where it is from"
    if not data.is_dir():
        raise UsageError(f"data folder {data}: there is no such folder; {todo}")
    if lacking := [task for task in tasks if not (data / task).is_dir()]:
        raise UsageError(f"data folder {data}: no folder {', '.join(lacking)} in it; {todo}")
    if lacking := [name for name in sets if not (data / f"{name}{_ENDING}").is_file()]:
        raise UsageError(f"data folder {data}: no {', '.join(lacking)} in it; {todo}")


def lacks(data: Path) -> list[Source]:
    return [source for source in sources() if not source.path(data).is_file()]


def strangers(data: Path) -> list[str]:
    """Sets that lie in the folder and are not in the list: nobody can say under which licence."""
    known = {source.name for source in sources()}
    found = [f"{path.parent.name}/{path.name.removesuffix(_ENDING)}" for path in _files(data)]
    return [name for name in found if name not in known]


def _files(data: Path) -> list[Path]:
    return sorted(path for task in SHAPES for path in (data / task).glob(f"*{_ENDING}"))


def listing(data: Path | None) -> Iterator[str]:
    """What is to be fetched, by task; all of it where there is no folder yet."""
    wanted = sources() if data is None else lacks(data)
    where = data or Path("DATA")
    yield f"{len(wanted)} of {len(sources())} sets are not in {where}."
    for task, shape in SHAPES.items():
        of_task = [source for source in wanted if source.task == task]
        if of_task:
            yield f"\n{task}: records {shape}"
        for source in of_task:
            languages = "+".join(source.languages)
            yield f"  {source.path(where)} ({languages}, {source.records:,} records)"
            yield f"    licence: {source.stated}"
            if source.notes:
                yield f"    {source.notes}"
            yield from (f"    {address}" for address in source.links)
    if data is not None:
        for name in strangers(data):
            yield f"\n{name} is not in the list: add it to {_FILE.name}, with its licence."


def bad_records(data: Path) -> Iterator[str]:
    """File, line and what is wrong, of each."""
    for path in _files(data):
        name = path.relative_to(data)
        try:
            with lzma.open(path, "rt", encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    for fault in _faults(path.parent.name, line):
                        yield f"{name}:{number}: {fault}"
        except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
            yield f"{name}: not a whole xz file of UTF-8 text ({error})"


def _faults(task: str, line: str) -> Iterator[str]:
    try:
        record = json.loads(line)
    except ValueError as error:
        yield f"no JSON ({error})"
        return
    yield from faults(task, record)


def check(data: Path) -> int:
    """The exit status; what is found is printed."""
    require(data, ())
    files = _files(data)
    if not files:
        raise UsageError(f"data folder {data}: no TASK/SET{_ENDING} in it; tasks are "
                         f"{', '.join(SHAPES)}")  # fmt: skip
    found = list(islice(bad_records(data), SHOWN + 1))
    for one in found[:SHOWN]:
        print(one)
    if len(found) > SHOWN:
        print(f"… and more; the first {SHOWN} are named")
    if not found:
        print(f"{len(files)} sets, every record in its shape")
    return 1 if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", metavar="DATA")
    parser.add_argument("--check", action="store_true", help="look at every record of DATA")
    given = parser.parse_args()
    if given.check and given.data is None:
        parser.error("--check wants a folder: --check DATA")
    if hasattr(signal, "SIGPIPE"):  # `| head` ends us, quietly
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        if given.check:
            sys.exit(check(given.data))
        if given.data is not None:
            require(given.data, ())
        print("\n".join(listing(given.data)))
    except UsageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
