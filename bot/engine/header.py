"""What a GGUF file says of its model before any weight is read, by ggml's own reader."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.engine import loading, log
from bot.engine.system import ggml
from bot.errors import ModelFileError

_INTEGERS: dict[int, Any] = {
    0: ctypes.c_uint8,
    1: ctypes.c_int8,
    2: ctypes.c_uint16,
    3: ctypes.c_int16,
    4: ctypes.c_uint32,
    5: ctypes.c_int32,
    10: ctypes.c_uint64,
    11: ctypes.c_int64,
}
"""ggml's numbers for the types of values."""
_STRING, _ARRAY = 8, 9
_LAYER = re.compile(r"blk\.(\d+)\.")
_PART = re.compile(r"-00001-of-(\d{5})\.gguf$")


@dataclass(frozen=True, slots=True)
class Header:
    context: int
    """Tokens that the model was trained with; 0 where the file does not say."""
    layers: tuple[int, ...]
    """Bytes of the weights of each."""
    cached: tuple[int, ...]
    """Values of a token in the KV cache of each; 0 for layers that keep a state of a fixed size."""
    output: int
    """Bytes of what comes behind the last layer."""
    input: int
    """Bytes of all else."""
    tied: int
    """Bytes of the embeddings where they are the output, too: a GPU has a copy of them."""

    @property
    def weights(self) -> int:
        return sum(self.layers) + self.output + self.input

    @property
    def movable(self) -> int:
        """Bytes of all that llama.cpp puts on a GPU that has room for it."""
        return sum(self.layers) + self.output + self.tied


def read_header(path: Path) -> Header:
    """Of all parts of a model that is split over several files. Raise ModelFileError."""
    sizes: dict[str, int] = {}
    with _opened(path) as first:
        model = _text(first, "general.architecture")
        context = _number(first, f"{model}.context_length")
        heads = _numbers(first, f"{model}.attention.head_count")
        kept = _numbers(first, f"{model}.attention.head_count_kv") or heads
        width = _number(first, f"{model}.embedding_length") // max([1, *heads])
        lengths = [
            _number(first, f"{model}.attention.{kind}_length") or width for kind in ("key", "value")
        ]
        sizes |= _tensors(first)
    for part in _further_parts(path):
        with _opened(part) as file:
            sizes |= _tensors(file)
    layers, *others = _placed(sizes)
    cached = [sum(lengths) * count for count in _for_each(kept, len(layers))]
    return Header(context, layers, tuple(cached), *others)


def read_texts(path: Path, keys: Sequence[str]) -> list[str]:
    """Of any GGUF file's metadata; empty where it does not say. Raise ModelFileError."""
    with _opened(path) as file:
        return [_text(file, key) for key in keys]


def _for_each(values: Sequence[int], layers: int) -> Sequence[int]:
    """One for each layer, where there may be one for all, or none."""
    if len(values) == layers:
        return values
    return [max(values, default=0)] * layers


def _placed(sizes: dict[str, int]) -> tuple[tuple[int, ...], int, int, int]:
    """Bytes by layer, of the output, of the rest, and of what of it is the output, too."""
    layers: dict[int, int] = {}
    output = rest = 0
    for name, size in sizes.items():
        if found := _LAYER.match(name):
            layers[int(found[1])] = layers.get(int(found[1]), 0) + size
        elif name.startswith("output"):
            output += size
        else:
            rest += size
    tied = 0 if "output.weight" in sizes else sizes.get("token_embd.weight", 0)
    return tuple(layers[number] for number in sorted(layers)), output, rest, tied


class _Parameters(ctypes.Structure):
    _fields_ = [("no_alloc", ctypes.c_bool), ("context", ctypes.c_void_p)]


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A `gguf_context *`."""
    loading.prepare(path)
    read = ggml("gguf_init_from_file", [ctypes.c_char_p, _Parameters], ctypes.c_void_p)
    file = read(os.fsencode(path), _Parameters(no_alloc=True, context=None))
    if not file:
        raise ModelFileError(
            f"{path} is not a model that llama.cpp can load: {log.last_error()}; "
            "fetch the file again or choose another one"
        )
    try:
        yield file
    finally:
        ggml("gguf_free", [ctypes.c_void_p], None)(file)


def _further_parts(path: Path) -> list[Path]:
    found = _PART.search(path.name)
    if found is None:
        return []
    stem = path.name[: found.start()]
    return [
        path.with_name(f"{stem}-{number:05}-of-{found[1]}.gguf")
        for number in range(2, int(found[1]) + 1)
    ]


def _tensors(file: int) -> dict[str, int]:
    """Bytes by name."""
    count = ggml("gguf_get_n_tensors", [ctypes.c_void_p], ctypes.c_int64)(file)
    numbered = [ctypes.c_void_p, ctypes.c_int64]
    name = ggml("gguf_get_tensor_name", numbered, ctypes.c_char_p)
    size = ggml("gguf_get_tensor_size", numbered, ctypes.c_size_t)
    return {
        name(file, number).decode("utf-8", "replace"): size(file, number) for number in range(count)
    }


def _text(file: int, key: str) -> str:
    number = _find(file, key)
    if number < 0 or _type(file, number) != _STRING:
        return ""
    read = ggml("gguf_get_val_str", [ctypes.c_void_p, ctypes.c_int64], ctypes.c_char_p)
    return str(read(file, number).decode("utf-8", "replace"))


def _number(file: int, key: str) -> int:
    """The largest where there are several; 0 where the file does not say."""
    return max(_numbers(file, key), default=0)


def _numbers(file: int, key: str) -> list[int]:
    """One, or one for each layer; none where the file does not say."""
    number = _find(file, key)
    kind = _type(file, number) if number >= 0 else _STRING
    one = [ctypes.c_void_p, ctypes.c_int64]
    count, read = 1, "gguf_get_val_data"
    if kind == _ARRAY:
        kind = ggml("gguf_get_arr_type", one, ctypes.c_int)(file, number)
        count = ggml("gguf_get_arr_n", one, ctypes.c_size_t)(file, number)
        read = "gguf_get_arr_data"
    if kind not in _INTEGERS or not count:
        return []
    address = ggml(read, one, ctypes.c_void_p)(file, number)
    return [max(0, value) for value in (_INTEGERS[kind] * count).from_address(address)]


def _find(file: int, key: str) -> int:
    find = ggml("gguf_find_key", [ctypes.c_void_p, ctypes.c_char_p], ctypes.c_int64)
    return int(find(file, key.encode()))


def _type(file: int, number: int) -> int:
    return int(
        ggml("gguf_get_kv_type", [ctypes.c_void_p, ctypes.c_int64], ctypes.c_int)(file, number)
    )
