"""What this machine makes of a model: many conversations at once, and one against a bare loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import llama_cpp

from bot.engine import loading, system
from bot.engine.language_model import LanguageModel
from bot.engine.modes import Modes
from bot.engine.prompt import Prompt
from bot.engine.request import Finished, Request
from bot.engine.sampling import Sampling
from bot.engine.template import ChatTurn
from bot.engine.thread import EngineThread
from bot.errors import UsageError

_SYSTEM, _PROMPT, _REPLY = 400, 60, 64
"""Tokens: of the system's text that all share, and of a turn's new prompt and reply."""
_SHARE_OF_SYSTEM = 1 / 3
"""Of the window at most, for the system's text."""
_ROUNDS = 3
_WORDS = ["order", "return", "parcel", "shoe", "refund", "delivery", "lamp", "card", "invoice"]


@dataclass(frozen=True, slots=True)
class Quantiles:
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    model: str
    conversations: int
    turns: int
    threads: int
    modes: Modes
    tokens_per_second: float
    """Of the replies of all conversations together, prompts included in the time."""
    first_token_ms: Quantiles
    """From the request to the first text, of all turns of all conversations."""
    prefill_tokens_per_second: float
    """One prompt alone; the median of three, as the next two are, measured in turns."""
    decode_tokens_per_second: float
    """One reply alone."""
    bare_tokens_per_second: float
    """A bare llama.cpp loop: decode, take the likeliest token, decode."""
    of_raw_decode: float
    """One reply against the bare loop: the quotient of the two before."""
    memory_megabytes: float
    """The most that the process held; 0 where the system does not say."""


def measure(
    model: LanguageModel, thread: EngineThread, *, conversations: int, turns: int
) -> Benchmark:
    """Takes seconds with a small model, minutes with a large one. Raise UsageError where the
    window does not hold so many turns."""
    needed = _system_tokens(model) + turns * (_PROMPT + _REPLY)
    if needed > model.info.context * 0.95:
        raise UsageError(
            f"{turns} turns need about {needed} tokens, and a conversation has "
            f"{model.info.context}; ask for fewer, or raise engine.context"
        )
    bare = thread.run(
        lambda: BareLoop(model.info.path, system.threads_of(model.settings), model.modes)
    )
    try:
        alone = [_alone(model, thread, bare, number) for number in range(_ROUNDS)]
    finally:
        thread.run(bare.free)
    seconds, first = asyncio.run(_together(model, conversations, turns))
    decode, raw = median(one.decode for one in alone), median(one.bare for one in alone)
    return Benchmark(
        model=model.info.name,
        conversations=conversations,
        turns=turns,
        threads=system.threads_of(model.settings),
        modes=model.modes,
        tokens_per_second=round(conversations * turns * _REPLY / seconds, 1),
        first_token_ms=Quantiles(round(quantile(first, 0.5), 1), round(quantile(first, 0.95), 1)),
        prefill_tokens_per_second=round(median(one.prefill for one in alone), 1),
        decode_tokens_per_second=round(decode, 1),
        bare_tokens_per_second=round(raw, 1),
        of_raw_decode=round(decode / raw, 3),
        memory_megabytes=round(system.peak_memory() / 1e6, 1),
    )


class BareLoop:
    """Nothing but llama.cpp, in a context of its own. On the engine thread."""

    def __init__(self, path: Path, threads: int, modes: Modes) -> None:
        self._model = loading.open_model(path)
        context = llama_cpp.llama_context_default_params()
        context.n_ctx, context.flash_attn_type = 1024, int(modes.flash_attention)
        context.n_threads = context.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, context)
        chain = llama_cpp.llama_sampler_chain_default_params()
        self._sampler = llama_cpp.llama_sampler_chain_init(chain)
        llama_cpp.llama_sampler_chain_add(self._sampler, llama_cpp.llama_sampler_init_greedy())

    def tokens_per_second(self, prompt: list[int], tokens: int) -> float:
        llama_cpp.llama_memory_clear(
            llama_cpp.llama_get_memory(self._context),
            False,  # noqa: FBT003
        )
        given = (llama_cpp.llama_token * len(prompt))(*prompt)
        llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(given, len(prompt)))
        token = (llama_cpp.llama_token * 1)()
        began = perf_counter()
        for _ in range(tokens):
            token[0] = llama_cpp.llama_sampler_sample(self._sampler, self._context, -1)
            llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(token, 1))
        return tokens / (perf_counter() - began)

    def free(self) -> None:
        llama_cpp.llama_sampler_free(self._sampler)
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)


def text_of(tokens: int, seed: str, count: Callable[[str], int]) -> str:
    """A text of about so many tokens that no other seed has."""
    words = [f"About {seed}:"]
    number = sum(seed.encode())
    while count(" ".join(words)) < tokens:
        number = (number * 31 + 7) % 1_000_003
        words.append(_WORDS[number % len(_WORDS)])
    return " ".join(words)


@dataclass(frozen=True, slots=True)
class _Alone:
    prefill: float
    decode: float
    bare: float


def _alone(model: LanguageModel, thread: EngineThread, bare: BareLoop, number: int) -> _Alone:
    prompt = text_of(_PROMPT, f"round {number}", _counter(model))
    tokens = model.vocabulary.tokenize(prompt.encode(), special=False)
    theirs = thread.run(lambda: bare.tokens_per_second(tokens, _REPLY))
    request = _request(model, model.render([ChatTurn("user", prompt)]), f"alone {number}")
    *_, finished = model.generate(request)
    assert isinstance(finished, Finished)
    decoded = finished.prompt_tokens - finished.reused_tokens
    return _Alone(1000 * decoded / finished.prompt_ms, finished.tokens_per_second, theirs)


async def _together(
    model: LanguageModel, conversations: int, turns: int
) -> tuple[float, list[float]]:
    """The seconds of all, and the milliseconds to the first text of each turn."""
    count = _counter(model)
    system = ChatTurn("system", text_of(_system_tokens(model), "all of us", count))
    asked = [
        [text_of(_PROMPT, f"{number}.{turn}", count) for turn in range(turns)]
        for number in range(conversations)
    ]
    first: list[float] = []

    async def converse(number: int) -> None:
        history = [system]
        for question in asked[number]:
            history.append(ChatTurn("user", question))
            request = _request(model, model.render(history), f"bench {number}")
            said = [one async for one in model.agenerate(request)]
            finished = said[-1]
            assert isinstance(finished, Finished)
            first.append(finished.first_token_ms)
            text = "".join(one for one in said if isinstance(one, str))
            history.append(ChatTurn("assistant", text))

    began = perf_counter()
    await asyncio.gather(*(converse(number) for number in range(conversations)))
    return perf_counter() - began, first


def _request(model: LanguageModel, prompt: Prompt, conversation: str) -> Request:
    """Whose reply has just so many tokens."""
    endless = dict.fromkeys(model.vocabulary.ends, -math.inf)
    sampling = Sampling(temperature=0, logit_bias=endless)
    return Request(prompt, sampling, _REPLY, conversation=conversation)


def _system_tokens(model: LanguageModel) -> int:
    return min(_SYSTEM, int(model.info.context * _SHARE_OF_SYSTEM))


def _counter(model: LanguageModel) -> Callable[[str], int]:
    return lambda text: len(model.vocabulary.tokenize(text.encode(), special=False))


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
