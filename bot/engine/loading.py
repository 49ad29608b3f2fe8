"""Opening a GGUF file: every way it can fail ends in one line that names the file."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import llama_cpp

from bot.engine import log, system
from bot.errors import ModelFileError

_MAGIC = b"GGUF"


def open_model(path: Path, *, gpu_layers: int = -1) -> Any:
    """A `llama_model *`. On the engine thread only."""
    prepare(path)
    parameters = llama_cpp.llama_model_default_params()
    parameters.n_gpu_layers = gpu_layers if llama_cpp.llama_supports_gpu_offload() else 0
    parameters.use_extra_bufts = build_warning() is None
    model = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
    if not model:
        raise ModelFileError(
            f"{path} is not a model that llama.cpp {llama_cpp.__version__} can load: "
            f"{log.last_error()}; "
            + ("lower engine.gpu_layers, " if parameters.n_gpu_layers else "")
            + "fetch the file again or choose another one"
        )
    return model


def prepare(path: Path) -> None:
    """Before ggml opens it: what it says then is of this file. Raise ModelFileError."""
    check_file(path)
    # gdb would attach itself when ggml aborts, and write to the reader's terminal
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    log.silence()
    log.last_error()


def check_file(
    path: Path,
    what: str = "model file",
    remedy: str = "`kefu models list` shows what there is",
) -> None:
    """Raise ModelFileError for what can be seen without llama.cpp."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        raise ModelFileError(f"{what} {path} does not exist; {remedy}") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelFileError(
            f"{what} {path} cannot be read: {reason}; name a GGUF file that can be"
        ) from None
    if not head:
        raise ModelFileError(f"{what} {path} is empty; fetch it again")
    if head != _MAGIC:
        raise ModelFileError(
            f"{what} {path} is not a GGUF file (it starts with {head!r}, not {_MAGIC!r}); "
            "name one in GGUF format"
        )


def read_metadata(path: Path) -> dict[str, str]:
    """What the file says of itself; its weights are not read. On any thread."""
    model = open_vocabulary(path)
    try:
        count = llama_cpp.llama_model_meta_count(model)
        keys = [_text(llama_cpp.llama_model_meta_key_by_index, model, i) for i in range(count)]
        return {key: metadata(model, key) or "" for key in keys}
    finally:
        llama_cpp.llama_model_free(model)


def is_encoder(told: Mapping[str, str]) -> bool:
    """Whether a file's metadata are those of a model that makes vectors, not text."""
    return told.get(f"{told.get('general.architecture')}.attention.causal") == "false"


def open_vocabulary(path: Path) -> Any:
    """A `llama_model *` without weights. On any thread: nothing is shared."""
    prepare(path)
    parameters = llama_cpp.llama_model_default_params()
    parameters.vocab_only = True
    model = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
    if not model:
        raise ModelFileError(f"{path} is not a model that llama.cpp can load: {log.last_error()}")
    return model


def _text(read: Any, model: Any, index: int) -> str:
    buffer = ctypes.create_string_buffer(256)
    read(model, index, buffer, len(buffer))
    return buffer.value.decode("utf-8", "replace")


def metadata(model: Any, key: str) -> str | None:
    """The value as llama.cpp prints it: "true", "512"; None where the file does not say."""
    size = 1 << 12
    while True:
        buffer = ctypes.create_string_buffer(size)
        length = llama_cpp.llama_model_meta_val_str(model, key.encode(), buffer, size)
        if length < 0:
            return None
        if length < size:
            return bytes(buffer.value).decode("utf-8", "replace")
        size = length + 1


def build_warning() -> str | None:
    return system.amx_warning(system.system_info())
