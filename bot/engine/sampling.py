"""Choosing the next token."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from bot.engine import log
from bot.engine.vocabulary import Vocabulary
from bot.errors import ModelError

Logits: TypeAlias = NDArray[np.float32]

_REPEAT_WINDOW = 64
_NO_PENALTIES = (1.0, 0.0, 0.0)
_MANY = 16_384
"""Tokens of a vocabulary from which on a list of them all costs more than looking for the few."""
_COLUMN = 64
"""Logits that are looked at together where the largest are sought."""
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


@dataclass(frozen=True, slots=True)
class Sampling:
    temperature: float = 0.3
    """0 always takes the likeliest token."""
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    """Of the last 64 tokens of the reply; 1 is none."""
    frequency_penalty: float = 0.0
    """Taken from a token's logit for each time it is among the last 64; 0 is none."""
    presence_penalty: float = 0.0
    """Taken once from the logit of a token that is among the last 64; 0 is none."""
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    """Added to the logits of tokens; -inf forbids one."""
    seed: int = 0
    grammar: str | None = None
    """GBNF with a rule named `root`."""
    json_schema: str | None = None
    """A JSON Schema that the reply follows, in place of a grammar."""

    @property
    def penalties(self) -> tuple[float, float, float]:
        """As llama.cpp takes them: for repetition, frequency and presence."""
        return self.repeat_penalty, self.frequency_penalty, self.presence_penalty

    @property
    def gbnf(self) -> str | None:
        """Raise ModelError where the schema is none."""
        if self.json_schema is None:
            return self.grammar
        if self.grammar is not None:
            raise ModelError("a grammar and a JSON schema were given; give one of the two")
        return _schema_grammar(self.json_schema)


class Sampler:
    """llama.cpp's samplers in a chain. On the engine thread only; `close` frees them."""

    def __init__(self, sampling: Sampling, vocabulary: Vocabulary) -> None:
        self._size = vocabulary.size
        self._biased, self._biases = _biases(sampling.logit_bias, vocabulary.size)
        grammar = sampling.gbnf
        self._grammar = _grammar(grammar, vocabulary) if grammar else None
        self._chain = _chain(sampling, vocabulary)
        self._remembers = sampling.penalties != _NO_PENALTIES
        self._is_greedy = sampling.temperature <= 0 and not self._remembers
        self._few = (
            not self._remembers and self._size >= _MANY and 0 < sampling.top_k <= _MANY // _COLUMN
        )
        """Whether no more tokens than `top_k` matter, and they are worth looking for."""
        self._top_k = sampling.top_k
        self._all: np.ndarray[Any, Any] | None = None
        self._single = np.zeros(1, dtype=_CANDIDATE)

    def sample(self, context: Any, row: int) -> int | None:
        """A token by the logits of the `row`th token of the step that was just decoded; None
        where the grammar allows none.

        The chain's favourite is tried on the grammar alone, which takes microseconds; only when it
        is refused is the whole vocabulary masked (14 ms for 152,000 tokens).
        """
        logits = logits_of(context, row, self._size)
        before = logits[self._biased]
        logits[self._biased] += self._biases
        try:
            if self._is_plain:
                return int(llama_cpp.llama_sampler_sample(self._chain, context, row))
            token: int | None = self._favourite(logits)
            if self._grammar is not None and not self._allowed(token):
                token = self._allowed_one(logits)
        finally:
            logits[self._biased] = before
        if token is not None and self._remembers:
            llama_cpp.llama_sampler_accept(self._chain, token)
        return token

    @property
    def _is_plain(self) -> bool:
        """llama.cpp does it all by itself, and is the quickest for a small vocabulary."""
        return self._grammar is None and not (self._is_greedy or self._few)

    def accept(self, token: int) -> None:
        """Let the grammar go on past `token`. Not for tokens that end the reply."""
        if self._grammar is not None:
            llama_cpp.llama_sampler_accept(self._grammar, token)

    def close(self) -> None:
        for sampler in (self._chain, self._grammar):
            if sampler is not None:
                llama_cpp.llama_sampler_free(sampler)

    def _favourite(self, logits: Logits) -> int:
        """The chain's choice; a list of all candidates is made only where it needs one."""
        if self._is_greedy:
            return int(logits.argmax())
        if self._few and (places := _largest(logits, self._top_k)).size:
            return self._chosen(_candidates(places, logits))
        return self._chosen(self._listed(logits))  # of NaN, none is the largest

    def _allowed_one(self, logits: Logits) -> int | None:
        candidates = self._listed(logits)
        _apply(self._grammar, candidates)
        return self._chosen(candidates) if np.isfinite(candidates["logit"]).any() else None

    def _listed(self, logits: Logits) -> np.ndarray[Any, Any]:
        """All of them, in the one list that is kept for it."""
        if self._all is None:
            self._all, self._ids = np.zeros(self._size, dtype=_CANDIDATE), np.arange(self._size)
        self._all["id"], self._all["logit"] = self._ids, logits
        return self._all

    def _chosen(self, candidates: np.ndarray[Any, Any]) -> int:
        array = _apply(self._chain, candidates)
        return int(array.data[array.selected].id)

    def _allowed(self, token: int | None) -> bool:
        self._single["id"], self._single["logit"] = token, 1.0
        _apply(self._grammar, self._single)
        return bool(np.isfinite(self._single["logit"][0]))


