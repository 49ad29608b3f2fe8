"""Where each conversation's KV cache lies: in a sequence of the context, in RAM, or nowhere.

Nothing is forgotten for good: what is nowhere is decoded again from the prompt.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.engine.cache import Cut, Slot, SlotCache
from bot.engine.context import DecodingContext
from bot.engine.prompt import Prompt
from bot.engine.vocabulary import Vocabulary

WORTH_MOVING = 16
"""Tokens: a shorter text is decoded again sooner than it is copied."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A conversation in RAM, ready to be put into any sequence."""

    tokens: list[int]
    key: bytes
    cuts: list[Cut]
    state: NDArray[np.uint8]
    """As llama.cpp writes it."""


class Parking:
    """The least recently parked goes when `budget` bytes are full."""

    def __init__(self, budget: int) -> None:
        self.bytes = 0
        self._budget = budget
        self._parked: OrderedDict[str, Parked] = OrderedDict()

    def __len__(self) -> int:
        return len(self._parked)

    def has_room_for(self, size: int) -> bool:
        return size <= self._budget

    def put(self, conversation: str, parked: Parked) -> None:
        self.take(conversation)
        self._parked[conversation] = parked
        self.bytes += parked.state.nbytes
        while self.bytes > self._budget:
            _, dropped = self._parked.popitem(last=False)
            self.bytes -= dropped.state.nbytes

    def take(self, conversation: str) -> Parked | None:
        parked = self._parked.pop(conversation, None)
        if parked is not None:
            self.bytes -= parked.state.nbytes
        return parked


class ConversationMemory:
    """On the engine thread only."""

    def __init__(
        self, context: DecodingContext, vocabulary: Vocabulary, *, sequences: int, budget: int
    ) -> None:
        """`budget`: bytes of RAM for conversations that lost their sequence."""
        self.slots = SlotCache(sequences)
        self.parking = Parking(budget)
        self._context = context
        self._vocabulary = vocabulary

    def can_acquire(self, conversation: str) -> bool:
        return self.slots.find(conversation) is not None

    def acquire(self, conversation: str) -> Slot:
        """A sequence for it, with what is remembered of it. Only where `can_acquire`."""
        slot = self.slots.find(conversation)
        assert slot is not None
        if slot.conversation != conversation or not conversation:
            self._park(slot)
            if (parked := self.parking.take(conversation)) is not None:
                self._restore(slot, parked)
        self.slots.take(slot, conversation)
        return slot

    def is_being_decoded(self, slot: Slot, prompt: Prompt) -> bool:
        """Whether another sequence is about to have more of `prompt` than any has now."""
        now = max(_usable(other, prompt).tokens for other in self.slots)
        reading = [one for one in self.slots if one.busy and one.decoded < len(one.tokens) - 1]
        soon = (one.common_cut(prompt).tokens for one in reading if one is not slot)
        return max(soon, default=0) >= now + WORTH_MOVING

    def take_up(self, slot: Slot, prompt: Prompt) -> int:
        """Make the slot's tokens those of `prompt`; return how many of them need no decoding."""
        self._borrow(slot, prompt)
        slot.take_up(prompt, self._vocabulary)
        slot.decoded = max(0, min(slot.decoded, len(slot.tokens) - 1))  # the last gives the logits
        self.cut(slot, slot.decoded)
        return slot.decoded

    def cut(self, slot: Slot, length: int) -> None:
        """Keep `length` tokens; none where the model can only forget all."""
        slot.decoded = length if self._context.cut(slot.sequence, length) else 0

    def forget(self, slot: Slot) -> None:
        slot.forget()
        self._context.cut(slot.sequence, 0)

    def release(self, slot: Slot) -> None:
        self.slots.release(slot)

    def _park(self, slot: Slot) -> None:
        if not slot.conversation or slot.decoded < WORTH_MOVING:
            return
        size = self._context.state_size(slot.sequence)
        if self.parking.has_room_for(size):
            state = self._context.save(slot.sequence, size)
            held = slot.tokens[: slot.decoded]
            cuts = [cut for cut in slot.cuts if cut.tokens <= slot.decoded]
            self.parking.put(slot.conversation, Parked(held, slot.key, cuts, state))

    def _restore(self, slot: Slot, parked: Parked) -> None:
        if not self._context.load(slot.sequence, parked.state):
            self.forget(slot)
            return
        slot.tokens, slot.key, slot.cuts = list(parked.tokens), parked.key, list(parked.cuts)
        slot.decoded = len(parked.tokens)

    def _borrow(self, slot: Slot, prompt: Prompt) -> None:
        """Copy what another sequence has of the prompt, the system's text for example, where it
        has more than this one."""
        own = _usable(slot, prompt)
        others = [(other, _usable(other, prompt)) for other in self.slots if other is not slot]
        source, cut = max(others, key=lambda pair: pair[1].tokens, default=(slot, own))
        if cut.tokens < own.tokens + WORTH_MOVING:
            return
        self._context.copy(source.sequence, slot.sequence)
        slot.tokens, slot.key = source.tokens[: cut.tokens], source.key[: cut.bytes]
        slot.cuts = [one for one in source.cuts if one.tokens <= cut.tokens]
        self.cut(slot, cut.tokens)


def _usable(slot: Slot, prompt: Prompt) -> Cut:
    """The last place at which `prompt` can take up what the slot has decoded."""
    return slot.common_cut(prompt, within=slot.decoded)
