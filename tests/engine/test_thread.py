from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bot.engine import EngineThread
from bot.engine.thread import Job
from bot.errors import EngineClosed


def counting(name: str, steps: int, seen: list[str]) -> Job[str]:
    for step in range(steps):
        seen.append(name)
        yield f"{name}{step}"


def endless(started: threading.Event, ended: threading.Event) -> Job[int]:
    try:
        while True:
            started.set()
            yield 1
    finally:
        ended.set()


def test_every_step_runs_on_the_one_thread(thread: EngineThread) -> None:
    def naming() -> Job[str]:
        for _ in range(3):
            yield threading.current_thread().name

    assert list(thread.stream(naming())) == ["kefu-engine"] * 3
    assert thread.run(lambda: threading.current_thread().name) == "kefu-engine"


def test_jobs_take_turns(thread: EngineThread) -> None:
    gate = threading.Event()
    seen: list[str] = []
    blocked = thread.stream(iter_of(gate.wait))
    first = thread.stream(counting("a", 3, seen))
    second = thread.stream(counting("b", 3, seen))
    gate.set()
    assert list(blocked) == [True]
    assert list(first) == ["a0", "a1", "a2"]
    assert list(second) == ["b0", "b1", "b2"]
    assert seen == ["a", "b", "a", "b", "a", "b"]


def iter_of(function: object) -> Job[object]:
    yield function()  # type: ignore[operator]


async def test_results_reach_asyncio(thread: EngineThread) -> None:
    streams = [thread.astream(counting(name, 50, [])) for name in "ab"]

    async def collect(number: int) -> list[str]:
        return [item async for item in streams[number]]

    first, second = await asyncio.gather(collect(0), collect(1))
    assert first == [f"a{step}" for step in range(50)]
    assert second == [f"b{step}" for step in range(50)]


async def test_an_error_reaches_the_reader_and_spares_the_others(thread: EngineThread) -> None:
    def failing() -> Job[int]:
        yield 1
        raise ValueError("broken")

    stream = thread.astream(failing())
    assert await anext(stream) == 1
    with pytest.raises(ValueError, match="broken"):
        await anext(stream)
    with pytest.raises(ValueError, match="also"):
        thread.run(lambda: (_ for _ in ()).throw(ValueError("also")))
    assert thread.run(lambda: 2) == 2


@pytest.mark.parametrize("reader", ["sync", "async"])
async def test_closing_a_stream_ends_its_job(thread: EngineThread, reader: str) -> None:
    started, ended = threading.Event(), threading.Event()
    job = endless(started, ended)
    stream = thread.stream(job) if reader == "sync" else thread.astream(job)
    assert await asyncio.to_thread(started.wait, 5)
    stream.close()
    assert await asyncio.to_thread(ended.wait, 5)


def test_the_interrupt_is_raised_only_for_the_step_that_runs(thread: EngineThread) -> None:
    inside, cancelled = threading.Event(), threading.Event()
    flags: list[bool] = []

    def slow() -> Job[int]:
        inside.set()
        cancelled.wait(5)
        flags.append(bool(thread.interrupt))
        yield 1

    stream = thread.stream(slow())
    inside.wait(5)
    stream.close()
    cancelled.set()
    assert thread.run(lambda: bool(thread.interrupt)) is False
    assert flags == [True]


def test_close_fails_what_is_pending_and_frees_last_kept_first() -> None:
    thread = EngineThread()
    freed: list[str] = []
    thread.keep(lambda: freed.append("model"))
    thread.keep(lambda: freed.append("context"))
    started, ended = threading.Event(), threading.Event()
    stream = thread.stream(endless(started, ended))
    started.wait(5)
    thread.close()
    thread.close()
    assert ended.is_set()
    assert freed == ["context", "model"]
    with pytest.raises(EngineClosed):
        list(stream)
    with pytest.raises(EngineClosed, match="takes no more requests"):
        thread.run(lambda: 1)


def test_a_loop_that_is_gone_cancels_the_job(thread: EngineThread) -> None:
    started, ended = threading.Event(), threading.Event()

    async def walk_away() -> None:
        thread.astream(endless(started, ended))
        await asyncio.to_thread(started.wait, 5)

    asyncio.run(walk_away())
    assert ended.wait(5)


def test_an_engine_left_open_neither_holds_nor_crashes_the_exit(models: Path) -> None:
    script = f"""
from pathlib import Path
from bot.engine import EngineThread, LanguageModel
from bot.engine.request import Request
from bot.engine.template import ChatTurn
from bot.settings import EngineSettings
settings = EngineSettings(threads=1)
model = LanguageModel.load(Path({str(models)!r}) / "tiny.gguf", EngineThread(), settings)
stream = model.generate(Request(model.render([ChatTurn("user", "hello")]), max_tokens=10**6))
next(stream)
raise SystemExit(3)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (3, "")
