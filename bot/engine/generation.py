"""One request on its way through the engine, from its place in the line to its last word."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Protocol

from bot.engine.cache import Slot
from bot.engine.choice import Choice
from bot.engine.lookup import Lookup, Trust
from bot.engine.reply_text import ReplyText
from bot.engine.request import Chosen, Finished, Queued, Request, Said, Written
from bot.engine.sampling import Sampler, logits_of
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
        """Tokens of the reply that were sampled."""
        self.replied = 0
        """Those and the tokens of fixed parts."""
        self._outlet = outlet
        self._canceller = canceller
        self._text = ReplyText(request.stop)
        self._parts = deque(request.outline)
        self._sampler: Sampler | None = None
        self._choice: Choice | None = None
        self._chosen: list[Mapping[str, float]] = []
        self._lookup: Lookup | None = None
        self._drafter: Sampler | None = None
        """Of the part of the reply that the last draft belongs to."""
        self._drafted = self._accepted = 0
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

    def begin(
        self,
        slot: Slot,
        vocabulary: Vocabulary,
        *,
        reused: int,
        window: int,
        trust: Trust,
        cut: Callable[[Slot, int], None],
    ) -> None:
        """`slot` holds the prompt, the first `reused` tokens of it decoded; `trust` says how much
        is guessed; `cut` makes its KV cache forget what is beyond a length. Raise ModelError."""
        self.slot, self._vocabulary, self._window, self._cut = slot, vocabulary, window, cut
        self._reused, self._prompt, self._lookup = reused, len(slot.tokens), Lookup(trust)
        self._began_at = perf_counter()
        if not self._parts:
            self._parts.append(Written(self.request.sampling.gbnf))
        self._next_part()

    @property
    def has_begun(self) -> bool:
        return bool(self._began_at)

    @property
    def is_writing(self) -> bool:
        """All is decoded but the last token of a reply that has begun."""
        slot = self.slot
        return slot is not None and self.replied > 0 and slot.decoded >= len(slot.tokens) - 1

    def seconds(self, now: float) -> float:
        """Since it left the queue."""
        return now - self._began_at if self._began_at else 0.0

    @property
    def is_sampling(self) -> bool:
        """The model chooses freely what follows the one token that is not decoded."""
        return self._sampler is not None and self._choice is None and self.is_writing

    def draft(self) -> list[int]:
        """Tokens that may follow, none of them beyond a limit."""
        slot = self.slot
        if self._lookup is None or slot is None or not self.is_sampling:
            return []
        self._drafter = self._sampler
        room = min(self.request.max_tokens - self.written - 1, self._window - len(slot.tokens))
        return self._lookup.draft(slot.tokens, room)

    def confirm(self, draft: Sequence[int], context: object, row: int) -> None:
        """`draft` was decoded behind the token of `row`: say of it what the model would have said,
        and what it says in place of the first that it would not."""
        slot = self.slot
        assert slot is not None
        self._drafted += len(draft)
        accepted = 0
        for guess in draft:
            if self.is_over or self._sampler is not self._drafter or slot.tokens[-1] != guess:
                break  # the next part of an outline may have cut the draft off
            accepted += 1
            self._accepted += 1
            slot.decoded += 1
            self.advance(self.sample(context, row + accepted), context, row + accepted)
        if self._lookup is not None:
            self._lookup.learn(len(draft), accepted)
        self._cut(slot, slot.decoded)

    def sample(self, context: object, row: int) -> int | None:
        """The next token by the logits of `row`, for `advance`."""
        if self._sampler is None:
            return None
        token = self._sampler.sample(context, row)
        if token is not None:
            self._vocabulary.look_up(token)
        return token

    def advance(self, token: int | None, context: object, row: int) -> None:
        """Say the text of `token`, which was sampled from `row`, or go on to what follows it."""
        self._prefilled_at = self._prefilled_at or perf_counter()
        while token is None or self._vocabulary.is_end(token):
            if self._choice is not None:
                self._choose(self._choice, context, row)
            else:
                self._next_part()
            if self.is_over or self._waits_for_logits:
                return
            token = self.sample(context, row)
        assert self._sampler is not None
        self.written += 1
        self._say(token)
        if self._text.stopped:
            self._finish("stop")
        elif self.written >= self.request.max_tokens or self._is_full:
            self._finish("length")
        else:
            self._sampler.accept(token)

    def _choose(self, choice: Choice, context: object, row: int) -> None:
        """Try the next beginning of a label, or say the likeliest."""
        slot = self.slot
        assert slot is not None
        prefix = choice.feed(logits_of(context, row, self._vocabulary.size))
        kept = choice.base + (len(prefix) - 1 if prefix else 0)
        del slot.tokens[kept:]
        self._cut(slot, kept)
        if prefix:
            slot.tokens.append(prefix[-1])
            return
        self._choice = None
        found = choice.probabilities()
        self._chosen.append(found)
        for token in choice.tokens(max(found, key=lambda label: found[label])):
            self._say(token, given=True)
        self._next_part()

    def _next_part(self) -> None:
        """Fixed parts up to the next that is written or chosen; their tokens wait to be decoded."""
        self._close_sampler()
        while self._parts:
            part = self._parts.popleft()
            if isinstance(part, Written):
                sampling = replace(self.request.sampling, grammar=part.grammar, json_schema=None)
                self._sampler = Sampler(sampling, self._vocabulary)
                return
            if isinstance(part, Chosen):
                self._begin_choice(part)
                return
            for token in self._vocabulary.tokenize(part.text.encode(), special=False):
                self._say(token, given=True)
                if self._text.stopped or self._is_full:
                    self._finish("stop" if self._text.stopped else "length")
                    return
        self._finish("stop")

    def _begin_choice(self, part: Chosen) -> None:
        assert self.slot is not None
        labels = {
            label: self._vocabulary.tokenize(label.encode(), special=False) for label in part.labels
        }
        choice = Choice(labels, len(self.slot.tokens))
        if choice.base + choice.longest >= self._window:
            self._finish("length")
        else:
            self._choice = choice

    def _say(self, token: int, *, given: bool = False) -> None:
        """`given`: the request's own text, not the model's."""
        assert self.slot is not None
        piece = self._vocabulary.piece(token)
        self.slot.add_reply(token, piece, control=self._vocabulary.is_control(token))
        self.replied += 1
        if shown := self._text.add(piece, given=given):
            self._first_at = self._first_at or perf_counter()
            self._outlet.put(shown)

    @property
    def _waits_for_logits(self) -> bool:
        assert self.slot is not None
        return self.slot.decoded < len(self.slot.tokens)

    @property
    def _is_full(self) -> bool:
        assert self.slot is not None
        return len(self.slot.tokens) >= self._window

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
            reply_tokens=self.replied,
            prompt_ms=1000 * (self._prefilled_at - self._began_at) if self._prefilled_at else 0.0,
            first_token_ms=1000 * ((self._first_at or now) - self.asked_at),
            tokens_per_second=self._per_second(now),
            drafted_tokens=self._drafted,
            accepted_tokens=self._accepted,
            choices=tuple(self._chosen),
        )
        self._outlet.put(finished)
        self._outlet.end()
        self._close()

    def _per_second(self, now: float) -> float:
        """Of all tokens of the reply, fixed ones included, from the end of the prompt on."""
        if not self._prefilled_at:
            return 0.0
        return self.replied / max(now - self._prefilled_at, 1e-6)

    def _close(self) -> None:
        self.is_over = True
        self._close_sampler()

    def _close_sampler(self) -> None:
        if self._sampler is not None:
            self._sampler.close()
            self._sampler = None
