"""Which conversation's tokens lie in which sequence of the KV cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from bot.engine.prompt import CONTENT, TEMPLATE, Prompt
from bot.engine.vocabulary import Vocabulary

# A model can write any byte; none of them may look like a mark in the key.
_NO_MARKS = bytes(0xFD if byte in TEMPLATE + CONTENT else byte for byte in range(256))


class Cut(NamedTuple):
    """After `tokens` tokens, the key is `bytes` long: here a cached prompt can be taken up."""

    tokens: int
    bytes: int


@dataclass(slots=True, eq=False)
class Slot:
    """One sequence: the KV cache holds `tokens[:decoded]`, the rest is not decoded yet."""

    sequence: int
    conversation: str = ""
    tokens: list[int] = field(default_factory=list)
    decoded: int = 0
    key: bytes = b""
    """The prompt's key, then the reply's."""
    cuts: list[Cut] = field(default_factory=list)
    busy: bool = False
    used: int = 0
    """When it was last taken: the smallest number goes first."""

    def common_cut(self, prompt: Prompt, *, within: int | None = None) -> Cut:
        """The last cut up to which `prompt` agrees, among the first `within` tokens."""
        common = prompt.common(self.key)
        most = len(self.tokens) if within is None else within
        usable = (
            cut
            for cut in reversed(self.cuts)
            if cut.bytes <= common and cut.tokens <= most and prompt.is_border(cut.bytes)
        )
        return next(usable, Cut(0, 0))

    def take_up(self, prompt: Prompt, vocabulary: Vocabulary) -> int:
        """Make `tokens` those of `prompt`; return how many of them are in the cache already.

        Only the text after the last usable cut is tokenized: a reply that the grammar forced is
        split otherwise than the tokenizer would split it, and its tokens would be lost.
        """
        cached = self.tokens
        kept, offset = self.common_cut(prompt)
        self.tokens = cached[:kept]
        self.cuts = [cut for cut in self.cuts if cut.tokens <= kept and cut.bytes <= offset]
        if not kept and vocabulary.adds_bos:
            self.tokens.append(vocabulary.bos)
        for part in prompt.parts(offset):
            new = vocabulary.tokenize(part.text, special=part.special)
            if self.tokens == [vocabulary.bos] and new[:1] == [vocabulary.bos]:
                new = new[1:]  # the template wrote it, too
            self.tokens += new
            self.cuts.append(Cut(len(self.tokens), part.end))
        self.key = prompt.key
        self.decoded = min(self.decoded, _agreeing(cached, self.tokens, start=kept))
        return self.decoded

    def add_reply(self, token: int, piece: bytes, *, control: bool) -> None:
        """A token of the reply, before it is decoded."""
        mark = TEMPLATE if control else CONTENT
        first = max(self.key.rfind(TEMPLATE), self.key.rfind(CONTENT))
        if self.key[first : first + 1] != mark:
            self.key += mark
        self.key += piece.translate(_NO_MARKS)
        self.tokens.append(token)
        self.cuts.append(Cut(len(self.tokens), len(self.key)))

    def forget(self) -> None:
        self.tokens, self.cuts, self.key, self.decoded = [], [], b"", 0


class SlotCache:
    def __init__(self, sequences: int) -> None:
        self.slots = [Slot(sequence) for sequence in range(sequences)]
        self._clock = count(1)

    def __iter__(self) -> Iterator[Slot]:
        return iter(self.slots)

    def find(self, conversation: str) -> Slot | None:
        """The conversation's own slot, else the least recently used; None while it must wait.

        Requests without a name take the same slot again where they can, not everybody's in turn.
        """
        slot = (self._own(conversation) if conversation else self._unnamed()) or self._oldest()
        return None if slot is None or slot.busy else slot

    def take(self, slot: Slot, conversation: str) -> None:
        slot.conversation, slot.busy, slot.used = conversation, True, next(self._clock)

    def release(self, slot: Slot) -> None:
        slot.busy = False

    def _own(self, conversation: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.conversation == conversation), None)

    def _unnamed(self) -> Slot | None:
        idle = [slot for slot in self.slots if not (slot.busy or slot.conversation)]
        return max(idle, key=lambda slot: slot.used, default=None)

    def _oldest(self) -> Slot | None:
        idle = [slot for slot in self.slots if not slot.busy]
        return min(idle, key=lambda slot: slot.used, default=None)


def _agreeing(cached: Sequence[int], tokens: Sequence[int], *, start: int) -> int:
    """How many tokens from the beginning are the same; the first `start` are known to be."""
    end = min(len(cached), len(tokens))
    return next((place for place in range(start, end) if cached[place] != tokens[place]), end)
