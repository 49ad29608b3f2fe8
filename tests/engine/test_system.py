from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.engine import describe, system
from bot.settings import EngineSettings


@pytest.mark.parametrize(
    ("info", "warns"),
    [
        ("CPU : AVX2 = 1 | AVX512 = 1 | AMX_INT8 = 1 | OPENMP = 1 | ", True),
        ("CPU : AVX2 = 1 | AVX512 = 1 | AMX_INT8 = 0 | OPENMP = 1 | ", False),
        ("CPU : SSE3 = 1 | AVX2 = 1 | ", False),
        ("", False),
    ],
)
def test_amx_is_noticed(info: str, warns: bool) -> None:
    warning = system.amx_warning(info)
    assert (warning is not None) is warns
    assert "\n" not in (warning or "")


@pytest.mark.parametrize(
    ("names", "backend"),
    [
        (["CPU"], "cpu"),
        (["CUDA0", "CPU"], "cuda"),
        (["MTL0", "BLAS", "CPU"], "metal"),
        (["Metal", "CPU"], "metal"),
        (["Vulkan0", "CPU"], "vulkan"),
        ([], "cpu"),
    ],
)
def test_the_backend_is_told_by_the_devices(names: list[str], backend: str) -> None:
    assert system.backend_of(names) == backend


def test_this_machine_is_described() -> None:
    report = describe(EngineSettings(threads=1))
    assert report.devices
    assert all(device.name and device.memory >= 0 for device in report.devices)
    assert report.instructions
    assert report.threads == 1
    assert report.llama_cpp_version.count(".") == 2


def test_memory_is_what_a_container_is_held_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "desk.slice" / "kefu.service"
    inner.mkdir(parents=True)
    limit, outer = inner / "memory.max", tmp_path / "memory.max"
    group = tmp_path / "group"
    group.write_text("0::/desk.slice/kefu.service\n")
    monkeypatch.setattr(system, "_CGROUPS", tmp_path)
    monkeypatch.setattr(system, "_OWN_CGROUP", group)
    own = system.memory()
    assert own == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit.write_text("max\n")
    assert system.memory() == own
    limit.write_text("1048576\n")
    assert system.memory() == 1 << 20
    outer.write_text("4096\n")
    assert system.memory() == 4096
    group.unlink()
    limit.unlink()
    assert system.memory() == 4096


def test_threads_are_cores_that_may_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cpu in range(8):  # four cores of two hyper-threads
        folder = tmp_path / f"cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(system, "_CPU_TOPOLOGY", tmp_path)
    monkeypatch.setattr(system, "_CGROUPS", tmp_path)
    monkeypatch.setattr(system, "_OWN_CGROUP", tmp_path / "no group")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert system.usable_cores() == 4
    quota.write_text("max 100000\n")
    assert system.usable_cores() == 4
    quota.write_text("250000 100000\n")
    assert system.usable_cores() == 2
    quota.write_text("50000 100000\n")
    assert system.usable_cores() == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 4})
    assert system.usable_cores() == 1


def test_threads_are_no_more_than_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_processors", lambda: 4)
    assert system.threads_of(EngineSettings(threads=3)) == 3
    assert system.threads_warning(EngineSettings(threads=3)) is None
    assert system.threads_of(EngineSettings(threads=9999)) == 4
    told = system.threads_warning(EngineSettings(threads=9999))
    assert told == "engine.threads = 9999: this process may use 4 processors"
    assert system.threads_of(EngineSettings()) == system.usable_cores()
    assert system.threads_warning(EngineSettings()) is None


def test_available_memory_is_what_nobody_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meminfo, group = tmp_path / "meminfo", tmp_path / "group"
    inner = tmp_path / "kefu.service"
    inner.mkdir()
    group.write_text("0::/kefu.service\n")
    monkeypatch.setattr(system, "_MEMINFO", meminfo)
    monkeypatch.setattr(system, "_CGROUPS", tmp_path)
    monkeypatch.setattr(system, "_OWN_CGROUP", group)
    assert system.available_memory() == system.memory()  # nothing tells
    meminfo.write_text("MemTotal: 9000 kB\nMemAvailable:    300000 kB\n")
    assert system.available_memory() == 300_000 << 10
    (inner / "memory.max").write_text("200000000\n")
    (inner / "memory.current").write_text("150000000\n")
    (inner / "memory.stat").write_text("anon 1\nfile 30000000\nfile_mapped 5\n")
    assert system.available_memory() == 80_000_000
    (inner / "memory.max").write_text("max\n")
    assert system.available_memory() == 300_000 << 10
