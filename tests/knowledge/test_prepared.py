"""The vectors that come along are those of the sample pages, by the encoder that comes along."""

import numpy as np
import pytest

from bot.conversation import Passage
from bot.engine import Encoder, EngineThread, LlamaEmbeddings
from bot.settings import EngineSettings
from knowledge import prepared
from knowledge.embedding import embed_passages
from models.catalogue import find
from tests.bench.prepare_sample import sample_texts


def test_every_passage_of_the_sample_is_there_and_right() -> None:
    texts = sample_texts()
    some = texts[:: len(texts) // 5]
    with EngineThread() as thread:
        encoder = LlamaEmbeddings(Encoder.load(find("kefu-encoder"), thread, EngineSettings()))
        made = np.array(encoder.embed_documents(some))
        stored = prepared.prepared_for(encoder.revision, texts)
    assert None not in stored
    known = dict(zip(texts, stored, strict=True))
    assert (np.array([known[text] for text in some]) * made).sum(axis=1).min() > 0.999


def test_another_encoder_finds_nothing() -> None:
    texts = sample_texts()[:3]
    assert prepared.prepared_for("another", texts) == [None] * 3
    assert prepared.prepared_for("", texts) == [None] * 3


class Counting:
    """Notes what it is asked to encode."""

    languages = frozenset({"en"})

    def __init__(self, revision: str) -> None:
        self.revision = revision
        self.asked: list[str] = []

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked += texts
        return [[0.0, 1.0] for _ in texts]

    async def aembed_query(self, text: str) -> list[float]:
        raise NotImplementedError


async def test_only_what_is_not_prepared_is_encoded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(prepared, "FILE", tmp_path / "prepared.npz")  # type: ignore[operator]
    prepared._stored.cache_clear()
    prepared.keep("one", {"A > B: said": [1.0, 0.0]})
    encoder = Counting("one")
    passages = [Passage("1", "a.md", "A", "B", text, "en") for text in ("said", "new")]
    vectors = await embed_passages(encoder, passages)
    assert encoder.asked == ["A > B: new"]
    assert vectors is not None
    assert vectors.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    prepared._stored.cache_clear()
