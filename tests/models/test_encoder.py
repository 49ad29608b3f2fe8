"""The converter on a tiny BERT, and the encoder that comes along against the original's vectors.

The stored vectors were computed in PyTorch by `python -m models.training.encoder --verify`.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest

from bot.engine import Encoder, EngineThread
from bot.settings import EngineSettings
from models.catalogue import find
from models.training.encoder import SPECIAL, phantom_space, write_gguf

REFERENCE = Path(__file__).parents[1] / "data" / "encoder_reference.npz"
WIDTH, INNER = 32, 64


@pytest.fixture(scope="module")
def thread() -> Iterator[EngineThread]:
    with EngineThread() as thread:
        yield thread


@pytest.fixture(scope="module")
def encoder(thread: EngineThread) -> Encoder:
    return Encoder.load(find("kefu-encoder"), thread, EngineSettings(threads=1))


def test_its_vectors_agree_with_the_originals(encoder: Encoder) -> None:
    with np.load(REFERENCE, allow_pickle=False) as stored:
        sentences, expected = stored["sentences"].tolist(), stored["vectors"].astype(np.float32)
    cosines = (encoder.encode(sentences) * expected).sum(axis=1) / np.linalg.norm(expected, axis=1)
    assert len(sentences) == 64
    assert cosines.min() >= 0.999


def test_unrelated_sentences_are_far_apart(encoder: Encoder) -> None:
    returns, refund, weather = encoder.encode(
        ["How do I return shoes?", "Sending footwear back", "It rained in Oslo"]
    )
    assert returns @ refund > 0.5 > 0.2 > returns @ weather


def test_its_file_says_what_it_is(encoder: Encoder) -> None:
    assert encoder.languages == {"en"}
    assert (encoder.window, encoder.dimension) == (512, 384)
    assert find("kefu-encoder").stat().st_size < 26_000_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one layer with random weights, in the files of the original."""
    folder = tmp_path_factory.mktemp("source")
    config = {
        "vocab_size": 106,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "max_position_embeddings": 64,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
    }
    (folder / "config.json").write_text(json.dumps(config))
    tokens = [f"[unused{number}]" for number in range(104)] + ["order", "##ing"]
    for token, number in SPECIAL.items():
        tokens[number] = token
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    write_safetensors(folder / "model.safetensors", shapes())
    return folder


def shapes() -> dict[str, tuple[int, ...]]:
    layer, found = "encoder.layer.0.", {"pooler.dense.weight": (WIDTH, WIDTH)}
    rows = {"word": 106, "position": 64, "token_type": 2}
    found |= {f"embeddings.{name}_embeddings.weight": (n, WIDTH) for name, n in rows.items()}
    for norm in ("embeddings.", f"{layer}attention.output.", f"{layer}output."):
        found |= {f"{norm}LayerNorm.{kind}": (WIDTH,) for kind in ("weight", "bias")}
    square = [*(f"attention.self.{part}" for part in ("query", "key", "value"))]
    for name, out, into in [
        *((name, WIDTH, WIDTH) for name in (*square, "attention.output.dense")),
        ("intermediate.dense", INNER, WIDTH),
        ("output.dense", WIDTH, INNER),
    ]:
        found |= {f"{layer}{name}.weight": (out, into), f"{layer}{name}.bias": (out,)}
    return found


def write_safetensors(file: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    header, data, dice = {}, b"", np.random.default_rng(1)
    for name, shape in shapes.items():
        tensor = dice.normal(size=shape).astype(np.float32).tobytes()
        ends = [len(data), len(data) + len(tensor)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": ends}
        data += tensor
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + data)


def test_the_converter_writes_what_llama_cpp_reads(
    source: Path, tmp_path: Path, thread: EngineThread
) -> None:
    out = tmp_path / "tiny.gguf"
    write_gguf(source, out)
    file = gguf.GGUFReader(out)
    expected = {
        "general.architecture": "bert",
        "general.license": "apache-2.0",
        "kefu.languages": "en",
        "bert.context_length": 64,
        "bert.attention.causal": False,
        "bert.pooling_type": gguf.PoolingType.MEAN,
    }
    assert {name: file.fields[name].contents() for name in expected} == expected
    assert file.fields["tokenizer.ggml.tokens"].contents()[100:] == [
        "[UNK]", "[CLS]", "[SEP]", "[MASK]", "▁order", "ing",
    ]  # fmt: skip
    assert len(file.tensors) == len(shapes()) - 1  # all but the pooler
    encoder = Encoder.load(out, thread, EngineSettings(threads=1))
    assert np.linalg.norm(encoder.encode(["ordering"])) == pytest.approx(1)


def test_a_tensor_that_is_no_part_of_bert_is_named(source: Path, tmp_path: Path) -> None:
    for name in ("config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    write_safetensors(tmp_path / "model.safetensors", shapes() | {"surprise.weight": (2, 2)})
    with pytest.raises(ValueError, match=r"surprise\.weight"):
        write_gguf(tmp_path, tmp_path / "out.gguf")


@pytest.mark.parametrize(
    ("token", "written"),
    [("order", "▁order"), ("##ing", "ing"), ("[CLS]", "[CLS]"), ("[unused1]", "▁[unused1]")],
)
def test_words_begin_with_a_phantom_space(token: str, written: str) -> None:
    assert phantom_space(token) == written
