"""A pretrained vocabulary made to fit: the pieces that our texts use, and new ones for Chinese.

Merges are kept and learnt in such a way that each one's two parts are pieces as well, so that
llama.cpp (`smollm`: every digit alone, then GPT-2's pattern) splits a text as `tokenizers` does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from models.training.chatml import SPECIAL

Merge = tuple[str, str]

_PRIVATE = 0x20000
"""Characters from here on stand for pieces while merges are learnt."""


@dataclass(frozen=True)
class Vocabulary:
    pieces: list[str]
    """By id; the special ones first."""
    merges: list[Merge]

    @classmethod
    def of_file(cls, path: Path) -> Vocabulary:
        tokenizer = Tokenizer.from_file(str(path))
        pieces = pieces_of(tokenizer)
        stored = json.loads(path.read_text("utf-8"))["model"]["merges"]
        pairs = (m if isinstance(m, list) else m.split(" ") for m in stored)
        return cls(pieces, [(first, second) for first, second in pairs])

    def tokenizer(self) -> Tokenizer:
        ids = {piece: number for number, piece in enumerate(self.pieces)}
        tokenizer = Tokenizer(models.BPE(vocab=ids, merges=self.merges))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.add_special_tokens(SPECIAL)
        return tokenizer


def pieces_of(tokenizer: Tokenizer) -> list[str]:
    """By id."""
    return [tokenizer.id_to_token(i) or "" for i in range(tokenizer.get_vocab_size())]


def pieces_used(texts: Iterable[str], tokenizer: Tokenizer) -> Counter[str]:
    """How often each piece stands in the texts."""
    counts = np.zeros(tokenizer.get_vocab_size(), np.int64)
    for encoding in tokenizer.encode_batch(list(texts)):
        np.add.at(counts, encoding.ids, 1)
    return Counter({p: int(n) for p, n in zip(pieces_of(tokenizer), counts, strict=True) if n})


def kept(whole: Vocabulary, used: Counter[str], size: int) -> Vocabulary:
    """The most used pieces, and all that they are merged from: `size` at most, all bytes among
    them."""
    made_from: dict[str, Merge] = {}
    for merge in whole.merges:
        made_from.setdefault("".join(merge), merge)
    chosen = {*SPECIAL, *pre_tokenizers.ByteLevel.alphabet()}
    for piece, _ in used.most_common():
        wanted = _with_parts(piece, made_from, chosen)
        if len(chosen) + len(wanted) > size:
            break
        chosen |= wanted
    missing = chosen.difference(whole.pieces)  # bytes that the whole one had no piece for
    pieces = [*SPECIAL, *(p for p in whole.pieces if p in chosen and p not in SPECIAL)]
    merges = [m for m in whole.merges if {*m, "".join(m)} <= chosen]
    return Vocabulary([*pieces, *sorted(missing)], merges)


def _with_parts(piece: str, made_from: dict[str, Merge], chosen: set[str]) -> set[str]:
    found: set[str] = set()
    pending = [piece]
    while pending:
        part = pending.pop()
        if part not in chosen and part not in found:
            found.add(part)
            pending += made_from.get(part, ())
    return found


def extended(vocabulary: Vocabulary, texts: Iterable[str], size: int) -> Vocabulary:
    """Grown to `size` by merges learnt on those words of the texts that are not ASCII, as the
    vocabulary splits them so far; the new merges come after the old ones."""
    tokenizer = vocabulary.tokenizer()
    split = tokenizer.pre_tokenizer
    runs: Counter[str] = Counter()
    for text in texts:
        runs.update(
            text[start:end]
            for _, (start, end) in split.pre_tokenize_str(text)
            if not text[start:end].isascii()
        )
    # what is said over and over counts for less, and every letter for all its times: other
    # businesses use other words, and the same letters
    words = Counter({word: round(count**0.5) for word, count in runs.items()})
    for run, count in runs.items():
        for letter in run:
            words[letter] += 0 if letter.isascii() else 20 * count
    written = ["".join(chr(_PRIVATE + i) for i in tokenizer.encode(word).ids) for word in words]
    lines = (w for w, count in zip(written, words.values(), strict=True) for _ in range(count))
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    alphabet = len({letter for word in written for letter in word})
    room = size - len(vocabulary.pieces)
    learner.train_from_iterator(
        lines, trainers.BpeTrainer(vocab_size=alphabet + room + 64, show_progress=False)
    )
    return _appended(vocabulary, learner, size)


def _appended(vocabulary: Vocabulary, learner: Tokenizer, size: int) -> Vocabulary:
    pieces, merges = list(vocabulary.pieces), list(vocabulary.merges)
    there = set(pieces)
    for merge in json.loads(learner.to_str())["model"]["merges"]:
        first, second = merge if isinstance(merge, list) else merge.split(" ")
        parts = (_read(first, vocabulary), _read(second, vocabulary))
        piece = "".join(parts)
        if len(pieces) == size and piece not in there:
            break
        merges.append(parts)
        if piece not in there:
            there.add(piece)
            pieces.append(piece)
    return Vocabulary(pieces, merges)


def _read(private: str, vocabulary: Vocabulary) -> str:
    return "".join(vocabulary.pieces[ord(letter) - _PRIVATE] for letter in private)


def parts_before(piece: str, whole: Tokenizer) -> list[int]:
    """Ids that the whole vocabulary writes a piece with."""
    known = whole.token_to_id(piece)
    if known is not None:
        return [known]
    return [token.id for token in whole.model.tokenize(piece)]
