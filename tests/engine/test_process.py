"""The engine in a process of its own: what a crash takes along, and what it does not."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

from bot.engine import Encoder, EngineProcess, LanguageModel, LlamaChatModel
from bot.engine.child import Ask, Letter, Models
from bot.engine.request import Finished
from bot.engine.spawned import Spawned
from bot.errors import (
    ContextOverflow,
    EngineBusy,
    EngineClosed,
    EngineCrashed,
    ModelError,
    ModelFileError,
)
from bot.settings import EngineSettings
from tests.engine.asking import answered, ask, collected

SETTINGS = EngineSettings(threads=1, conversations=2, waiting=8)


def models_in(folder: Path, **changed: Any) -> Models:
    paths = {"language": folder / "tiny.gguf", "encoder": folder / "encoder.gguf"} | changed
    return Models(**{"settings": SETTINGS} | paths)


@pytest.fixture(scope="module")
def process(models: Path) -> Iterator[EngineProcess]:
    with EngineProcess.start(models_in(models)) as process:
        yield process


@pytest.fixture(autouse=True)
def _no_crash_is_remembered(process: EngineProcess) -> None:
    process._crashes._times.clear()


def crash(process: EngineProcess, how: int = signal.SIGKILL) -> None:
    pid = process.pid
    assert pid is not None
    os.kill(pid, how)


def test_it_writes_and_embeds_what_a_thread_does(
    process: EngineProcess, model: LanguageModel, encoder: Encoder
) -> None:
    isolated = process.language_model
    question = ask(model, "return the shoe", conversation="a")
    assert isolated.count_tokens(question.prompt) == model.count_tokens(question.prompt)
    assert answered(isolated, question)[0] == answered(model, question)[0]
    assert isolated.info.path == model.info.path
    texts = ["return shoe", "hello world"]
    assert np.array_equal(process.encoder.encode(texts), encoder.encode(texts))
    assert process.encoder.info == encoder.info


async def test_many_streams_at_once(process: EngineProcess) -> None:
    model = process.language_model
    requests = [ask(model, f"shoe {n}", conversation=str(n)) for n in range(6)]
    alone = [(await asyncio.to_thread(answered, model, one))[0] for one in requests]
    told = await asyncio.gather(*(collected(model.agenerate(one)) for one in requests))
    assert [text for text, _ in told] == alone


def test_a_crash_in_the_middle_of_a_reply_fails_that_reply_alone(process: EngineProcess) -> None:
    model = process.language_model
    waits = ask(model, "hello", conversation="waits")
    expected = answered(model, waits)[0]
    speaking = [
        model.generate(ask(model, "return the shoe", conversation=str(n), max_tokens=400))
        for n in range(2)
    ]
    for stream in speaking:
        assert isinstance(next(one for one in stream if isinstance(one, str)), str)
    queued = model.generate(waits)  # both sequences are taken
    crash(process, signal.SIGSEGV)
    for stream in speaking:
        with pytest.raises(EngineCrashed, match=r"was ended by SIGSEGV .* ask again"):
            list(stream)
    told = list(queued)
    assert isinstance(told[-1], Finished)
    assert "".join(one for one in told if isinstance(one, str)) == expected
    assert answered(model, waits)[0] == expected


def test_vectors_come_through_a_crash(process: EngineProcess) -> None:
    expected = process.encoder.encode(["return shoe"])
    os.kill(process.pid or 0, signal.SIGSTOP)
    found: list[Any] = []
    caller = threading.Thread(target=lambda: found.append(process.encoder.encode(["return shoe"])))
    caller.start()
    while not process._open:
        time.sleep(0.001)
    crash(process)
    caller.join(30)
    assert np.array_equal(found[0], expected)


def test_one_that_hangs_is_ended_and_started_again(models: Path) -> None:
    settings = SETTINGS.model_copy(update={"timeout": 1.0})
    with EngineProcess.start(models_in(models, settings=settings)) as process:
        model = process.language_model
        expected = answered(model, ask(model, "hello", conversation="a"))[0]
        stream = model.generate(ask(model, "return the shoe", conversation="b", max_tokens=400))
        next(one for one in stream if isinstance(one, str))
        hung = process.pid
        os.kill(hung or 0, signal.SIGSTOP)
        waits = model.generate(ask(model, "hello", conversation="a"))
        with pytest.raises(EngineCrashed, match="gave no sign of life and was ended"):
            list(stream)
        assert "".join(one for one in waits if isinstance(one, str)) == expected
        assert process.pid != hung


def test_one_that_has_nothing_to_do_gives_signs_of_life(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SETTINGS.model_copy(update={"timeout": 1.0})
    with EngineProcess.start(models_in(models, settings=settings)) as process:
        signs: SimpleQueue[str] = SimpleQueue()
        monkeypatch.setattr(process, "_deliver", lambda _number, kind, _payload: signs.put(kind))
        pid = process.pid
        assert [signs.get(timeout=10) for _ in range(8)] == ["alive"] * 8  # twice the patience
        assert process.pid == pid


def test_closing_does_not_wait_for_a_start(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = EngineProcess.start(models_in(models))
    starting = threading.Event()
    ready = Spawned.ready

    def slow(child: Spawned) -> Any:
        os.kill(child.process.pid or 0, signal.SIGSTOP)  # a driver that hangs
        starting.set()
        return ready(child)

    monkeypatch.setattr(Spawned, "ready", slow)
    crash(process)
    assert starting.wait(10)
    waits = process.language_model.generate(ask(process.language_model, "hello"))
    child = process._child.process
    process.close()
    assert not child.is_alive()
    with pytest.raises(EngineClosed):
        list(waits)


def test_a_start_that_fails_in_an_unknown_way_fails_who_waits(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EngineProcess.start(models_in(models)) as process:
        ready = Spawned.ready
        starting, waiting = threading.Event(), threading.Event()

        def broken(child: Spawned) -> Any:
            starting.set()
            waiting.wait(10)
            monkeypatch.setattr(Spawned, "ready", ready)
            child.kill()
            raise OSError("no memory")

        monkeypatch.setattr(Spawned, "ready", broken)
        crash(process)
        assert starting.wait(10)
        stream = process.language_model.generate(ask(process.language_model, "hello"))
        waiting.set()
        with pytest.raises(EngineCrashed, match="cannot be started again: OSError"):
            list(stream)
        assert answered(process.language_model, ask(process.language_model, "hello"))[0]


def test_a_request_that_always_crashes_it_is_given_up(
    process: EngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Spawned.post

    def crashing(child: Spawned, letter: Letter | None) -> None:
        if letter is not None and isinstance(letter[1], Ask):
            child.kill()
        post(child, letter)

    monkeypatch.setattr(Spawned, "post", crashing)
    with pytest.raises(EngineCrashed, match="SIGKILL"):
        answered(process.language_model, ask(process.language_model, "hello"))
    monkeypatch.undo()
    assert answered(process.language_model, ask(process.language_model, "hello"))[0]


def test_starts_wait_longer_after_each_crash(process: EngineProcess) -> None:
    pauses = []
    for _ in range(10):
        process._crashes.add()
        pauses.append(process._crashes.pause())
    assert pauses[:4] == [0, 0.5, 1, 2]
    assert pauses[-1] == 30
    process._crashes._times.clear()


def test_while_it_starts_only_so_many_may_wait(
    process: EngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = process.language_model
    monkeypatch.setattr(process._crashes, "pause", lambda: 0.5)
    crash(process)
    while process._takes_work:
        time.sleep(0.001)
    streams = [model.generate(ask(model, "hello")) for _ in range(SETTINGS.waiting)]
    with pytest.raises(EngineBusy, match="8 requests wait for the engine to start"):
        model.generate(ask(model, "hello"))
    streams[0].close()
    assert list(streams[0]) == []
    for stream in streams[1:]:
        assert isinstance(list(stream)[-1], Finished)


def test_a_stop_frees_the_sequence_at_once(process: EngineProcess) -> None:
    model = process.language_model
    streams = [
        model.generate(ask(model, "hello", conversation=str(n), max_tokens=400)) for n in range(2)
    ]
    for stream in streams:
        next(one for one in stream if isinstance(one, str))
        stream.close()
    text, finished = answered(model, ask(model, "hello", conversation="next", max_tokens=3))
    assert text
    assert finished.first_token_ms < 5000
    assert not process._open


@pytest.mark.parametrize("content", ["return the shoe " * 400, "x" * 100_000])
def test_errors_reach_their_caller_alone(process: EngineProcess, content: str) -> None:
    model = process.language_model
    with pytest.raises(ContextOverflow):
        model.generate(ask(model, content))
    with pytest.raises(ModelError, match="is not GBNF"):
        answered(model, ask(model, "hello", grammar="root ::= ("))
    assert answered(model, ask(model, "hello"))[0]


async def test_langchain_sees_no_difference(process: EngineProcess, model: LanguageModel) -> None:
    replies = [
        await LlamaChatModel(language_model=one, temperature=0, max_tokens=12).ainvoke("hello")
        for one in (process.language_model, model)
    ]
    assert replies[0].text == replies[1].text
    tokens = [reply.usage_metadata["total_tokens"] for reply in replies]
    assert tokens[0] == tokens[1] > 12


def test_a_model_that_is_none_fails_the_start(models: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF nothing")
    with pytest.raises(ModelFileError, match=r"broken\.gguf is not a model"):
        EngineProcess.start(models_in(models, language=broken))


def test_closing_ends_what_is_being_written_and_the_process(models: Path) -> None:
    process = EngineProcess.start(models_in(models))
    model = process.language_model
    stream = model.generate(ask(model, "hello", max_tokens=400))
    next(one for one in stream if isinstance(one, str))
    child = process._child.process
    process.close()
    process.close()
    with pytest.raises(EngineClosed):
        list(stream)
    with pytest.raises(EngineClosed):
        process.encoder.encode(["hello"])
    assert not child.is_alive()


class _DiesAtFirst(Spawned):
    """Ended while it loads, as often as `times` says."""

    times = 1
    how = signal.SIGKILL

    def __init__(self, models: Models) -> None:
        super().__init__(models)
        cls = type(self)
        if cls.times and self.process.pid:
            cls.times -= 1
            os.kill(self.process.pid, cls.how)


def test_a_first_start_that_is_killed_is_tried_again(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.process.Spawned", _DiesAtFirst)
    _DiesAtFirst.times, log = 1, tmp_path / "engine.log"
    with EngineProcess.start(models_in(models, log=log)) as process:
        told, _ = answered(process.language_model, ask(process.language_model, "hi"))
        assert told
    assert "was ended by SIGKILL while it loaded" in log.read_text()


@pytest.mark.parametrize(
    ("how", "remedy"), [(signal.SIGKILL, "choose a smaller model"), (signal.SIGSEGV, "engine.log")]
)
def test_a_start_that_is_ended_twice_says_why(
    models: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals, remedy: str
) -> None:
    monkeypatch.setattr("bot.engine.process.Spawned", _DiesAtFirst)
    monkeypatch.setattr(_DiesAtFirst, "times", 2)
    monkeypatch.setattr(_DiesAtFirst, "how", how)
    with pytest.raises(EngineCrashed, match=remedy):
        EngineProcess.start(models_in(models))


def test_a_crash_is_noted_in_the_log(models: Path, tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    with EngineProcess.start(models_in(models, log=log)) as process:
        crash(process)
        assert answered(process.language_model, ask(process.language_model, "hi"))[0]
    assert log.read_text().count("was ended by SIGKILL; it is being started again") == 1
