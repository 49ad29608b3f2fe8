"""llama.cpp in this process: one engine thread, a language model and an encoder over it.

Names are imported when they are first asked for: `import bot.engine` loads no llama_cpp.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.engine.chat_model import LlamaChatModel
    from bot.engine.embeddings import LlamaEmbeddings
    from bot.engine.encoder import Encoder
    from bot.engine.language_model import LanguageModel, ModelInfo
    from bot.engine.system import SystemReport, describe
    from bot.engine.thread import EngineThread

# libgomp reads this when llama_cpp is first imported. Its threads otherwise spin for milliseconds
# at every node of the graph, and a busy neighbour makes 0.1 s of an embedding 4 s (measured).
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__all__ = [
    "Encoder",
    "EngineThread",
    "LanguageModel",
    "LlamaChatModel",
    "LlamaEmbeddings",
    "ModelInfo",
    "SystemReport",
    "describe",
]

_HOMES = {
    "Encoder": "encoder",
    "EngineThread": "thread",
    "LanguageModel": "language_model",
    "LlamaChatModel": "chat_model",
    "LlamaEmbeddings": "embeddings",
    "ModelInfo": "language_model",
    "SystemReport": "system",
    "describe": "system",
}


def __getattr__(name: str) -> object:
    if (home := _HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
