"""A flag that llama.cpp can read in the middle of a decode without the GIL."""

from __future__ import annotations

import ctypes
import sys
from typing import Any


class Interrupt:
    """Its `callback` and `address` are given to llama.cpp as the abort callback and its data.

    llama.cpp calls it once per node of the graph. A Python function would wait there for the GIL
    each time; so the callback is C's strlen over two bytes: "" is 0, go on; "!" is 1, stop.
    """

    def __init__(self) -> None:
        self._flag = ctypes.create_string_buffer(2)

    @property
    def address(self) -> ctypes.c_void_p:
        return ctypes.cast(self._flag, ctypes.c_void_p)

    @property
    def callback(self) -> Any:
        import llama_cpp

        library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
        return ctypes.cast(library.strlen, llama_cpp.ggml_abort_callback)

    def set(self) -> None:
        self._flag[0] = b"!"

    def clear(self) -> None:
        self._flag[0] = b"\0"

    def __bool__(self) -> bool:
        return self._flag[0] != b"\0"