def _largest(logits: Logits, count: int) -> NDArray[np.intp]:
    """Where the `count` largest are, and seldom many more.

    The logits are laid out in columns, and the `count`th largest of their maxima is a bound: so
    many are not below it. So 152,000 are read twice, and a few dozen go to the chain.
    """
    width = len(logits) // _COLUMN
    maxima = logits[: width * _COLUMN].reshape(_COLUMN, width).max(axis=0)
    bound = np.partition(maxima, width - count)[width - count]
    return np.flatnonzero(logits >= bound)


def _candidates(places: NDArray[np.intp], logits: Logits) -> np.ndarray[Any, Any]:
    candidates = np.zeros(len(places), dtype=_CANDIDATE)
    candidates["id"], candidates["logit"] = places, logits[places]
    return candidates


def _chain(sampling: Sampling, vocabulary: Vocabulary) -> Any:
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    links = []
    if sampling.penalties != _NO_PENALTIES:
        links.append(
            llama_cpp.llama_sampler_init_penalties(
                vocabulary.size, _REPEAT_WINDOW, *sampling.penalties
            )
        )
    if sampling.temperature <= 0:
        links.append(llama_cpp.llama_sampler_init_greedy())
    else:
        links += [
            llama_cpp.llama_sampler_init_top_k(sampling.top_k),
            llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1),
            llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1),
            llama_cpp.llama_sampler_init_temp(sampling.temperature),
            llama_cpp.llama_sampler_init_dist(sampling.seed % 2**32),
        ]
    for link in links:
        llama_cpp.llama_sampler_chain_add(chain, link)
    return chain


def _biases(biases: Mapping[int, float], size: int) -> tuple[NDArray[np.int64], Logits]:
    """Which tokens, and what is added to their logits."""
    if unknown := [token for token in biases if not 0 <= token < size]:
        raise ModelError(f"logit_bias names token {unknown[0]}; the model has {size} tokens")
    count = len(biases)
    return (
        np.fromiter(biases.keys(), dtype=np.int64, count=count),
        np.fromiter(biases.values(), dtype=np.float32, count=count),
    )


def _schema_grammar(schema: str) -> str:
    from llama_cpp.llama_grammar import json_schema_to_gbnf

    try:
        return str(json_schema_to_gbnf(schema))
    except Exception as error:  # the converter raises whatever a broken schema makes it raise
        shown = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"the JSON schema cannot be made a grammar: {shown}; mend it") from None


def _grammar(text: str, vocabulary: Vocabulary) -> Any:
    log.last_error()
    grammar = llama_cpp.llama_sampler_init_grammar(vocabulary.pointer, text.encode(), b"root")
    if not grammar:
        shown = text if len(text) <= 80 else text[:77] + "..."
        raise ModelError(f"the grammar {shown!r} is not GBNF: {log.last_error()}; mend its rules")
    return grammar


def _apply(sampler: Any, candidates: np.ndarray[Any, Any]) -> Any:
    data = candidates.ctypes.data_as(llama_cpp.llama_token_data_p)
    array = llama_cpp.llama_token_data_array(
        data=data, size=len(candidates), selected=-1, sorted=False
    )
    llama_cpp.llama_sampler_apply(sampler, ctypes.byref(array))
    return array


def logits_of(context: Any, row: int, size: int) -> Logits:
    """Of the `row`th token of the step that was just decoded; valid until the next."""
    first = llama_cpp.llama_get_logits_ith(context, row)
    values = (ctypes.c_float * size).from_address(ctypes.addressof(first.contents))
    return np.asarray(memoryview(values).cast("B").cast("f"))
