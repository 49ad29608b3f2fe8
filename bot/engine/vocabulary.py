"""Text to tokens and back."""

from __future__ import annotations

import ctypes
import threading
from functools import cached_property, partial
from typing import Any, NamedTuple

import llama_cpp

from bot.engine.thinking import is_tag
from bot.errors import EngineClosed


class _Token(NamedTuple):
    piece: bytes
    is_control: bool
    is_end: bool


class Vocabulary:
    """Tokenizing is thread-safe in llama.cpp, so prompts can be measured on any thread.

    The lock only keeps the model from being freed meanwhile.
    """

    def __init__(self, model: Any) -> None:
        self.pointer = llama_cpp.llama_model_get_vocab(model)
        self.size: int = llama_cpp.llama_vocab_n_tokens(self.pointer)
        self.bos: int = llama_cpp.llama_vocab_bos(self.pointer)
        self.eos: int = llama_cpp.llama_vocab_eos(self.pointer)
        self.adds_bos: bool = llama_cpp.llama_vocab_get_add_bos(self.pointer)
        self._seen: dict[int, _Token] = {}
        self._lock = threading.Lock()
        self._open = True
        self._piece = ctypes.create_string_buffer(256)

    def tokenize(self, text: bytes, *, special: bool, add_special: bool = False) -> list[int]:
        """With `special`, "<|im_end|>" in `text` becomes the control token; without, its letters.

        `add_special` adds what the model wants around a whole text, for example [CLS] and [SEP].
        """
        return self._tokenized(text, special, add_special, room=len(text) + 8)

    def piece(self, token: int) -> bytes:
        """The bytes of `token`, perhaps a torn character; none for a control token, but for those
        that begin or end a thought."""
        return self.look_up(token).piece

    def look_up(self, token: int) -> _Token:
        """Kept: each call into llama.cpp gives the interpreter's lock away, and the readers that
        were just woken take it."""
        if (found := self._seen.get(token)) is None:
            piece, is_control = self._rendered(token, special=False), self._is_control(token)
            if is_control and is_tag(self.control_text(token)):  # it begins or ends a thought
                piece = self._rendered(token, special=True)
            found = self._seen[token] = _Token(
                piece,
                is_control,
                bool(llama_cpp.llama_vocab_is_eog(self.pointer, token)),
            )
        return found

    def control_text(self, token: int) -> str:
        """The text that stands for a control token in templates; empty for -1, "no such token"."""
        return "" if token < 0 else self._rendered(token, special=True).decode("utf-8", "replace")

    def is_end(self, token: int) -> bool:
        return self.look_up(token).is_end

    @cached_property
    def ends(self) -> frozenset[int]:
        """All tokens that end a reply. Asks for each of the vocabulary: not at start-up."""
        is_end = partial(llama_cpp.llama_vocab_is_eog, self.pointer)
        return frozenset(filter(is_end, range(self.size)))

    def is_control(self, token: int) -> bool:
        return self.look_up(token).is_control

    def close(self) -> None:
        with self._lock:
            self._open = False

    def _is_control(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_control(self.pointer, token))

    def _rendered(self, token: int, *, special: bool) -> bytes:
        size = len(self._piece)
        length = llama_cpp.llama_token_to_piece(self.pointer, token, self._piece, size, 0, special)
        if length < 0:
            self._piece = ctypes.create_string_buffer(-length)
            return self._rendered(token, special=special)
        return self._piece.raw[:length]

    def _tokenized(self, text: bytes, special: bool, add_special: bool, room: int) -> list[int]:  # noqa: FBT001
        tokens = (llama_cpp.llama_token * room)()
        with self._lock:
            if not self._open:
                raise EngineClosed("the model is closed; load it again")
            count = llama_cpp.llama_tokenize(
                self.pointer, text, len(text), tokens, room, add_special, special
            )
        if count < 0:  # what it would have been, where characters were taken apart
            return self._tokenized(text, special, add_special, room=-count)
        return tokens[:count]  # type: ignore[no-any-return]
