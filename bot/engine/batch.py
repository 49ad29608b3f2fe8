"""The tokens of one call to llama.cpp, in numpy arrays that it reads in place."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import llama_cpp
import numpy as np


class Batch:
    def __init__(self, room: int) -> None:
        self._tokens = np.zeros(room, dtype=np.int32)
        self._positions = np.zeros(room, dtype=np.int32)
        self._outputs = np.zeros(room, dtype=np.int8)
        self._sequences = np.zeros(room, dtype=np.int32)
        self._counts = np.ones(room, dtype=np.int32)
        # llama.cpp wants a list of sequences for each token: a pointer to the one that it has.
        first = self._sequences.ctypes.data
        self._lists = (first + 4 * np.arange(room, dtype=np.uint64)).astype(np.uint64)
        self.struct = llama_cpp.llama_batch(
            n_tokens=0,
            token=_pointer(self._tokens, llama_cpp.llama_token),
            embd=None,
            pos=_pointer(self._positions, llama_cpp.llama_pos),
            n_seq_id=_pointer(self._counts, ctypes.c_int32),
            seq_id=_pointer(self._lists, ctypes.POINTER(llama_cpp.llama_seq_id)),
            logits=_pointer(self._outputs, ctypes.c_int8),
        )

    def clear(self) -> None:
        self.struct.n_tokens = 0

    def add(self, tokens: Sequence[int], *, start: int, sequence: int, outputs: int) -> None:
        """`tokens` at positions from `start`; the last `outputs` of them give logits."""
        first: int = self.struct.n_tokens
        last = first + len(tokens)
        self._tokens[first:last] = tokens
        self._positions[first:last] = range(start, start + len(tokens))
        self._sequences[first:last] = sequence
        self._outputs[first : last - outputs] = False
        self._outputs[last - outputs : last] = True
        self.struct.n_tokens = last


def _pointer(array: np.ndarray[Any, Any], kind: Any) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(kind))
