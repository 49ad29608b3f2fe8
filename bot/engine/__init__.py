"""llama.cpp, in this process or a child: one engine thread, a language model and an encoder.

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
    from bot.engine.language_model import LanguageModel
    from bot.engine.process import EngineProcess
    from bot.engine.system import SystemReport, describe
    from bot.engine.text_model import ModelInfo, TextModel
    from bot.engine.thread import EngineThread

# libgomp reads this when llama_cpp is first imported. Its threads otherwise spin for milliseconds
# at every node of the graph, and a busy neighbour makes 0.1 s of an embedding 4 s (measured).
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__all__ = [
    "Encoder",
    "EngineProcess",
    "EngineThread",
    "LanguageModel",
    "LlamaChatModel",
    "LlamaEmbeddings",
    "ModelInfo",
    "SystemReport",
    "TextModel",
    "describe",
]

_HOMES = {
    "Encoder": "encoder",
    "EngineProcess": "process",
    "EngineThread": "thread",
    "LanguageModel": "language_model",
    "LlamaChatModel": "chat_model",
    "LlamaEmbeddings": "embeddings",
    "ModelInfo": "text_model",
    "SystemReport": "system",
    "TextModel": "text_model",
    "describe": "system",
}


def __getattr__(name: str) -> object:
    if (home := _HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
