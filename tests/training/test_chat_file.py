"""The file of kefu-chat: what llama.cpp makes of it is what torch computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import pytest
import torch
from gguf.quants import quantize
from numpy.typing import NDArray

from models.training.chat_file import F32, Q4_0, Q8_0, Tensors, rounded, write_file
from models.training.chatml import TURN_END
from models.training.export import CHAT_TEMPLATE
from models.training.pretrained import Pretrained, load_pretrained, shape_of, tensor_name
from models.training.vocabulary import Vocabulary
from tests.training.decoders import CHINESE, TEXTS, random_model, tiny_shape, whole_vocabulary

PROMPT = f"<|im_start|>user\n{TEXTS[1]} {CHINESE[1]} 2024 😀{TURN_END}\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return whole_vocabulary()


@pytest.fixture(scope="module")
def model(vocabulary: Vocabulary) -> Pretrained:
    return random_model(tiny_shape(len(vocabulary.pieces)))


def whole(model: Pretrained) -> Tensors:
    weights = model.state_dict().items()
    return {tensor_name(name): (values.numpy(), F32) for name, values in weights}


@pytest.fixture(scope="module")
def exact(
    model: Pretrained, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("exact") / "f32.gguf"
    write_file(path, model.shape, vocabulary, whole(model))
    return path


@pytest.fixture(scope="module")
def small(
    model: Pretrained, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("small") / "q4_0.gguf"
    write_file(path, model.shape, vocabulary, rounded(model.state_dict()))
    return path


def wanted(model: Pretrained, tokens: list[int]) -> NDArray[np.float32]:
    with torch.no_grad():
        return np.asarray(model(torch.tensor([tokens]))[0].numpy())


def found(path: Path, tokens: list[int]) -> NDArray[np.float32]:
    llama = llama_cpp.Llama(str(path), logits_all=True, n_ctx=256, n_threads=1, verbose=False)
    llama.eval(tokens)
    logits = np.array(llama.scores[: len(tokens)])
    llama.close()
    return logits


def test_llama_cpp_computes_what_torch_does(
    model: Pretrained, vocabulary: Vocabulary, exact: Path
) -> None:
    tokens = vocabulary.tokenizer().encode(PROMPT).ids
    expected = wanted(model, tokens)
    assert len(tokens) > 100
    assert expected.std() > 0.5  # otherwise agreeing would be easy
    assert np.abs(found(exact, tokens) - expected).max() < 0.02 * expected.std()


def test_what_is_trained_as_rounded_is_what_the_file_holds(
    model: Pretrained, vocabulary: Vocabulary, small: Path
) -> None:
    tokens = vocabulary.tokenizer().encode(PROMPT).ids
    try:
        model.rounded.fill_(1.0)
        as_rounded = wanted(model, tokens)
    finally:
        model.rounded.fill_(0.0)
    near = np.corrcoef(found(small, tokens).ravel(), as_rounded.ravel())[0, 1]
    far = np.corrcoef(wanted(model, tokens).ravel(), as_rounded.ravel())[0, 1]
    assert near > 0.995  # llama.cpp rounds activations, too
    assert near > far


def test_matrices_have_four_bits_the_embedding_eight_and_norms_all(
    model: Pretrained, small: Path
) -> None:
    stored = {tensor.name: tensor for tensor in gguf.GGUFReader(small).tensors}
    kinds = {name: tensor.tensor_type for name, tensor in stored.items()}
    assert kinds.pop("token_embd.weight") == Q8_0
    assert all(kind == (F32 if "norm" in name else Q4_0) for name, kind in kinds.items())
    weight = model.state_dict()["layers.1.down"].numpy()
    assert stored["blk.1.ffn_down.weight"].data.tobytes() == quantize(weight, Q4_0).tobytes()


def test_llama_cpp_tokenizes_as_the_tokenizer_does(vocabulary: Vocabulary, exact: Path) -> None:
    llama = llama_cpp.Llama(str(exact), vocab_only=True, verbose=False)
    texts = [*TEXTS, *CHINESE, "it's 4.95€  for 12 lamps\n\n- a\tb", "naïve 😀 x1y22z", ""]
    told = [llama.tokenize(text.encode(), add_bos=False, special=False) for text in texts]
    special = llama.tokenize(PROMPT.encode(), add_bos=False, special=True)
    llama.close()
    assert told == [one.ids for one in vocabulary.tokenizer().encode_batch(texts)]
    assert special == vocabulary.tokenizer().encode(PROMPT).ids


def test_the_file_says_what_kefu_reads_from_it(vocabulary: Vocabulary, small: Path) -> None:
    fields = gguf.GGUFReader(small).fields
    expected = {
        "general.architecture": "llama",
        "general.license": "apache-2.0",
        "general.languages": ["en", "zh"],
        "kefu.reads": True,
        "llama.context_length": 2_048,
        "llama.block_count": 2,
        "llama.vocab_size": len(vocabulary.pieces),
        "tokenizer.ggml.eos_token_id": vocabulary.pieces.index(TURN_END),
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }
    assert {name: fields[name].contents() for name in expected} == expected


def test_what_was_written_is_loaded_again(model: Pretrained, exact: Path) -> None:
    shape = shape_of(gguf.GGUFReader(exact).fields)
    assert shape.epsilon == pytest.approx(model.shape.epsilon)
    assert replace(shape, epsilon=model.shape.epsilon) == model.shape
    loaded = load_pretrained(exact).state_dict()
    assert loaded.keys() == model.state_dict().keys()
    for name, values in model.state_dict().items():
        assert torch.equal(loaded[name], values), name
