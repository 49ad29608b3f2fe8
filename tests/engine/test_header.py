from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from bot.engine.header import read_header
from bot.errors import ModelFileError
from tests.engine.tiny import write_language_model


def test_what_a_file_says_of_its_model(models: Path) -> None:
    path = models / "tiny.gguf"
    header = read_header(path)
    assert header.context == 512
    assert header.cached == (2 * (16 + 16),) * 2  # heads, key and value
    assert len(header.layers) == 2
    tensors = gguf.GGUFReader(path).tensors
    assert header.weights == sum(int(tensor.n_bytes) for tensor in tensors)
    named = {tensor.name: int(tensor.n_bytes) for tensor in tensors}
    assert header.input == named["token_embd.weight"]
    assert header.layers == tuple(
        sum(size for name, size in named.items() if name.startswith(f"blk.{layer}."))
        for layer in range(2)
    )
    assert header.movable == sum(named.values()) - (0 if header.tied else header.input)


@pytest.mark.parametrize("has_output", [True, False])
def test_embeddings_that_are_the_output_too(tmp_path: Path, has_output: bool) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tensor("token_embd.weight", np.zeros((10, 8), dtype=np.float32))
    writer.add_tensor("output_norm.weight", np.zeros(8, dtype=np.float32))
    if has_output:
        writer.add_tensor("output.weight", np.zeros((10, 8), dtype=np.float32))
    _write(writer)
    header = read_header(tmp_path / "m.gguf")
    assert (header.input, header.tied) == (320, 0 if has_output else 320)
    assert header.output == 32 + (320 if has_output else 0)


@pytest.mark.parametrize(
    ("heads", "cached"),
    [
        ([0, 2, 0], (0, 2 * 32, 0)),  # a hybrid: two layers keep a state in place of a cache
        (4, (4 * 32,) * 3),
        ([1, 2], (2 * 32,) * 3),  # not one for each: the most that it can be
    ],
)
def test_each_layer_has_a_cache_of_its_own(
    tmp_path: Path, heads: list[int] | int, cached: tuple[int, ...]
) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(heads)
    for layer in range(3):
        writer.add_tensor(f"blk.{layer}.ffn_up.weight", np.zeros((8, 8), dtype=np.float32))
    _write(writer)
    assert read_header(tmp_path / "m.gguf").cached == cached


def test_a_model_without_heads_has_no_cache(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "mamba")
    writer.add_embedding_length(64)
    writer.add_tensor("blk.0.ssm_in.weight", np.zeros((8, 8), dtype=np.float32))
    _write(writer)
    assert read_header(tmp_path / "m.gguf").cached == (0,)


def test_a_file_that_says_nothing_of_itself_is_left_to_llama_cpp(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_string("llama.context_length", "long")
    _write(writer)
    header = read_header(tmp_path / "m.gguf")
    assert (header.context, header.layers, header.weights) == (0, (), 0)


def test_a_model_in_several_files(tmp_path: Path) -> None:
    for number, layer in [(1, 0), (2, 1)]:
        writer = gguf.GGUFWriter(tmp_path / f"big-0000{number}-of-00002.gguf", "llama")
        writer.add_tensor(f"blk.{layer}.ffn_up.weight", np.zeros((8, 8), dtype=np.float32))
        _write(writer)
    assert read_header(tmp_path / "big-00001-of-00002.gguf").layers == (256, 256)
    (tmp_path / "big-00002-of-00002.gguf").unlink()
    with pytest.raises(ModelFileError, match=r"big-00002-of-00002.gguf does not exist"):
        read_header(tmp_path / "big-00001-of-00002.gguf")


def test_a_file_that_is_cut_off_in_its_header(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes((models / "tiny.gguf").read_bytes()[:1000])
    with pytest.raises(ModelFileError, match=r"cut\.gguf is not a model that llama\.cpp can load"):
        read_header(path)


def test_longer_names_and_no_numbers(tmp_path: Path) -> None:
    path = write_language_model(tmp_path / "größer.gguf", context=64)
    assert read_header(path).context == 64


def _write(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
