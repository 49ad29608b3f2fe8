from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bot.cli import main


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Kefu = Callable[..., Ran]


@pytest.fixture
def kefu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kefu:
    """Runs the command in this process: `kefu("ask", "…", given="standard input")`."""

    def run(*arguments: str, given: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["kefu", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ran(status, out, err)

    return run
