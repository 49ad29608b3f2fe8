"""What llama.cpp was built for, and what this machine gives it."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from bot.settings import EngineSettings

AMX_WARNING = (
    "this llama.cpp was built with AMX, which crashes it (ggml-org/llama.cpp#20824): models are "
    "loaded without repacked weights, which is slower; reinstall with `make clean chat` to mend it"
)
_BACKENDS = ("cuda", "metal", "vulkan", "rocm", "sycl")
_CPU_TOPOLOGY = Path("/sys/devices/system/cpu")
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_KINDS: tuple[Literal["cpu", "gpu", "igpu", "accelerator"], ...] = (
    "cpu",
    "gpu",
    "igpu",
    "accelerator",
    "gpu",
)
"""By ggml's number; the last is several GPUs that act as one."""
_MEMINFO = Path("/proc/meminfo")
_GUESSED_MEMORY = 8 << 30


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    description: str
    kind: Literal["cpu", "gpu", "igpu", "accelerator"]
    memory: int
    """Bytes in all; 0 where the device does not say."""
    free: int
    """Bytes of them that nobody has taken."""

    @property
    def shares_memory(self) -> bool:
        """Whether its memory is the machine's own."""
        return self.kind != "gpu" or self.name.lower().startswith(("mtl", "metal"))


@dataclass(frozen=True, slots=True)
class SystemReport:
    backend: str
    """cpu, cuda, metal, vulkan, rocm or sycl: where layers are put when there is a choice."""
    instructions: tuple[str, ...]
    """The instruction sets that llama.cpp was built with, for example AVX2."""
    devices: tuple[Device, ...]
    llama_cpp_version: str
    threads: int
    warning: str | None
    """What is wrong with this build, in one line."""


def describe(settings: EngineSettings) -> SystemReport:
    import llama_cpp

    info = system_info()
    found = devices()
    return SystemReport(
        backend=backend_of(device.name for device in found),
        instructions=tuple(re.findall(r"(\w+) = 1\b", info)),
        devices=found,
        llama_cpp_version=llama_cpp.__version__,
        threads=threads_of(settings),
        warning=amx_warning(info),
    )


def system_info() -> str:
    import llama_cpp

    return str(llama_cpp.llama_print_system_info().decode())


def amx_warning(info: str) -> str | None:
    """`info` is what llama_print_system_info() says."""
    return AMX_WARNING if re.search(r"\bAMX_INT8 = 1\b", info) else None


def backend_of(device_names: Iterable[str]) -> str:
    names = [name.lower() for name in device_names]
    for backend in _BACKENDS:
        if any(backend in name or (backend, name[:3]) == ("metal", "mtl") for name in names):
            return backend
    return "cpu"


def usable_cores() -> int:
    """Physical cores that this process may run on: hyper-threads do not speed llama.cpp up."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    cores = {_siblings(cpu) for cpu in allowed}
    return max(1, min(len(cores), _quota() or len(cores)))


def threads_of(settings: EngineSettings) -> int:
    """For llama.cpp, whose threads wait for each other without rest: as many as were asked for,
    the processors at most, or the usable cores."""
    return min(settings.threads, _processors()) or usable_cores()


def threads_warning(settings: EngineSettings) -> str | None:
    if (used := threads_of(settings)) >= settings.threads:
        return None
    return f"engine.threads = {settings.threads}: this process may use {used} processors"


def memory() -> int:
    """Bytes that this process may use: the machine's, or what its container is held to."""
    own = [device.memory for device in devices() if device.kind == "cpu" and device.memory]
    limits = [int(text) for text in _cgroup("memory.max") if text.strip().isdigit()]
    return min([*(own or [_GUESSED_MEMORY]), *limits])


def peak_memory() -> int:
    """The most that this process held, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def available_memory() -> int:
    """Bytes that nobody needs now, of what `memory` says; all of it where the system does not
    tell."""
    total = memory()
    return max(0, min([total, *_machine_available(), *_container_available()]))


def _machine_available() -> Iterator[int]:
    with suppress(OSError):  # no Linux
        found = re.search(r"^MemAvailable:\s*(\d+) kB$", _MEMINFO.read_text(), re.MULTILINE)
        if found:
            yield int(found[1]) << 10


def _container_available() -> Iterator[int]:
    """What is cached of files is given back when it is needed."""
    for folder in _cgroup_folders():
        with suppress(OSError, ValueError):  # no container, or "max"
            limit, used = (int((folder / f"memory.{n}").read_text()) for n in ("max", "current"))
            cached = re.search(r"^file (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE)
            yield limit - used + (int(cached[1]) if cached else 0)


def _cgroup(name: str) -> Iterator[str]:
    """What the files of this name say, of this process's control group and those around it."""
    for folder in _cgroup_folders():
        with suppress(OSError):  # no container
            yield (folder / name).read_text()


def _cgroup_folders() -> Iterator[Path]:
    try:
        (line,) = _OWN_CGROUP.read_text().splitlines()  # "0::/path"; more lines were version 1
        own = line.removeprefix("0::/")
    except (OSError, ValueError):
        own = ""
    for folder in (_CGROUPS / own, *(_CGROUPS / own).parents):
        yield folder
        if folder == _CGROUPS:
            return


def _processors() -> int:
    """Hyper-threads and all."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


def _siblings(cpu: int) -> str:
    """The same text for all hyper-threads of a core."""
    try:
        return (_CPU_TOPOLOGY / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota() -> int | None:
    """The cores that a container is held to; None where it is not."""
    found = [text.split() for text in _cgroup("cpu.max") if not text.startswith("max")]
    return min((max(1, int(one[0]) // int(one[1])) for one in found if len(one) > 1), default=None)


def devices() -> tuple[Device, ...]:
    count = ggml("ggml_backend_dev_count", [], ctypes.c_size_t)
    get = ggml("ggml_backend_dev_get", [ctypes.c_size_t], ctypes.c_void_p)
    return tuple(_device(get(number)) for number in range(count()))


def _device(pointer: int) -> Device:
    name = ggml("ggml_backend_dev_name", [ctypes.c_void_p], ctypes.c_char_p)
    description = ggml("ggml_backend_dev_description", [ctypes.c_void_p], ctypes.c_char_p)
    size = ctypes.POINTER(ctypes.c_size_t)
    memory = ggml("ggml_backend_dev_memory", [ctypes.c_void_p, size, size], None)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    memory(pointer, ctypes.byref(free), ctypes.byref(total))
    kind = ggml("ggml_backend_dev_type", [ctypes.c_void_p], ctypes.c_int)
    return Device(
        name(pointer).decode(),
        description(pointer).decode(),
        _KINDS[kind(pointer)],
        total.value,
        free.value,
    )


@cache
def _ggml_libraries() -> tuple[ctypes.CDLL, ...]:
    """The bindings open libggml only; on Windows its symbols do not reach into ggml-base."""
    from llama_cpp._ctypes_extensions import load_shared_library
    from llama_cpp._ggml import libggml, libggml_base_path

    return libggml, load_shared_library("ggml-base", libggml_base_path)


def ggml(name: str, arguments: list[Any], result: Any) -> Any:
    library = next(library for library in _ggml_libraries() if hasattr(library, name))
    function = getattr(library, name)
    function.argtypes, function.restype = arguments, result
    return function
