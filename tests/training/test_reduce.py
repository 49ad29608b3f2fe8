"""A pretrained file made small: layers left out, pieces kept row for row, new ones as means."""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import pytest
from gguf.quants import dequantize

from models.training import reduce
from models.training.chat_file import Q8_0, rounded, write_file
from models.training.pretrained import load_pretrained, shape_of
from models.training.reduce import embedding_of, fitted_vocabulary, reduced, vocabulary_of
from models.training.vocabulary import Vocabulary, extended, kept, parts_before, pieces_used
from tests.training.decoders import CHINESE, TEXTS, random_model, tiny_shape, whole_vocabulary

DROPPED = {1, 2}


@pytest.fixture(scope="module")
def whole() -> Vocabulary:
    return whole_vocabulary()


@pytest.fixture(scope="module")
def source(whole: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five layers, in the formats of the pretrained file."""
    path = tmp_path_factory.mktemp("source") / "source.gguf"
    model = random_model(tiny_shape(len(whole.pieces), depth=5))
    write_file(path, model.shape, whole, rounded(model.state_dict()))
    return path


@pytest.fixture(scope="module")
def fitted(whole: Vocabulary) -> Vocabulary:
    """A few pieces less, and some Chinese ones more."""
    chosen = kept(whole, pieces_used(TEXTS[:2], whole.tokenizer()), len(whole.pieces) - 20)
    return extended(chosen, CHINESE * 3, len(chosen.pieces) + 25)


def data_of(reader: gguf.GGUFReader) -> dict[str, bytes]:
    return {tensor.name: tensor.data.tobytes() for tensor in reader.tensors}


def test_the_vocabulary_is_read_from_the_file(source: Path, whole: Vocabulary) -> None:
    assert vocabulary_of(gguf.GGUFReader(source).fields) == whole


def test_layers_are_left_out_and_the_others_move_up_block_for_block(
    source: Path, whole: Vocabulary
) -> None:
    reader = gguf.GGUFReader(source)
    before, found = data_of(reader), reduced(reader, whole, DROPPED)
    after = {name: data.tobytes() for name, (data, _) in found.items()}
    moved = {0: 0, 3: 1, 4: 2}
    for name, data in before.items():
        if not name.startswith("blk."):
            assert after.pop(name) == data
        elif (number := int(name.split(".")[1])) not in DROPPED:
            rest = name.split(".", 2)[2]
            assert after.pop(f"blk.{moved[number]}.{rest}") == data
    assert after == {}


def test_a_kept_piece_has_its_row_and_a_new_one_the_mean_of_those_it_replaces(
    source: Path, whole: Vocabulary, fitted: Vocabulary
) -> None:
    (stored,) = [t.data for t in gguf.GGUFReader(source).tensors if t.name == "token_embd.weight"]
    rows, before = embedding_of(fitted, whole, stored), whole.tokenizer()
    values, new = dequantize(stored, Q8_0), 0
    for number, piece in enumerate(fitted.pieces):
        if piece in whole.pieces:
            assert rows[number].tobytes() == stored[whole.pieces.index(piece)].tobytes()
        else:
            new += 1
            mean = values[parts_before(piece, before)].mean(0)
            step = np.abs(mean).max() / 127
            np.testing.assert_allclose(dequantize(rows[number], Q8_0), mean, atol=0.6 * step)
    assert new == 25


def test_the_vocabulary_is_fitted_to_our_texts(
    whole: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reduce, "ENGLISH", 300)
    monkeypatch.setattr(reduce, "PIECES", 320)
    chinese = ["".join(CHINESE)] * 4  # enough Chinese in its first characters
    found = fitted_vocabulary(whole, [*TEXTS, *chinese])
    assert len(found.pieces) == 320
    assert {piece for piece in found.pieces if piece not in whole.pieces}
    without = fitted_vocabulary(whole, [*TEXTS, *CHINESE[:1]])
    assert set(without.pieces) <= set(whole.pieces)


def test_the_reduced_file_is_a_model_that_reads_our_texts(
    source: Path, whole: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reduce, "ENGLISH", 300)
    monkeypatch.setattr(reduce, "PIECES", 320)
    texts = [*TEXTS, *["".join(CHINESE)] * 4]
    monkeypatch.setattr(reduce, "our_texts", lambda data, seed: texts)
    given = ["--from", str(source), "--data", "nowhere", "--out", str(tmp_path), "--drop", "1", "2"]
    monkeypatch.setattr(sys, "argv", ["reduce", *given])
    reduce.main()
    made = tmp_path / "reduced.gguf"
    assert shape_of(gguf.GGUFReader(made).fields).depth == 3
    assert len(load_pretrained(made).embedding.weight) == 320
    tokenizer = Vocabulary.of_file(tmp_path / "tokenizer.json").tokenizer()
    llama = llama_cpp.Llama(str(made), n_ctx=256, n_threads=1, verbose=False)
    for text in texts:
        tokens = llama.tokenize(text.encode(), add_bos=False, special=False)
        assert tokens == tokenizer.encode(text).ids
    llama.eval(tokens)
    llama.close()


def test_a_vocabulary_that_is_made_already_is_used_as_it_is(
    source: Path, fitted: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted.tokenizer().save(str(tmp_path / "made.json"))
    given = ["--from", str(source), "--data", "nowhere", "--out", str(tmp_path / "out"), "--drop"]
    made = ["--vocabulary", str(tmp_path / "made.json")]
    monkeypatch.setattr(sys, "argv", ["reduce", *given, *made])
    reduce.main()
    reader = gguf.GGUFReader(tmp_path / "out" / "reduced.gguf")
    assert vocabulary_of(reader.fields) == fitted
    assert shape_of(reader.fields).depth == 5
