"""The base of the encoder: its file, its blocks of four bits, what is left out of its pieces."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest

from models.training import multilingual
from models.training.multilingual import (
    SPECIAL,
    Base,
    load_packed,
    pruned,
    read_base,
    save_packed,
    script_of,
    tokenizer_of,
)
from tests.models.bases import charsmap, pieces_of, random_base

PIECES = [*SPECIAL, "\u2581the", "\u2581дом", "\u2581rare", "退", "!", "η", "<mask>"]
INNER = 32


def written(file: Path, base: Base, *, width: int = 384) -> Path:
    """A file of the format E5S1 with matrices in blocks of four bits."""
    texts = [piece.encode() for piece in base.pieces]
    offsets = np.cumsum([0, *map(len, texts)]).astype("<u4")
    head = b"E5S1" + struct.pack("<i", 1)
    sizes = (width, 1, 12, INNER, len(texts), len(base.weights["emb.pos"]), 2)
    head += struct.pack("<7ifi", *sizes, base.epsilon, 32)
    blob = b"".join(texts)
    head += struct.pack("<5iQ", len(texts), *range(4), len(blob))
    head += offsets.tobytes() + base.scores.astype("<f4").tobytes() + blob
    head += struct.pack("<iI", 0, 5) + b"table"
    four = gguf.GGMLQuantizationType.Q4_0
    stored = {
        name: (1, gguf.quants.quantize(values, four)) if is_matrix(name) else (0, values)
        for name, values in base.weights.items()
    }
    entries = sum(2 + len(name) + 21 for name in stored)
    at, directory, data = len(head) + 4 + entries, struct.pack("<i", len(stored)), b""
    for name, (kind, values) in stored.items():
        place = (kind, base.weights[name].size, at + len(data), values.nbytes)
        directory += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", *place)
        data += values.tobytes()
    file.write_bytes(head + directory + data)
    return file


def is_matrix(name: str) -> bool:
    return name == "emb.word" or (name[0] == "l" and name.endswith(".w") and "ln" not in name)


@pytest.fixture(scope="module")
def base() -> Base:
    """Of the one width that is read; its matrices are such as four bits can tell."""
    scores = -np.arange(len(PIECES), dtype=np.float32)
    drawn = random_base(PIECES, scores, width=384, inner=INNER)
    four = gguf.GGMLQuantizationType.Q4_0
    told = {
        name: gguf.quants.dequantize(gguf.quants.quantize(values, four), four)
        for name, values in drawn.weights.items()
        if is_matrix(name)
    }
    return Base(drawn.weights | told, PIECES, scores, drawn.epsilon)


def test_the_file_is_read_as_it_was_written(base: Base, tmp_path: Path) -> None:
    read = read_base(written(tmp_path / "base.bin", base))
    assert read.pieces == PIECES
    assert read.scores.tolist() == base.scores.tolist()
    assert read.epsilon == pytest.approx(1e-12)
    assert list(read.weights) == list(base.weights)
    for name, values in base.weights.items():
        np.testing.assert_array_equal(read.weights[name], values, err_msg=name)


@pytest.mark.parametrize("width", [None, 768])
def test_another_format_or_another_model_is_refused(
    base: Base, tmp_path: Path, width: int | None
) -> None:
    file = tmp_path / "base.bin"
    file.write_bytes(b"GGUF" + bytes(100))
    if width is not None:
        written(file, base, width=width)
    with pytest.raises(ValueError, match=r"base\.bin (is no|holds another) model"):
        read_base(file)


def test_a_block_is_a_scale_and_nibbles_the_low_ones_first() -> None:
    low, high = np.arange(16), np.arange(16)[::-1]
    block = np.float16(0.5).tobytes() + bytes((low | high << 4).astype(np.uint8))
    found = multilingual._blocks(b"??" + block * 2, 2, 64)
    expected = 0.5 * (np.concatenate([low, high]) - 8)
    assert found.tolist() == [*expected, *expected]


def test_what_is_packed_comes_back_bit_for_bit(base: Base, tmp_path: Path) -> None:
    save_packed(tmp_path / "base.npz", base)
    found = load_packed(tmp_path / "base.npz")
    assert list(found) == list(base.weights)
    for name, values in base.weights.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    whole = sum(values.nbytes for values in base.weights.values() if values.ndim == 2)
    assert (tmp_path / "base.npz").stat().st_size < whole / 2  # positions stay as they are


def test_pruning_keeps_what_is_special_or_seen_and_the_scripts_that_kefu_claims(
    base: Base,
) -> None:
    small = pruned(base, ["\u2581дом"])
    assert small.pieces == [piece for piece in PIECES if piece not in ("η", "<mask>")]
    rows = [PIECES.index(piece) for piece in small.pieces]
    assert small.scores.tolist() == base.scores[rows].tolist()
    np.testing.assert_array_equal(small.weights["emb.word"], base.weights["emb.word"][rows])
    assert small.weights["l0.q.w"] is base.weights["l0.q.w"]


def test_of_latin_pieces_the_most_frequent_ones_stay(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    # <s>, <pad>, </s> and <unk> are Latin, too
    monkeypatch.setattr(multilingual, "LATIN", len(SPECIAL) + 1)
    assert pruned(base, []).pieces == [*SPECIAL, "\u2581the", "退", "!"]
    assert "\u2581rare" in pruned(base, ["\u2581rare"]).pieces


@pytest.mark.parametrize(
    ("piece", "script"),
    [
        ("\u2581the", "LATIN"),
        ("ß", "LATIN"),
        ("退货", "CJK"),
        ("дом", "CYRILLIC"),
        ("の", "HIRAGANA"),
        ("\u2581", "OTHER"),
        ("24!", "OTHER"),
        ("😀", "OTHER"),
    ],
)
def test_a_piece_is_of_the_script_of_its_first_letter(piece: str, script: str) -> None:
    assert script_of(piece) == script


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("return the shoe", "<s> ▁return ▁the ▁shoe </s>"),
        ("  ｒｅｔｕｒｎ   order", "<s> ▁return ▁order </s>"),
        ("shoe:ship", "<s> ▁shoe : ship </s>"),
        ("退货€", "<s> ▁退 货 <unk> </s>"),
        ("", "<s> </s>"),
    ],
)
def test_a_text_is_normalised_and_cut_into_the_likeliest_pieces(text: str, expected: str) -> None:
    pieces, scores = pieces_of()
    found = tokenizer_of(pieces, scores, charsmap()).encode(text).ids
    assert " ".join(pieces[number] for number in found) == expected
