"""The converter on a tiny BERT, and the encoder that comes along against torch's vectors.

The stored vectors were computed by `python -m models.training.encoder export --reference`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest
from tokenizers import Tokenizer

from bot.engine import Encoder, EngineThread
from bot.settings import EngineSettings
from models.catalogue import find
from models.training.encoder import again, told, tuned
from models.training.encoder_gguf import read_tuned, write_gguf
from models.training.multilingual import (
    BEGIN,
    END,
    PAD,
    Base,
    load_tuned,
    save_packed,
    tokenizer_of,
)
from models.training.vectors import tokenize
from tests.models.bases import INNER, WIDTH, charsmap, pieces_of, random_base

REFERENCE = Path(__file__).parents[1] / "data" / "encoder_reference.npz"
EXTRA: dict[str, str | float | list[float]] = {
    "kefu.languages": "en,zh",
    "kefu.prefix.query": "query: ",
    "kefu.bias": 0.5,
    "kefu.list": [1.0, 2.0],
}


@pytest.fixture(scope="module")
def thread() -> Iterator[EngineThread]:
    with EngineThread() as thread:
        yield thread


@pytest.fixture(scope="module")
def encoder(thread: EngineThread) -> Encoder:
    return Encoder.load(find("kefu-encoder"), thread, EngineSettings(threads=1))


def test_its_vectors_agree_with_torchs(encoder: Encoder) -> None:
    with np.load(REFERENCE, allow_pickle=False) as stored:
        sentences, expected = stored["sentences"].tolist(), stored["vectors"].astype(np.float32)
    cosines = (encoder.encode(sentences) * expected).sum(axis=1) / np.linalg.norm(expected, axis=1)
    assert len(sentences) == 64
    assert cosines.mean() >= 0.998
    assert cosines.min() >= 0.99  # strings of figures are what rounding to Q8_0 moves most


@pytest.mark.parametrize(
    "question",
    [
        "How do I send shoes back?",
        "怎么退鞋子？",
        "Wie schicke ich Schuhe zurück?",
        "¿Cómo devuelvo unos zapatos?",
        "Comment renvoyer des chaussures ?",
    ],
)
def test_a_question_is_nearest_to_its_answer_in_every_language(
    encoder: Encoder, question: str
) -> None:
    head = encoder.info.prefixes
    passages = ["Returns: Post the shoes in their box.", "It rained in Oslo.", "We open at nine."]
    texts = [head["query"] + question, *(head["passage"] + passage for passage in passages)]
    asked, *told = encoder.encode(texts)
    assert np.argmax(np.stack(told) @ asked) == 0


def test_its_file_says_what_it_is(encoder: Encoder) -> None:
    info = encoder.info
    assert info.languages == {"en", "zh", "de", "es", "fr"}
    assert info.prefixes == {name: f"{name}: " for name in ("query", "passage", "pair", "feeling")}
    assert info.answers is not None
    assert len(info.answers.weight) == encoder.dimension == 384
    assert encoder.window == 512
    assert find("kefu-encoder").stat().st_size < 48_000_000


@pytest.fixture(scope="module")
def base() -> Base:
    return random_base(*pieces_of(), layers=2)


@pytest.fixture(scope="module")
def tokenizer(base: Base) -> Tokenizer:
    return tokenizer_of(base.pieces, base.scores, charsmap())


@pytest.fixture(scope="module", params=[False, True], ids=["rounded", "whole"])
def written(
    base: Base, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Path:
    path = tmp_path_factory.mktemp("written") / "tiny.gguf"
    write_gguf(path, base, charsmap(), EXTRA, whole=request.param)
    return path


def test_llama_cpp_loads_what_the_converter_writes(written: Path, thread: EngineThread) -> None:
    encoder = Encoder.load(written, thread, EngineSettings(threads=1))
    assert (encoder.window, encoder.dimension) == (512, WIDTH)
    assert encoder.info.languages == {"en", "zh"}
    assert encoder.info.prefixes["query"] == "query: "
    assert np.linalg.norm(encoder.encode(["ordering"])) == pytest.approx(1)


def read(folder: Path, base: Base, *, whole: bool = False) -> gguf.GGUFReader:
    """Written with a table of no characters: the real one takes seconds to read."""
    write_gguf(folder / "tiny.gguf", base, bytes(4), EXTRA, whole=whole)
    return gguf.GGUFReader(folder / "tiny.gguf")


def test_the_file_tells_shape_vocabulary_and_licence(base: Base, tmp_path: Path) -> None:
    file = read(tmp_path, base)
    expected = {
        "general.architecture": "bert",
        "general.license": "mit",
        "kefu.languages": "en,zh",
        "kefu.bias": 0.5,
        "kefu.list": [1.0, 2.0],
        "bert.context_length": 512,
        "bert.embedding_length": WIDTH,
        "bert.feed_forward_length": INNER,
        "bert.block_count": 2,
        "bert.attention.causal": False,
        "bert.pooling_type": gguf.PoolingType.MEAN,
        "tokenizer.ggml.tokens": base.pieces,
        "tokenizer.ggml.scores": base.scores.tolist(),
    }
    assert {name: file.fields[name].contents() for name in expected} == expected
    assert len(file.tensors) == len(base.weights)


def test_matrices_have_eight_bits_and_words_four(base: Base, tmp_path: Path) -> None:
    stored = {tensor.name: tensor for tensor in read(tmp_path, base).tensors}
    assert stored["token_embd.weight"].tensor_type == gguf.GGMLQuantizationType.Q4_0
    assert stored["blk.1.ffn_down.weight"].tensor_type == gguf.GGMLQuantizationType.Q8_0
    kept = {"position_embd.weight": "emb.pos", "blk.0.attn_q.bias": "l0.q.b"}
    for name, ours in kept.items():
        assert stored[name].tensor_type == gguf.GGMLQuantizationType.F32
        np.testing.assert_array_equal(stored[name].data, base.weights[ours])


def test_a_whole_file_has_every_weight_as_it_is(base: Base, tmp_path: Path) -> None:
    stored = read(tmp_path, base, whole=True).tensors
    assert {tensor.tensor_type for tensor in stored} == {gguf.GGMLQuantizationType.F32}
    (up,) = [tensor for tensor in stored if tensor.name == "blk.1.ffn_up.weight"]
    np.testing.assert_array_equal(up.data, base.weights["l1.fi.w"])


@pytest.mark.parametrize(
    "text",
    [
        "return the shoe",
        "how  are you,   ordering?",
        "  dog",
        "ｒｅｔｕｒｎ ① ½ order",
        "退货 鞋子！你好",
        "ship\nthe\tdog",
        "😀 dog",
        "pair: how || the shoe",
        "",
    ],
)
def test_llama_cpp_tokenizes_as_the_tokenizer_does(
    written: Path, tokenizer: Tokenizer, text: str
) -> None:
    assert tokenize(written, [text]) == [tokenizer.encode(text).ids]


def test_the_name_of_a_special_token_in_a_text_is_only_text(written: Path) -> None:
    (found,) = tokenize(written, ["</s> <pad> <s>"])
    assert (found.count(BEGIN), found.count(END), found.count(PAD)) == (1, 1, 0)


def test_what_was_tuned_lies_over_the_base_and_the_heads_apart(base: Base, tmp_path: Path) -> None:
    save_packed(tmp_path / "base.npz", base)
    stored = {"pieces": base.pieces, "scores": base.scores.tolist(), "epsilon": base.epsilon}
    (tmp_path / "pieces.json").write_text(json.dumps(stored), "utf-8")
    changed = (base.weights["l0.q.w"] + 1).astype(np.float16)
    head = np.arange(3, dtype=np.float32)
    np.savez(tmp_path / "tuned.npz", **{"l0.q.w": changed, "head.answers.bias": head})
    found, heads = tuned(tmp_path)
    assert (found.pieces, found.epsilon) == (base.pieces, base.epsilon)
    assert found.weights["l0.q.w"].dtype == np.float32
    np.testing.assert_array_equal(found.weights["l0.q.w"], changed)
    np.testing.assert_array_equal(found.weights["emb.pos"], base.weights["emb.pos"])
    assert heads.keys() == {"answers.bias"}
    np.testing.assert_array_equal(heads["answers.bias"], head)


def test_what_was_not_tuned_claims_nothing_that_tuning_gave(tmp_path: Path) -> None:
    (tmp_path / "tuned.npz").write_bytes(b"weights")
    heads = {"answers.weight": np.ones((1, 4), np.float32), "answers.bias": np.zeros(1)}
    with_heads, bare = told(tmp_path, heads), told(tmp_path, {})
    assert {"kefu.answers", "kefu.prefix.pair", "kefu.prefix.feeling"} <= set(with_heads)
    assert bare["kefu.revision"] == "untuned" != with_heads["kefu.revision"]
    assert set(bare) == set(with_heads) - {
        "kefu.answers", "kefu.prefix.pair", "kefu.prefix.feeling",
    }  # fmt: skip


def test_a_run_goes_on_from_the_files_that_it_made(base: Base, tmp_path: Path) -> None:
    weight = [round(0.01 * n, 5) for n in range(WIDTH)]
    extra = {"kefu.answers": json.dumps({"weight": weight, "bias": -0.5})}
    write_gguf(tmp_path / "made.gguf", base, charsmap(), extra)
    feeling = np.arange(3 * WIDTH, dtype=np.float32).reshape(3, WIDTH)
    np.savez(tmp_path / "sentiment.npz", vector=feeling, bias=np.ones(3, np.float32))
    again(tmp_path, tmp_path / "made.gguf", tmp_path / "sentiment.npz")
    found, heads = load_tuned(tmp_path / "tuned.npz")
    assert set(found) == set(base.weights) - {"emb.word"}
    for name, values in found.items():
        np.testing.assert_allclose(values, base.weights[name], atol=0.02, err_msg=name)
    np.testing.assert_allclose(heads["answers.weight"], [weight], rtol=1e-6)
    assert heads["answers.bias"].tolist() == [-0.5]
    np.testing.assert_array_equal(heads["feeling.weight"], feeling)


def test_without_a_head_nothing_goes_on(base: Base, tmp_path: Path) -> None:
    write_gguf(tmp_path / "bare.gguf", base, charsmap(), {})
    with pytest.raises(ValueError, match="no head for answers"):
        read_tuned(tmp_path / "bare.gguf")
