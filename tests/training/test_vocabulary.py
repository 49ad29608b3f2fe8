"""A vocabulary made to fit: closed under its merges, and grown where it must."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tokenizers import pre_tokenizers

from models.training.chatml import SPECIAL
from models.training.vocabulary import Vocabulary, extended, kept, parts_before, pieces_used
from tests.training.decoders import CHINESE, TEXTS, whole_vocabulary

BYTES = set(pre_tokenizers.ByteLevel.alphabet())
LEAST = len(BYTES) + len(SPECIAL)


@pytest.fixture(scope="module")
def whole() -> Vocabulary:
    return whole_vocabulary()


@pytest.fixture(scope="module")
def used(whole: Vocabulary) -> Counter[str]:
    return pieces_used(TEXTS, whole.tokenizer())


def assert_closed(vocabulary: Vocabulary) -> None:
    """Every merge's parts and result are pieces, and every piece is a byte, special or merged."""
    pieces = set(vocabulary.pieces)
    assert len(pieces) == len(vocabulary.pieces)
    assert all({first, second, first + second} <= pieces for first, second in vocabulary.merges)
    made = {first + second for first, second in vocabulary.merges}
    assert pieces <= made | BYTES | set(SPECIAL)
    assert pieces >= BYTES | set(SPECIAL)


@pytest.mark.parametrize("size", [LEAST, LEAST + 7, LEAST + 40, 1_000])
def test_the_kept_pieces_are_closed_under_their_merges(
    whole: Vocabulary, used: Counter[str], size: int
) -> None:
    small = kept(whole, used, size)
    assert_closed(small)
    assert len(small.pieces) <= size
    assert small.pieces[: len(SPECIAL)] == SPECIAL
    for text in (*TEXTS, *CHINESE, "naïve 😀\n\t"):
        assert small.tokenizer().decode(small.tokenizer().encode(text).ids) == text


def test_the_most_used_pieces_are_kept_and_texts_are_split_as_before(
    whole: Vocabulary, used: Counter[str]
) -> None:
    everything = kept(whole, used, 1_000)
    assert used.keys() <= set(everything.pieces)
    assert len(everything.pieces) <= len(whole.pieces)
    for text in TEXTS:
        assert everything.tokenizer().encode(text).tokens == whole.tokenizer().encode(text).tokens
    few = set(kept(whole, used, LEAST + 20).pieces) - BYTES
    assert used.most_common(1)[0][0] in few | BYTES


def test_uses_are_counted_by_piece(whole: Vocabulary) -> None:
    tokens = whole.tokenizer().encode(TEXTS[0]).tokens * 2
    assert pieces_used([TEXTS[0]] * 2, whole.tokenizer()) == Counter(tokens)


@pytest.fixture(scope="module")
def grown(whole: Vocabulary) -> Vocabulary:
    return extended(whole, [*CHINESE, *TEXTS] * 3, len(whole.pieces) + 30)


def test_it_is_extended_by_pieces_that_are_not_ascii_behind_the_old_ones(
    whole: Vocabulary, grown: Vocabulary
) -> None:
    assert_closed(grown)
    assert len(grown.pieces) == len(whole.pieces) + 30
    assert grown.pieces[: len(whole.pieces)] == whole.pieces
    assert grown.merges[: len(whole.merges)] == whole.merges
    assert not any(piece.isascii() for piece in grown.pieces[len(whole.pieces) :])


def test_extended_it_reads_chinese_in_fewer_pieces_and_english_as_before(
    whole: Vocabulary, grown: Vocabulary
) -> None:
    before, after = whole.tokenizer(), grown.tokenizer()
    for text in CHINESE:
        assert len(after.encode(text).ids) < 0.8 * len(before.encode(text).ids)
        assert after.decode(after.encode(text).ids) == text
    assert after.encode("退货").tokens != before.encode("退货").tokens
    for text in TEXTS:
        assert after.encode(text).ids == before.encode(text).ids


def test_digits_stand_alone_and_special_tokens_are_whole(grown: Vocabulary) -> None:
    tokens = grown.tokenizer().encode("<|im_start|>2024").tokens
    assert tokens == ["<|im_start|>", "2", "0", "2", "4"]


def test_a_vocabulary_comes_back_from_its_file(grown: Vocabulary, tmp_path: Path) -> None:
    grown.tokenizer().save(str(tmp_path / "tokenizer.json"))
    assert Vocabulary.of_file(tmp_path / "tokenizer.json") == grown


def test_a_new_piece_is_written_with_the_old_ones(whole: Vocabulary, grown: Vocabulary) -> None:
    before = whole.tokenizer()
    for piece in grown.pieces:
        written = "".join(whole.pieces[number] for number in parts_before(piece, before))
        assert written == piece
    assert all(len(parts_before(piece, before)) == 1 for piece in whole.pieces)
