"""LoRA adapters: small GGUF files that change how a model writes."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import llama_cpp

from bot.engine import loading, log
from bot.engine.header import read_texts
from bot.errors import ModelFileError


def check(scales: Mapping[Path, float]) -> None:
    """Before a model is loaded. Raise ModelFileError."""
    for path in scales:
        loading.check_file(path.expanduser(), "adapter", "mend engine.adapters")


def made_for(path: Path) -> str:
    """The architecture that an adapter is made for. Raise ModelFileError where it is none."""
    check({path: 1.0})
    what, architecture = read_texts(path, ["adapter.type", "general.architecture"])
    if what != "lora":
        raise ModelFileError(f"{path} is a GGUF file, but no LoRA adapter; mend engine.adapters")
    return architecture


def put_on(model: Any, context: Any, scales: Mapping[Path, float]) -> None:
    """For all that the context decodes: llama.cpp has none for a single sequence. They are freed
    with the model. Raise ModelFileError."""
    if not scales:
        return
    loaded = [_load(model, path) for path in scales]
    pointers = (llama_cpp.llama_adapter_lora_p_ctypes * len(loaded))(*loaded)
    factors = (ctypes.c_float * len(loaded))(*scales.values())
    if llama_cpp.llama_set_adapters_lora(context, pointers, len(loaded), factors) != 0:
        raise ModelFileError(f"the adapters cannot be used together: {log.last_error()}")


def _load(model: Any, path: Path) -> Any:
    file = path.expanduser()
    log.last_error()
    adapter = llama_cpp.llama_adapter_lora_init(model, os.fsencode(file))
    if not adapter:
        raise ModelFileError(
            f"{file} is no LoRA adapter of this model ({log.last_error()}); "
            "take it out of engine.adapters, or choose the model that it was made for"
        )
    return adapter
