"""One GGUF encoder: texts in, unit vectors out."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import llama_cpp
import numpy as np

from bot.engine import loading, log, system
from bot.engine.batch import Batch
from bot.engine.stream import Cancellable, Outlet
from bot.engine.thread import EngineThread
from bot.engine.vector_model import AnswerHead, EncoderInfo, Purpose, VectorModel, Vectors
from bot.engine.vocabulary import Vocabulary
from bot.engine.worker import Worker
from bot.errors import EngineClosed, ModelError, ModelFileError
from bot.settings import EngineSettings

_BATCH, _BATCH_ON_CPU = 512, 64
"""Tokens of one call, but for a text that is longer. Attention runs over all of them, each text
with every other: on two cores messages of 14 tokens take 12 ms each in calls of 512, 6 in calls of
64 and 5 alone, passages of 71 tokens 63, 33 and 32."""
_SEQUENCES = 64
_CHARACTERS_PER_TOKEN = 32
"""More of a text than this cannot matter: so a megabyte is not tokenized for 512 tokens."""
_POOLING_MEAN = 1


def _info(model: object, path: Path) -> EncoderInfo:
    named = loading.metadata(model, "kefu.languages") or "en"
    purposes: tuple[Purpose, ...] = get_args(Purpose)
    stored = loading.metadata(model, "kefu.answers")
    try:
        head = json.loads(stored) if stored else None
        return EncoderInfo(
            languages=frozenset(language.strip() for language in named.split(",")),
            prefixes={one: loading.metadata(model, f"kefu.prefix.{one}") or "" for one in purposes},
            revision=loading.metadata(model, "kefu.revision") or "",
            answers=None
            if head is None
            else AnswerHead(tuple(map(float, head["weight"])), float(head["bias"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path}: kefu.answers is not understood: {error!r}") from None


class _Job:
    """Texts that were handed in together."""

    def __init__(self, texts: Sequence[str], dimension: int, outlet: Outlet[Vectors]) -> None:
        self.texts = texts
        self.outlet = outlet
        self.vectors: Vectors = np.empty((len(texts), dimension), dtype=np.float32)
        self.missing = len(texts)
        self.next = 0
        """The first text that was not taken yet."""
        self.tokens: list[int] | None = None
        """Of that text, where they are known already."""
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def finish(self) -> None:
        if not self.cancelled:
            self.outlet.put(self.vectors)
        self.outlet.end()

    def fail(self, error: Exception) -> None:
        self.cancelled = True
        self.outlet.fail(error)


class Encoder(VectorModel):
    """Made by `load`."""

    def __init__(self, path: Path, thread: EngineThread, settings: EngineSettings) -> None:
        self._thread = thread
        self._model = loading.open_model(path, gpu_layers=settings.gpu_layers)
        self._vocabulary = Vocabulary(self._model)
        self.window: int = llama_cpp.llama_model_n_ctx_train(self._model) or _BATCH
        """Tokens of a text; what is longer is cut."""
        self.dimension: int = llama_cpp.llama_model_n_embd_out(self._model)
        self.info = _info(self._model, path)
        self._room = max(_BATCH, self.window)
        self._together = _BATCH if llama_cpp.llama_supports_gpu_offload() else _BATCH_ON_CPU
        self._batch = Batch(self._room)
        self._context = self._opened_context(path, settings)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._lock = threading.Lock()
        self._open = True
        self._jobs: deque[_Job] = deque()
        self._worker = Worker(
            thread, step=self._step, has_work=lambda: bool(self._jobs), give_up=self._give_up
        )
        self._vectors([self._tokens("warm up")])
        thread.keep(self._free)

    @classmethod
    def load(cls, path: Path, thread: EngineThread, settings: EngineSettings) -> Encoder:
        """Blocks until the model is loaded and warm. Raise ModelFileError."""
        return thread.run(lambda: cls(path, thread, settings))

    def close(self) -> None:
        self._thread.release(self._free)

    def hand_in(self, texts: Sequence[str], outlet: Outlet[Vectors]) -> Cancellable:
        job = _Job(texts, self.dimension, outlet)
        with self._lock:
            if not self._open:
                raise EngineClosed("the encoder was closed; load it again")
            self._jobs.append(job)
        self._worker.wake()
        return job

    def _step(self) -> None:
        """One call to llama.cpp, with texts of all jobs in turn: a burst of messages goes together,
        and a question does not wait for a whole knowledge base."""
        batch: list[tuple[_Job, int, list[int]]] = []
        room = self._together
        resting: list[_Job] = []
        while self._jobs and len(batch) < _SEQUENCES:
            job = self._jobs.popleft()
            if job.cancelled or not job.texts:
                job.finish()
                continue
            tokens = job.tokens or self._tokens(job.texts[job.next])
            if batch and len(tokens) > room:
                job.tokens = tokens
                resting.append(job)
                break
            batch.append((job, job.next, tokens))
            room -= len(tokens)
            job.next, job.tokens = job.next + 1, None
            if job.next < len(job.texts):
                self._jobs.append(job)
        self._jobs.extendleft(resting)
        if batch:
            self._encode(batch)

    def _encode(self, batch: Sequence[tuple[_Job, int, list[int]]]) -> None:
        try:
            vectors = self._vectors([tokens for _, _, tokens in batch])
        except ModelError as error:
            jobs = {id(job): job for job, _, _ in batch}.values()
            for job in jobs:  # one by one, to see whose fault it is
                if len(jobs) > 1:
                    self._encode([one for one in batch if one[0] is job])
                else:
                    job.fail(error)
            return
        for (job, place, _), vector in zip(batch, vectors, strict=True):
            job.vectors[place] = vector
            job.missing -= 1
            if not job.missing:
                job.finish()

    def _give_up(self, error: Exception) -> None:
        while self._jobs:
            self._jobs.popleft().fail(error)

    def _tokens(self, text: str) -> list[int]:
        """Cut to the window; the token that ends a text ([SEP]) stays at the end."""
        head = text[: self.window * _CHARACTERS_PER_TOKEN].encode("utf-8", "replace")
        tokens = self._vocabulary.tokenize(head, special=False, add_special=True)
        if len(tokens) > self.window:
            tokens = [*tokens[: self.window - 1], tokens[-1]]
        return tokens or [max(0, self._vocabulary.bos)]

    def _vectors(self, batch: Sequence[list[int]]) -> Vectors:
        """One call to llama.cpp, each text a sequence of its own."""
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
        threads = system.threads_of(settings)
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
        with self._lock:
            self._open = False
        self._give_up(EngineClosed("the encoder was closed; load it again"))
        self._vocabulary.close()
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)
