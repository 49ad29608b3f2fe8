"""The folder in which a model is tuned: what lies in it, and that one run alone works there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from bot.errors import UsageError
from bot.paths import is_file


@dataclass(frozen=True, slots=True)
class RunFolder:
    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def result(self) -> Path:
        return self.path / f"{self.name}.gguf"

    @property
    def checkpoint(self) -> Path:
        """There until the result is judged."""
        return self.path / "checkpoint.pt"

    @property
    def is_finished(self) -> bool:
        return self.result.exists() and not self.checkpoint.exists()

    def until(self) -> datetime | None:
        """The moment from which nothing counts any more that was said, of the run that was cut off
        here; None where there is none."""
        if not self.checkpoint.exists():
            return None
        try:
            return datetime.fromisoformat(self._until.read_text("utf-8"))
        except (OSError, ValueError):  # the mark of the checkpoint will tell that it is another's
            return None

    def begin(self, until: datetime) -> None:
        for file in (self.checkpoint, self.path / "curves.jsonl"):
            file.unlink(missing_ok=True)
        self._until.write_text(until.isoformat(), "utf-8")

    def finish(self) -> None:
        for file in (self.checkpoint, self._until):
            file.unlink(missing_ok=True)

    @property
    def _until(self) -> Path:
        return self.path / "until"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise UsageError where another run is at work here, or has been since it was chosen."""
        from filelock import FileLock, Timeout

        self.path.mkdir(parents=True, exist_ok=True)
        self.path.parent.chmod(0o700)  # a model can hold what is no longer in the log
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(
                f"another run is at work in {self.path}; wait for it, or give --name"
            ) from None
        try:
            if self.is_finished:
                raise UsageError(
                    f"another run has just finished {self.result}; run the same command again, and "
                    "the result gets a folder of its own"
                )
            yield
        finally:
            lock.release()


def choose_folder(tuned: Path, name: str, used: Sequence[Path]) -> RunFolder:
    """The first of NAME, NAME-2 and so on that holds no finished model; none is made yet. Raise
    UsageError where a run that was cut off would replace a file that is `used`."""
    folders = (RunFolder(tuned / (name if n == 1 else f"{name}-{n}")) for n in count(1))
    folder = next(one for one in folders if not one.is_finished)
    for file in used:
        if is_file(folder.result) and is_file(file) and file.samefile(folder.result):
            raise UsageError(
                f"{folder.result} is in use and would be replaced; give another --name"
            )
    return folder
