"""One GGUF encoder: texts in, unit vectors out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from bot.engine import loading, log, system
from bot.engine.batch import Batch
from bot.engine.thread import EngineThread, Job
from bot.engine.vocabulary import Vocabulary
from bot.errors import EngineClosed, ModelError, ModelFileError
from bot.settings import EngineSettings

Vectors: TypeAlias = NDArray[np.float32]

_BATCH = 512
"""Tokens of one call. Attention runs over all of them, so a longer batch gains nothing."""
_SEQUENCES = 64
_CHARACTERS_PER_TOKEN = 32
"""More of a text than this cannot matter: so a megabyte is not tokenized for 512 tokens."""
_POOLING_MEAN = 1


class Encoder:
    """Made by `load`."""

    def __init__(self, path: Path, thread: EngineThread, settings: EngineSettings) -> None:
        self._thread = thread
        self._model = loading.open_model(path, gpu_layers=settings.gpu_layers)
        self._vocabulary = Vocabulary(self._model)
        self.window: int = llama_cpp.llama_model_n_ctx_train(self._model) or _BATCH
        """Tokens of a text; what is longer is cut."""
        self.dimension: int = llama_cpp.llama_model_n_embd_out(self._model)
        named = loading.metadata(self._model, "kefu.languages") or "en"
        self.languages = frozenset(language.strip() for language in named.split(","))
        """ISO 639-1. A text in another language gets a vector that means nothing."""
        self._room = max(_BATCH, self.window)
        self._batch = Batch(self._room)
        self._context = self._opened_context(path, settings)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._open = True
        self._vectors([self._tokens("warm up")])
        thread.keep(self._free)

    @classmethod
    def load(cls, path: Path, thread: EngineThread, settings: EngineSettings) -> Encoder:
        """Blocks until the model is loaded and warm. Raise ModelFileError."""
        return thread.run(lambda: cls(path, thread, settings))

    def close(self) -> None:
        self._thread.release(self._free)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimension), rows of length 1."""
        return next(self._thread.stream(self._encoded(texts)))

    async def aencode(self, texts: Sequence[str]) -> Vectors:
        stream = self._thread.astream(self._encoded(texts))
        try:
            return await anext(stream)
        finally:
            stream.close()

    def _encoded(self, texts: Sequence[str]) -> Job[Vectors]:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        first = 0
        for batch in self._batches(texts):
            vectors[first : first + len(batch)] = self._vectors(batch)
            first += len(batch)
            yield None
        yield vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[list[list[int]]]:
        batch: list[list[int]] = []
        room = self._room
        for text in texts:
            tokens = self._tokens(text)
            if batch and (len(tokens) > room or len(batch) == _SEQUENCES):
                yield batch
                batch, room = [], self._room
            batch.append(tokens)
            room -= len(tokens)
        if batch:
            yield batch

    def _tokens(self, text: str) -> list[int]:
        """Cut to the window; the token that ends a text ([SEP]) stays at the end."""
        head = text[: self.window * _CHARACTERS_PER_TOKEN].encode("utf-8", "replace")
        tokens = self._vocabulary.tokenize(head, special=False, add_special=True)
        if len(tokens) > self.window:
            tokens = [*tokens[: self.window - 1], tokens[-1]]
        return tokens or [max(0, self._vocabulary.bos)]

    def _vectors(self, batch: Sequence[list[int]]) -> Vectors:
        """One call to llama.cpp, each text a sequence of its own."""
        if not self._open:
            raise EngineClosed("the encoder was closed; load it again")
        self._batch.clear()
        for sequence, tokens in enumerate(batch):
            self._batch.add(tokens, start=0, sequence=sequence, outputs=len(tokens))
        if self._memory:  # a decoder that makes vectors keeps a KV cache: begin anew
            llama_cpp.llama_memory_clear(self._memory, False)  # noqa: FBT003
            code = llama_cpp.llama_decode(self._context, self._batch.struct)
        else:
            code = llama_cpp.llama_encode(self._context, self._batch.struct)
        if code != 0:
            raise ModelError(
                f"llama.cpp failed to encode {len(batch)} texts (code {code}): {log.last_error()}"
            )
        rows = [self._vector(sequence) for sequence in range(len(batch))]
        return np.stack(rows)

    def _vector(self, sequence: int) -> Vectors:
        pointer = llama_cpp.llama_get_embeddings_seq(self._context, sequence)
        vector = np.ctypeslib.as_array(pointer, shape=(self.dimension,)).astype(np.float32)
        return vector / max(float(np.linalg.norm(vector)), 1e-12)

    def _opened_context(self, path: Path, settings: EngineSettings) -> object:
        threads = settings.threads or system.usable_cores()
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = self._room
        parameters.n_seq_max = _SEQUENCES
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.embeddings = True
        parameters.kv_unified = True
        if not llama_cpp.llama_supports_gpu_offload():
            # On a CPU it rounds keys and values to F16: vectors would change with their neighbours.
            parameters.flash_attn_type = 0
        if not self._pools():
            parameters.pooling_type = _POOLING_MEAN
        context = llama_cpp.llama_init_from_model(self._model, parameters)
        if not context:
            reason = log.last_error()
            llama_cpp.llama_model_free(self._model)
            raise ModelFileError(f"{path} cannot be run as an encoder: {reason}; choose another")
        return context

    def _pools(self) -> bool:
        """Whether the file says how the vectors of a text's tokens become one."""
        architecture = loading.metadata(self._model, "general.architecture") or ""
        return loading.metadata(self._model, f"{architecture}.pooling_type") not in (None, "0")

    def _free(self) -> None:
        self._open = False
        self._vocabulary.close()
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)
