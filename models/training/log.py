"""A run's log: JSON Lines, in which each step stands once, however often the run was cut off."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

Line = dict[str, Any]


class Log:
    def __init__(self, path: Path, step: int) -> None:
        """Of what the file holds, lines up to `step` stay: the steps behind it are done again."""
        self._path = path
        kept = [text for text in _whole_lines(path) if json.loads(text).get("step", 0) <= step]
        begun = path.with_suffix(".new")
        begun.write_text("".join(kept), encoding="utf-8")
        begun.replace(path)
        self._last = kept[-1] if kept else ""

    def write(self, line: Line) -> None:
        """What is the last line already is not written again."""
        text = json.dumps(line) + "\n"
        if text != self._last:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        self._last = text


def _whole_lines(path: Path) -> list[str]:
    """A line that was cut off ends the log."""
    found: list[str] = []
    if path.exists():
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            try:
                whole = isinstance(json.loads(text), dict) and text.endswith("\n")
            except ValueError:
                whole = False
            if not whole:
                break
            found.append(text)
    return found


@contextmanager
def heard_interrupt() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed, to be asked between two steps: none is cut in half. Pressed
    again it ends at once; where nobody asked any more, at the end."""
    pressed = told = False

    def press(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    def ask() -> bool:
        nonlocal told
        told = pressed
        return pressed

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    handler = signal.signal(signal.SIGINT, press)
    try:
        yield ask
    finally:
        signal.signal(signal.SIGINT, handler)
    if pressed and not told:
        raise KeyboardInterrupt
