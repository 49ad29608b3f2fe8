import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from bot.conversation import Sentiment, SentimentLabel
from bot.engine import Encoder, EngineThread, LlamaEmbeddings
from bot.errors import ModelFileError
from bot.settings import EngineSettings
from bot.skills.sentiment import LONGEST, UNTOLD, SentimentTagger
from models.catalogue import find

MESSAGES = Path(__file__).parents[1] / "data" / "sentiment_messages.jsonl"


class FixedEmbeddings(Embeddings):
    """The same vector for every text; remembers what it was asked to encode."""

    def __init__(self, vector: Sequence[float] = (0.0,) * 384) -> None:
        self.vector = list(vector)
        self.asked: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked += texts
        return [self.vector for _ in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@pytest.fixture(scope="module")
def tagger() -> Iterator[SentimentTagger]:
    with EngineThread() as thread:
        encoder = Encoder.load(find("kefu-encoder"), thread, EngineSettings(threads=1))
        yield SentimentTagger(LlamaEmbeddings(encoder), find("kefu-sentiment"))


@pytest.mark.parametrize(
    ("text", "language", "label"),
    [
        ("How long do I have to return shoes?", "en", SentimentLabel.NEUTRAL),
        ("my parcel is late and nobody answers!!", "en", SentimentLabel.NEGATIVE),
        ("Thank you so much, you were very helpful!", "en", SentimentLabel.POSITIVE),
        ("鞋子几天之内可以退？", "zh", SentimentLabel.NEUTRAL),
        ("等了三周还没发货，太失望了！", "zh", SentimentLabel.NEGATIVE),
        ("客服很耐心，谢谢！", "zh", SentimentLabel.POSITIVE),
        ("hi", "en", SentimentLabel.NEUTRAL),
        ("你好", "zh", SentimentLabel.NEUTRAL),
    ],
)
def test_plain_messages(
    tagger: SentimentTagger, text: str, language: str, label: SentimentLabel
) -> None:
    (sentiment,) = tagger.tag([text], [language])
    assert sentiment.label == label
    assert sentiment.confidence > 0.4
    expected = {"positive": 1, "neutral": 0, "negative": -1}[label]
    assert sentiment.score == pytest.approx(expected, abs=0.6)


def test_unseen_messages_of_customers(tagger: SentimentTagger) -> None:
    rows = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    found = tagger.tag([row["text"] for row in rows], [row["language"] for row in rows])
    for language, least in (("en", 0.8), ("zh", 0.75)):
        right = [
            sentiment.label == row["label"]
            for sentiment, row in zip(found, rows, strict=True)
            if row["language"] == language
        ]
        assert np.mean(right) >= least, language


async def test_the_async_way_says_the_same_in_the_order_asked(tagger: SentimentTagger) -> None:
    texts = ["I love it", "太差了", "", "Where is it?", "谢谢"]
    languages = ["en", "zh", "en", "en", "zh"]
    found = await tagger.atag(texts, languages)
    assert found == tagger.tag(texts, languages)
    alone = [
        tagger.tag([text], [language])[0] for text, language in zip(texts, languages, strict=True)
    ]
    assert [sentiment.label for sentiment in found] == [sentiment.label for sentiment in alone]


def test_score_and_confidence_are_those_of_probabilities(tagger: SentimentTagger) -> None:
    texts = ["great", "awful", "a table", "WHAT?!", "😡", "👍"]
    for sentiment in tagger.tag(texts, ["en"] * len(texts)):
        assert 1 / 3 <= sentiment.confidence <= 1
        assert -sentiment.confidence <= sentiment.score <= sentiment.confidence


def test_nothing_to_tag(tagger: SentimentTagger) -> None:
    assert tagger.tag([], []) == []
    assert tagger.tag(["", " \n"], ["en", "zh"]) == [UNTOLD, UNTOLD]


@pytest.mark.parametrize(
    ("text", "language", "read"),
    [
        ("Wo ist mein Paket?", "de", True),
        ("👍👍", "de", True),
        ("Где мой заказ?", "ru", False),
        ("أين طلبي؟", "ar", False),
        ("荷物が届きません", "ja", False),
    ],
)
def test_other_languages_are_read_in_latin_letters_only(
    text: str, language: str, read: bool
) -> None:
    encoder = FixedEmbeddings()
    (sentiment,) = SentimentTagger(encoder, find("kefu-sentiment")).tag([text], [language])
    assert encoder.asked == ([text] if read else [])
    assert (sentiment != UNTOLD) == read


def test_chinese_needs_no_vector() -> None:
    encoder = FixedEmbeddings()
    SentimentTagger(encoder, find("kefu-sentiment")).tag(["很好", "ok"], ["zh", "en"])
    assert encoder.asked == ["ok"]


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "\0\x1b[31m", "[bold]", "\ud800", "שלום hello", "😡" * 5000]
)
def test_strange_texts_are_tagged(text: str) -> None:
    encoder = FixedEmbeddings()
    tagger = SentimentTagger(encoder, find("kefu-sentiment"))
    for language in ("en", "zh"):
        (sentiment,) = tagger.tag([text], [language])
        assert isinstance(sentiment, Sentiment)
    assert max(map(len, encoder.asked)) <= LONGEST


def test_the_file_is_read_as_its_card_says(tmp_path: Path) -> None:
    dice = np.random.default_rng(5)
    labels = ["positive", "negative", "neutral"]
    arrays = {
        "labels": np.array(labels),
        "en_vector": dice.normal(size=(3, 4)),
        "en_ngrams": dice.normal(size=(3, 64)).astype(np.float16),
        "en_bias": dice.normal(size=3),
        "en_temperature": np.array(2.0),
        "zh_ngrams": np.zeros((3, 8)),
        "zh_bias": np.zeros(3),
        "zh_temperature": np.array(1.0),
    }
    np.savez(tmp_path / "weights.npz", **arrays)
    vector = [0.5, -0.5, 0.1, 0.7]
    encoder = FixedEmbeddings(vector)
    (sentiment,) = SentimentTagger(encoder, tmp_path / "weights.npz").tag(["Too bad"], ["en"])

    grams = ["too", "bad", "<s> too", "too bad", "bad </s>"]
    features = np.zeros(64)
    features[[zlib.crc32(gram.encode()) % 64 for gram in grams]] = 1
    features /= np.linalg.norm(features)
    logits = np.array(vector) @ arrays["en_vector"].T + features @ arrays["en_ngrams"].T
    chances = np.exp((logits + arrays["en_bias"]) / 2.0)
    chances /= chances.sum()
    assert sentiment.label == labels[chances.argmax()]
    assert sentiment.confidence == pytest.approx(chances.max(), abs=1e-4)
    assert sentiment.score == pytest.approx(chances[0] - chances[1], abs=1e-4)


@pytest.mark.parametrize("content", [None, b"", b"not an archive", b"PK\x03\x04broken"])
def test_a_file_that_is_not_the_model_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "weights.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"weights\.npz is not kefu's sentiment model"):
        SentimentTagger(FixedEmbeddings(), file)


def test_an_archive_without_the_arrays_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "weights.npz", labels=np.array(["positive"]))
    with pytest.raises(ModelFileError, match="sentiment model"):
        SentimentTagger(FixedEmbeddings(), tmp_path / "weights.npz")
