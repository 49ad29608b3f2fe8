from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.engine import Encoder, EngineThread
from bot.engine.request import Request
from bot.engine.template import ChatTurn
from bot.engine.vector_model import AnswerHead, EncoderInfo
from bot.errors import EngineClosed, ModelError, ModelFileError
from bot.settings import EngineSettings
from tests.engine.conftest import Load
from tests.engine.tiny import write_encoder


def test_vectors_have_length_one(encoder: Encoder) -> None:
    vectors = encoder.encode(["return the shoe", "hello world", "return"])
    assert vectors.shape == (3, encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert not np.allclose(vectors[0], vectors[1], atol=0.01)


def test_a_batch_gives_what_each_text_gives_alone(encoder: Encoder) -> None:
    texts = [f"order {number} " + "shoe " * (number % 40) for number in range(150)]
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    # sums run in another order; keys and values rounded to F16 would differ by 1e-3
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("text", ["", " ", "\0", "你好", "\ud800", "😀", "\u202eabc", "[SEP]"])
def test_odd_text_gets_a_vector(encoder: Encoder, text: str) -> None:
    vectors = encoder.encode([text, "return"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors[1], encoder.encode(["return"])[0], atol=1e-5)


def test_a_long_text_is_cut_to_the_window(encoder: Encoder) -> None:
    long, longer = encoder.encode(["shoe " * 62, "shoe " * 200_000])
    assert encoder.window == 64  # of which [CLS] and [SEP] take two
    np.testing.assert_allclose(long, longer, atol=1e-5)
    assert not np.allclose(long, encoder.encode(["shoe " * 40])[0], atol=1e-5)


def test_no_text_is_no_vector(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimension)


def info_of(folder: Path, thread: EngineThread, **metadata: str) -> EncoderInfo:
    named = {f"kefu.{key}": value for key, value in metadata.items()}
    path = write_encoder(folder / "encoder.gguf", metadata=named)
    return Encoder.load(path, thread, EngineSettings(threads=1)).info


def test_the_file_names_the_languages(tmp_path: Path, thread: EngineThread) -> None:
    assert info_of(tmp_path, thread).languages == {"en"}
    assert info_of(tmp_path, thread, languages="en, zh").languages == {"en", "zh"}


def test_the_file_names_what_stands_before_a_text(tmp_path: Path, thread: EngineThread) -> None:
    named = {"prefix.query": "query: ", "prefix.feeling": "feel: "}
    info = info_of(tmp_path, thread, **named)
    assert info.prefixes == {"query": "query: ", "passage": "", "pair": "", "feeling": "feel: "}


def test_the_file_tells_what_answers(tmp_path: Path, thread: EngineThread) -> None:
    assert info_of(tmp_path, thread).answers is None
    info = info_of(tmp_path, thread, answers='{"weight": [1, -0.5], "bias": 2}')
    assert info.answers == AnswerHead(weight=(1.0, -0.5), bias=2.0)


@pytest.mark.parametrize(
    "stored", ["no JSON", '{"weight": [1]}', "[1, 2]", '{"weight": ["a"], "bias": 0}']
)
def test_a_head_that_is_not_understood_is_named(
    tmp_path: Path, thread: EngineThread, stored: str
) -> None:
    with pytest.raises(ModelFileError, match=r"encoder\.gguf: kefu\.answers is not understood"):
        info_of(tmp_path, thread, answers=stored)


def test_it_shares_the_thread_with_the_language_model(
    encoder: Encoder, load: Load, thread: EngineThread
) -> None:

    model = load()

    async def both() -> tuple[int, int]:
        reply = model.agenerate(Request(model.render([ChatTurn("user", "hello")])))
        await anext(reply)
        vectors = await encoder.aencode(["return"] * 200)
        return len(vectors), len([item async for item in reply])

    assert asyncio.run(both())[0] == 200


def test_a_failed_call_is_one_line(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("llama_cpp.llama_encode", lambda context, batch: -3)
        with pytest.raises(ModelError, match="code -3"):
            encoder.encode(["return"])
    assert encoder.encode(["return"]).shape == (1, encoder.dimension)


def test_a_burst_is_encoded_together(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [encoder.encode([f"order {number}"])[0] for number in range(30)]
    sizes: list[int] = []
    vectors = encoder._vectors

    def counted(batch: Sequence[list[int]]) -> NDArray[np.float32]:
        sizes.append(len(batch))
        return vectors(batch)

    monkeypatch.setattr(encoder, "_vectors", counted)

    async def burst() -> list[NDArray[np.float32]]:
        calls = (encoder.aencode([f"order {number}"]) for number in range(30))
        return await asyncio.gather(*calls)

    found = asyncio.run(burst())
    np.testing.assert_allclose(np.concatenate(found), np.stack(alone), atol=1e-4)
    assert len(sizes) < 10
    assert sum(sizes) == 30


async def test_a_question_does_not_wait_for_a_knowledge_base(encoder: Encoder) -> None:
    order: list[str] = []

    async def encode(name: str, texts: list[str]) -> None:
        await encoder.aencode(texts)
        order.append(name)

    pages = asyncio.create_task(encode("pages", ["shoe " * 50] * 400))
    await asyncio.sleep(0)
    question = asyncio.create_task(encode("question", ["return"]))
    await asyncio.gather(pages, question)
    assert order == ["question", "pages"]


async def test_a_cancelled_call_leaves_the_others_alone(encoder: Encoder) -> None:
    alone = await encoder.aencode(["return"])
    pages = asyncio.create_task(encoder.aencode(["shoe " * 50] * 400))
    await asyncio.sleep(0)
    pages.cancel()
    np.testing.assert_allclose(await encoder.aencode(["return"]), alone, atol=1e-4)
    with pytest.raises(asyncio.CancelledError):
        await pages


async def test_who_breaks_a_batch_fails_alone(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = encoder._vectors

    def failing(batch: Sequence[list[int]]) -> NDArray[np.float32]:
        if any(len(tokens) > 20 for tokens in batch):
            raise ModelError("too long for this test")
        return vectors(batch)

    monkeypatch.setattr(encoder, "_vectors", failing)
    good, bad = await asyncio.gather(
        encoder.aencode(["return", "order"]),
        encoder.aencode(["shoe " * 30]),
        return_exceptions=True,
    )
    assert isinstance(good, np.ndarray)
    assert good.shape == (2, encoder.dimension)
    assert isinstance(bad, ModelError)


def test_closing(encoder: Encoder, thread: EngineThread) -> None:
    encoder.close()
    with pytest.raises(EngineClosed):
        encoder.encode(["return"])
    assert thread.run(lambda: 1) == 1


def test_a_missing_file(tmp_path: Path, thread: EngineThread) -> None:
    with pytest.raises(ModelFileError, match="does not exist"):
        Encoder.load(tmp_path / "missing.gguf", thread, EngineSettings())
