"""The encoder that comes along against the original's vectors, computed in PyTorch and stored."""

from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest

from bot.engine import Encoder, EngineThread
from bot.settings import EngineSettings
from models.catalogue import find
from models.training.encoder import phantom_space

REFERENCE = Path(__file__).parents[1] / "data" / "encoder_reference.npz"


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    with EngineThread() as thread:
        yield Encoder.load(find("kefu-encoder"), thread, EngineSettings(threads=1))


@pytest.fixture(scope="module")
def file() -> gguf.GGUFReader:
    return gguf.GGUFReader(find("kefu-encoder"))


def test_its_vectors_agree_with_the_originals(encoder: Encoder) -> None:
    with np.load(REFERENCE, allow_pickle=False) as stored:
        sentences, expected = stored["sentences"].tolist(), stored["vectors"].astype(np.float32)
    cosines = (encoder.encode(sentences) * expected).sum(axis=1) / np.linalg.norm(expected, axis=1)
    assert len(sentences) == 64
    assert cosines.mean() >= 0.999
    assert cosines.min() >= 0.998


def test_unrelated_sentences_are_far_apart(encoder: Encoder) -> None:
    returns, refund, weather = encoder.encode(
        ["How do I return shoes?", "Sending footwear back", "It rained in Oslo"]
    )
    assert returns @ refund > 0.5 > 0.2 > returns @ weather


def test_its_metadata_say_what_it_is(file: gguf.GGUFReader) -> None:
    expected = {
        "general.architecture": "bert",
        "general.license": "apache-2.0",
        "kefu.languages": "en",
        "bert.context_length": 512,
        "bert.embedding_length": 384,
        "bert.attention.causal": False,
        "bert.pooling_type": gguf.PoolingType.MEAN,
        "general.file_type": gguf.LlamaFileType.MOSTLY_Q8_0,
    }
    assert {name: file.fields[name].contents() for name in expected} == expected
    assert "all-MiniLM-L6-v2" in file.fields["general.source.url"].contents()


def test_only_matrices_and_word_embeddings_are_quantised(file: gguf.GGUFReader) -> None:
    kinds = {tensor.name: tensor for tensor in file.tensors}
    assert len(kinds) == 5 + 6 * 16
    q8, f32 = gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.F32
    for name, tensor in kinds.items():
        quantised = len(tensor.shape) == 2 and name not in (
            "position_embd.weight",
            "token_types.weight",
        )
        assert tensor.tensor_type == (q8 if quantised else f32), name


@pytest.mark.parametrize(
    ("token", "written"),
    [
        ("order", "▁order"),
        ("##ing", "ing"),
        ("[CLS]", "[CLS]"),
        ("##", ""),
        ("[unused1]", "▁[unused1]"),
    ],
)
def test_words_begin_with_a_phantom_space(token: str, written: str) -> None:
    assert phantom_space(token) == written
