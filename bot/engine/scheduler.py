"""Continuous batching: all conversations that write are decoded together, one step at a time.

A step takes one token of every reply that is being written, then prompt tokens up to a budget, so
that an arrival stalls no stream. Requests join and leave between steps.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from time import perf_counter

from bot.engine.context import CHUNK, DecodingContext, Interrupted, Part
from bot.engine.generation import Generation
from bot.engine.interrupt import Interrupt
from bot.engine.lookup import Trust
from bot.engine.memory import ConversationMemory
from bot.engine.vocabulary import Vocabulary
from bot.engine.waiting import WaitingLine
from bot.errors import EngineBusy, EngineClosed, ModelError
from bot.settings import EngineSettings

STALL = 0.5
"""Seconds for which prompt tokens may hold up the replies that are being written, in one step. It
is long because short pieces cost more: with 0.2, a 0.5B model on two cores read 30 tokens at a
time, was a fifth slower in all, and its later turns began after twice the time."""
_LONGEST = 5.0
"""Seconds of a step that holds up nobody: a slow machine, too, is to give signs of life."""
_SMALLEST = 32
"""Prompt tokens of a step, however slow they are."""


class Scheduler:
    """`submit` and `cancel` from any thread, all else on the engine thread."""

    def __init__(
        self,
        context: DecodingContext,
        memory: ConversationMemory,
        vocabulary: Vocabulary,
        interrupt: Interrupt,
        *,
        window: int,
        limits: EngineSettings,
    ) -> None:
        self._context = context
        self._memory = memory
        self._vocabulary = vocabulary
        self._interrupt = interrupt
        self._window = window
        self._limits = limits
        self._lock = threading.Lock()
        self._arrived: deque[Generation] = deque()
        self._waiting: WaitingLine[Generation] = WaitingLine()
        self._running: list[Generation] = []
        self._reading: frozenset[Generation] = frozenset()
        """Whose prompts are part of the step that is being decoded."""
        self._changed = False
        """Somebody was cancelled."""
        self._pending = _Pending()
        self._line_moved = False
        self._closed = False
        self._trust = Trust(limits.drafts)
        self._rate = context.first_rate
        """Tokens a second, by what the last step with a prompt took."""

    # --- from any thread

    def submit(self, generation: Generation, tokens: int) -> None:
        """`tokens` of its prompt. Raise EngineBusy or EngineClosed."""
        with self._lock:
            if self._closed:
                raise EngineClosed("the model was closed; load it again")
            self._pending.admit(tokens, self._limits)
            generation.prompt_tokens = tokens
            self._arrived.append(generation)

    def cancel(self, generation: Generation) -> None:
        """A prompt that is being decoded is broken off; the others of that step begin it anew."""
        with self._lock:
            generation.cancelled = self._changed = True
            if generation in self._reading:
                self._interrupt.set()

    def has_work(self) -> bool:
        return bool(self._arrived or self._waiting or self._running)

    # --- on the engine thread

    def step(self) -> None:
        self._let_go()
        self._admit()
        generations, parts = self._planned()
        if not parts:
            return
        reading = frozenset(g for g in generations if not g.is_writing)
        with self._lock:
            self._reading = reading
        began = perf_counter()
        try:
            self._context.decode(parts)
        except Interrupted:  # whoever was cancelled goes before the next step
            self._undo(generations)
            return
        except ModelError as error:
            self._undo(generations)
            self._decode_apart(generations, parts, error)
            return
        finally:
            with self._lock:
                self._reading = frozenset()
        if reading:
            self._rate = sum(len(part.tokens) for part in parts) / (perf_counter() - began)
        self._advance(generations, parts)

    def give_up(self, error: Exception) -> None:
        """Fail all that is running or waiting."""
        self._take_in()
        waiting = self._waiting.remove(lambda _: True)
        for generation in waiting:
            self._left(generation)
        for generation in [*self._running, *waiting]:
            if not generation.is_over:
                generation.fail(error)
        for slot in self._memory.slots:
            slot.busy = False
        self._running.clear()

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self.give_up(EngineClosed("the model was closed; load it again"))

    def _take_in(self) -> bool:
        """Whether somebody was cancelled since the last time; who was has been taken in."""
        with self._lock:
            while self._arrived:
                self._line_moved = True
                self._waiting.add(self._arrived.popleft())
            changed, self._changed = self._changed, False
            return changed

    def _let_go(self) -> None:
        """Of those that were cancelled, and of those that take too long."""
        if self._take_in():
            for generation in self._waiting.remove(lambda g: g.cancelled):
                self._left(generation)
                generation.end()
            for generation in self._running:
                if generation.cancelled:
                    generation.end()
        now = perf_counter()
        for generation in self._running:
            if not generation.is_over and generation.seconds(now) > self._limits.max_seconds:
                generation.run_out_of_time()
        self._sweep()

    def _sweep(self) -> None:
        """Free the sequences of those that are over."""
        for generation in self._running:
            if generation.is_over and generation.slot is not None:
                self._memory.release(generation.slot)
        self._running = [g for g in self._running if not g.is_over]

    def _admit(self) -> None:
        while len(self._waiting):
            generation = self._waiting.take(
                lambda g: self._memory.can_acquire(g.request.conversation)
            )
            if generation is None:
                break
            self._left(generation)
            generation.slot = self._memory.acquire(generation.request.conversation)
            self._running.append(generation)
        if self._line_moved:
            self._line_moved = False
            for place, generation in enumerate(self._waiting.in_order(), start=1):
                generation.tell_place(place)

    def _left(self, generation: Generation) -> None:
        self._line_moved = True
        with self._lock:
            self._pending.leave(generation.prompt_tokens)

    def _planned(self) -> tuple[list[Generation], list[Part]]:
        """The tokens of the next step, by sequence: neighbours share a micro-batch."""
        planned: list[tuple[Generation, Part]] = []
        seconds = STALL if any(g.is_writing for g in self._running) else _LONGEST
        budget = max(_SMALLEST, min(CHUNK, int(seconds * self._rate)))
        reading = sorted(
            (g for g in self._running if not g.is_writing), key=lambda g: g.request.priority
        )
        for generation in reading:
            if budget and self._has_begun(generation):
                part = _next_part(generation, budget)
                budget -= len(part.tokens)
                planned.append((generation, part))
        writing = [g for g in self._running if g.is_writing]
        is_alone = not planned and len(writing) == 1
        planned += [(g, _next_part(g, 1, g.draft() if is_alone else ())) for g in writing]
        self._sweep()
        planned.sort(key=lambda pair: pair[1].sequence)
        return [generation for generation, _ in planned], [part for _, part in planned]

    def _has_begun(self, generation: Generation) -> bool:
        """Begin it, at the latest moment: what others decoded meanwhile need not be decoded."""
        if generation.has_begun:
            return True
        slot = generation.slot
        assert slot is not None
        if self._memory.is_being_decoded(slot, generation.request.prompt):
            return False  # it is copied at the next step
        reused = self._memory.take_up(slot, generation.request.prompt)
        if len(slot.tokens) >= self._window:  # a reply that a grammar forced is split finely
            self._memory.forget(slot)
            reused = self._memory.take_up(slot, generation.request.prompt)
        try:
            generation.begin(
                slot,
                self._vocabulary,
                reused=reused,
                window=self._window,
                trust=self._trust,
                cut=self._memory.cut,
            )
        except ModelError as error:  # a grammar that is none
            generation.fail(error)
        return not generation.is_over

    def _advance(self, generations: Sequence[Generation], parts: Sequence[Part]) -> None:
        """All are sampled before the first reader is woken: it would take the interpreter's lock
        from us at the next row."""
        row = -1
        context = self._context.pointer
        sampled: list[tuple[Generation, int | None, int, Sequence[int]]] = []
        for generation, part in zip(generations, parts, strict=True):
            draft = part.tokens[len(part.tokens) - part.outputs + 1 :] if part.outputs else ()
            row += len(part.tokens) - len(draft)
            slot = generation.slot
            assert slot is not None
            slot.decoded += len(part.tokens) - len(draft)
            if generation.cancelled and draft:
                self._memory.cut(slot, slot.decoded)
            elif part.outputs and not generation.cancelled:
                sampled.append((generation, generation.sample(context, row), row, draft))
            row += len(draft)
        for generation, token, row, draft in sampled:
            try:
                generation.advance(token, context, row)
                if draft:
                    generation.confirm(draft, context, row)
            except ModelError as error:  # a grammar further on in its outline
                generation.fail(error)
        self._sweep()

    def _undo(self, generations: Sequence[Generation]) -> None:
        """Of a step that was broken off, some micro-batches may be done."""
        for generation in generations:
            assert generation.slot is not None
            self._memory.cut(generation.slot, generation.slot.decoded)

    def _decode_apart(
        self, generations: Sequence[Generation], parts: Sequence[Part], error: ModelError
    ) -> None:
        """The step failed: one by one, to see whose fault it is."""
        for generation, part in zip(generations, parts, strict=True):
            try:
                if len(parts) == 1:
                    raise error
                self._context.decode([part])
            except Interrupted:
                self._undo([generation])
            except ModelError as own:
                generation.fail(own)
                assert generation.slot is not None
                self._memory.forget(generation.slot)
            else:
                self._advance([generation], [part])
        self._sweep()


class _Pending:
    """How much waits, for the limits."""

    def __init__(self) -> None:
        self.requests = self.tokens = 0

    def admit(self, tokens: int, limits: EngineSettings) -> None:
        if self.requests >= limits.waiting:
            raise EngineBusy(
                f"{self.requests} requests wait already, as many as engine.waiting allows; "
                "ask again in a moment"
            )
        if self.requests and self.tokens + tokens > limits.waiting_tokens:
            raise EngineBusy(
                f"{self.tokens:,} prompt tokens wait already, and {tokens:,} more would be beyond "
                f"engine.waiting_tokens = {limits.waiting_tokens:,}; ask again in a moment"
            )
        self.requests += 1
        self.tokens += tokens

    def leave(self, tokens: int) -> None:
        self.requests -= 1
        self.tokens -= tokens


def _next_part(generation: Generation, budget: int, draft: Sequence[int] = ()) -> Part:
    slot = generation.slot
    assert slot is not None
    tokens = slot.tokens[slot.decoded : slot.decoded + budget]
    is_last = slot.decoded + len(tokens) == len(slot.tokens)
    return Part(slot.sequence, slot.decoded, [*tokens, *draft], len(draft) + is_last)
