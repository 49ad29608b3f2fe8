"""One request on its way through the engine, from its place in the line to its last word."""

from __future__ import annotations

from time import perf_counter
from typing import Protocol

from bot.engine.cache import Slot
from bot.engine.reply_text import ReplyText
from bot.engine.request import Finished, Queued, Request, Said
from bot.engine.sampling import Sampler
from bot.engine.stream import Outlet
from bot.engine.vocabulary import Vocabulary


class Canceller(Protocol):
    def cancel(self, generation: Generation) -> None: ...


class Generation:
    """On the engine thread, but for `cancel`."""

    def __init__(self, request: Request, outlet: Outlet[Said], canceller: Canceller) -> None:
        self.request = request
        self.cancelled = False
        self.slot: Slot | None = None
        self.is_over = False
        self.asked_at = perf_counter()
        self.prompt_tokens = 0
        """As counted when it was handed in."""
        self.written = 0
        """Tokens of the reply."""
        self._outlet = outlet
        self._canceller = canceller
        self._text = ReplyText(request.stop)
        self._sampler: Sampler | None = None
        self._place = 0
        self._reused = self._prompt = 0
        self._began_at = self._prefilled_at = self._first_at = 0.0

    def cancel(self) -> None:
        """From any thread. The sequence is free again before the next step."""
        self._canceller.cancel(self)

    def tell_place(self, place: int) -> None:
        if place != self._place:
            self._place = place
            self._outlet.put(Queued(place))

    def begin(self, slot: Slot, sampler: Sampler, *, reused: int, room: int) -> None:
        """`slot` holds the prompt, the first `reused` tokens of it decoded; `room` tokens of
        a reply fit behind it."""
        self.slot, self._sampler = slot, sampler
        self._reused, self._prompt = reused, len(slot.tokens)
        self._room = min(self.request.max_tokens, room)
        self._began_at = perf_counter()

    @property
    def has_begun(self) -> bool:
        return self._sampler is not None

    @property
    def is_writing(self) -> bool:
        """All is decoded but the last token of a reply that has begun."""
        slot = self.slot
        return slot is not None and self.written > 0 and slot.decoded >= len(slot.tokens) - 1

    def seconds(self, now: float) -> float:
        """Since it left the queue."""
        return now - self._began_at if self._began_at else 0.0

    def advance(self, context: object, row: int, vocabulary: Vocabulary) -> None:
        """Choose the next token by the logits of `row`, and say its text."""
        assert self.slot is not None
        assert self._sampler is not None
        if not self.written:
            self._prefilled_at = perf_counter()
        token = self._sampler.sample(context, row)
        if token is None or vocabulary.is_end(token):
            self._finish("stop")
            return
        piece = vocabulary.piece(token)
        self.slot.add_reply(token, piece, control=vocabulary.is_control(token))
        self.written += 1
        if shown := self._text.add(piece):
            self._first_at = self._first_at or perf_counter()
            self._outlet.put(shown)
        if self._text.stopped or self.written >= self._room:
            self._finish("stop" if self._text.stopped else "length")
            return
        self._sampler.accept(token)

    def run_out_of_time(self) -> None:
        self._finish("time")

    def fail(self, error: BaseException) -> None:
        self._outlet.fail(error)
        self._close()

    def end(self) -> None:
        """Without another word: it was cancelled."""
        self._outlet.end()
        self._close()

    def _finish(self, reason: str) -> None:
        if rest := self._text.rest():
            self._first_at = self._first_at or perf_counter()
            self._outlet.put(rest)
        now = perf_counter()
        finished = Finished(
            reason=reason,
            prompt_tokens=self._prompt,
            reused_tokens=self._reused,
            reply_tokens=self.written,
            prompt_ms=1000 * (self._prefilled_at - self._began_at) if self._prefilled_at else 0.0,
            first_token_ms=1000 * ((self._first_at or now) - self.asked_at),
            tokens_per_second=self.written / max(now - (self._prefilled_at or now), 1e-6),
        )
        self._outlet.put(finished)
        self._outlet.end()
        self._close()

    def _close(self) -> None:
        self.is_over = True
        if self._sampler is not None:
            self._sampler.close()
            self._sampler = None
