"""The real application in a real terminal: tmux, on a socket of its own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 240.0
"""Seconds: the first start of a home reads the sample help pages in."""
KEFU = Path(sys.executable).with_name("kefu")


class Tmux:
    def __init__(self, socket: str, command: str) -> None:
        self._socket = socket
        self._run("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", command)

    def type(self, text: str) -> None:
        self._run("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def screen(self) -> str:
        return self._run("capture-pane", "-p")

    def until(self, reached: Callable[[str], bool]) -> str:
        deadline = time.monotonic() + PATIENCE
        while not reached(screen := self.screen()):
            assert time.monotonic() < deadline, f"it never came to that:\n{screen}"
            time.sleep(0.1)
        return screen

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], check=False)

    def _run(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._socket, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(params=["thread", "process"])
def tmux(tmp_path: Path, sample_home: Path, request: pytest.FixtureRequest) -> Iterator[Tmux]:
    """With the engine on a thread, and in a process of its own."""
    home = shlex.quote(str(sample_home))
    isolation = f"KEFU_ENGINE__ISOLATION={request.param}"
    command = f"env TERM=tmux-256color {isolation} {shlex.quote(str(KEFU))} chat --home {home}"
    assert shutil.which("tmux"), "tmux is missing: install it, this test drives a real terminal"
    tmux = Tmux(f"kefu-{tmp_path.name}", f"{command}; echo left with $?; exec cat")
    yield tmux
    tmux.close()


def test_a_question_is_asked_and_answered_in_tmux(tmux: Tmux) -> None:
    tmux.until(lambda screen: "Ask a question" in screen)
    tmux.type("How long do I have to return shoes? [b]")
    tmux.until(lambda screen: "return shoes? [b]" in screen)
    tmux.press("Enter")
    answered = tmux.until(lambda screen: "source" in screen and "tok/s" in screen)
    assert "You " in answered
    assert "return shoes? [b]" in answered

    tmux.press("C-o")
    tmux.until(lambda screen: "[1] " in screen and "size-guide.md" in screen)
    tmux.press("Escape")
    tmux.press("Up")
    tmux.until(lambda screen: screen.count("return shoes? [b]") >= 2)
    tmux.press("F1")
    tmux.until(lambda screen: "app.palette" in screen)
    tmux.press("Escape")
    # sent at once, Escape and the next key would arrive as one: alt+ctrl+q
    tmux.until(lambda screen: "app.palette" not in screen)
    tmux.press("C-q")
    left = tmux.until(lambda screen: "left with" in screen)
    assert left.strip() == "left with 0", "the terminal is as it was before"
