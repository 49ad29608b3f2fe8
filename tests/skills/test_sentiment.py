import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from bot.conversation import Sentiment, SentimentLabel
from bot.engine import Encoder, EngineThread, LlamaEmbeddings
from bot.errors import ModelFileError
from bot.settings import EngineSettings
from bot.skills.sentiment import LONGEST, UNTOLD, SentimentTagger
from models.catalogue import find

MESSAGES = Path(__file__).parents[1] / "data" / "sentiment_messages.jsonl"


class FixedEncoder:
    """The same vector for every text; remembers what it was asked to encode, and for what."""

    languages = frozenset({"en", "zh"})

    def __init__(self, vector: Sequence[float] = (0.0,) * 384) -> None:
        self.vector = list(vector)
        self.asked: list[str] = []
        self.purposes: set[str] = set()

    def embed_for(self, purpose: str, texts: Sequence[str]) -> list[list[float]]:
        self.purposes.add(purpose)
        self.asked += texts
        return [self.vector for _ in texts]

    async def aembed_for(self, purpose: str, texts: Sequence[str]) -> list[list[float]]:
        return self.embed_for(purpose, texts)


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
        ("Wo ist mein Paket?", "de", SentimentLabel.NEUTRAL),
        ("Das ist eine Frechheit, ich bin sehr enttäuscht!", "de", SentimentLabel.NEGATIVE),
        ("¡Muchísimas gracias, todo perfecto!", "es", SentimentLabel.POSITIVE),
        ("C'est inadmissible, je suis très déçu !", "fr", SentimentLabel.NEGATIVE),
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
        ("我的包裹在哪里？", "zh", True),
        ("我的包裹在哪里？", "ja", False),
    ],
)
def test_a_language_that_the_encoder_does_not_know_is_read_in_latin_letters_only(
    text: str, language: str, read: bool
) -> None:
    encoder = FixedEncoder()
    (sentiment,) = SentimentTagger(encoder, find("kefu-sentiment")).tag([text], [language])
    assert encoder.asked == ([text] if read else [])
    assert (sentiment != UNTOLD) == read


async def test_vectors_are_asked_for_as_feelings_in_one_call() -> None:
    encoder = FixedEncoder()
    tagger = SentimentTagger(encoder, find("kefu-sentiment"))
    tagger.tag(["很好", "", "ok"], ["zh", "en", "en"])
    await tagger.atag(["fine"], ["en"])
    assert encoder.asked == ["很好", "ok", "fine"]
    assert encoder.purposes == {"feeling"}


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "\0\x1b[31m", "[bold]", "\ud800", "שלום hello", "😡" * 5000]
)
def test_strange_texts_are_tagged(text: str) -> None:
    encoder = FixedEncoder()
    tagger = SentimentTagger(encoder, find("kefu-sentiment"))
    for language in ("en", "zh"):
        (sentiment,) = tagger.tag([text], [language])
        assert isinstance(sentiment, Sentiment)
    assert max(map(len, encoder.asked)) <= LONGEST


def test_the_file_is_read_as_its_card_says(tmp_path: Path) -> None:
    dice = np.random.default_rng(5)
    labels = ["positive", "negative", "neutral"]
    weights, bias = dice.normal(size=(3, 4)), dice.normal(size=3)
    np.savez(
        tmp_path / "weights.npz",
        labels=np.array(labels),
        vector=weights,
        bias=bias,
        temperature=np.array(2.0),
    )
    vector = [0.5, -0.5, 0.1, 0.7]
    tagger = SentimentTagger(FixedEncoder(vector), tmp_path / "weights.npz")
    (sentiment,) = tagger.tag(["Too bad"], ["en"])

    chances = np.exp((weights @ np.array(vector) + bias) / 2.0)
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
        SentimentTagger(FixedEncoder(), file)


def test_an_archive_without_the_arrays_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "weights.npz", labels=np.array(["positive"]))
    with pytest.raises(ModelFileError, match="sentiment model"):
        SentimentTagger(FixedEncoder(), tmp_path / "weights.npz")
