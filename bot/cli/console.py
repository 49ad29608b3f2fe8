"""What the commands share: settings, JSON out, JSON Lines in, errors as one line."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Coroutine, Iterator
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from bot.errors import UsageError
from bot.text import escaped, printable

Result = TypeVar("Result")

Home = Annotated[
    Path | None,
    typer.Option("--home", help="The folder for everything that kefu writes."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def fail(message: str, status: int = 1) -> NoReturn:
    sys.stderr.write(f"kefu: {printable(' '.join(message.split()))}\n")
    raise SystemExit(status)


def note(text: str) -> None:
    """For whoever watches: standard output is for what was asked for."""
    sys.stderr.write(printable(f"{text}\n"))


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


def settings_at(home: Path | None) -> Any:
    from bot.settings import load_settings

    if home is not None:  # the error log goes there, too
        os.environ["KEFU_HOME"] = str(home)
    settings = load_settings(home)
    _log_to(settings.paths.error_log)
    return settings


def _log_to(file: Path) -> None:
    """The details of what went wrong unexpectedly: the reader is told in one line."""
    logger = logging.getLogger("kefu")
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.addHandler(_ErrorLog(file, delay=True, encoding="utf-8"))
    logger.propagate = False


class _ErrorLog(logging.FileHandler):
    """Its folder is made with its first line; where it cannot be, nobody is bothered."""

    def _open(self) -> Any:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        pass


def print_json(data: object) -> None:
    sys.stdout.write(escaped(json.dumps(plain(data), ensure_ascii=False)) + "\n")
    sys.stdout.flush()


def plain(data: object) -> Any:
    """Dataclasses as dictionaries, times as ISO 8601, anything else as it is."""
    if is_dataclass(data) and not isinstance(data, type):
        return plain(asdict(data))
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    return data.isoformat() if isinstance(data, datetime) else data


def records(file: Path | None, required: str) -> Iterator[dict[str, Any]]:
    """JSON Lines of `file`, or of standard input; each must have the text field `required`."""
    name = "standard input" if file is None or str(file) == "-" else str(file)
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"line {number} of {name} is not JSON: {error}") from None
        if not isinstance(record, dict) or not isinstance(record.get(required), str):
            raise UsageError(f"line {number} of {name} has no text field {required!r}")
        yield record


def _lines(file: Path | None) -> Iterator[str]:
    stdin = file is None or str(file) == "-"
    try:
        if stdin:
            yield from (line.removeprefix("\ufeff") for line in sys.stdin)
        else:
            assert file is not None
            with file.open(encoding="utf-8-sig") as lines:
                yield from lines
    except UnicodeDecodeError:
        name = "standard input" if stdin else file
        raise UsageError(f"{name} is not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
