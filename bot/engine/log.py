"""llama.cpp's log: kept quiet, its last errors remembered for our own messages."""

from __future__ import annotations

import ctypes
from collections import deque

import llama_cpp

_ERROR = 4  # GGML_LOG_LEVEL_ERROR of ggml.h

_errors: deque[str] = deque(maxlen=4)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _listen(level: int, text: bytes, _user_data: ctypes.c_void_p) -> None:
    if level == _ERROR and (line := text.decode("utf-8", "replace").strip()):
        _errors.append(line)


def silence() -> None:
    """llama.cpp writes to stderr otherwise, through the terminal application."""
    llama_cpp.llama_log_set(_listen, None)


def last_error() -> str:
    """The first of the latest error lines, which is the cause of the others; then forget them."""
    line = _errors[0] if _errors else "llama.cpp gives no reason"
    _errors.clear()
    return line
