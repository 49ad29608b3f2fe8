import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from bot.engine import Encoder, EngineThread, LlamaEmbeddings
from bot.errors import ModelFileError
from bot.settings import EngineSettings
from bot.skills import sentiment
from bot.skills.wishes import (
    READ,
    Head,
    Wishes,
    read_head,
    says_yes,
    wishes_for_a_person,
)
from models.catalogue import find

DATA = Path(__file__).parents[1] / "data"
SAMPLE = DATA / "sample_questions.jsonl"
MESSAGES = DATA / "wishes.jsonl"
HEAD = Head(np.array([1.0, 0.0], np.float32), bias=-1.0, threshold=0.5)
"""A wish from a first number of 1.5 on."""


class FixedEncoder:
    """The same vector for every text; remembers what it was asked to encode."""

    languages = frozenset({"en", "zh"})

    def __init__(self, *vector: float) -> None:
        self.vector = list(vector)
        self.asked: list[tuple[str, str]] = []

    async def aembed_for(self, purpose: str, texts: Sequence[str]) -> list[list[float]]:
        self.asked += [(purpose, text) for text in texts]
        return [self.vector for _ in texts]


@pytest.fixture(scope="module")
def wishes() -> Iterator[Wishes]:
    with EngineThread() as thread:
        encoder = Encoder.load(find("kefu-encoder"), thread, EngineSettings(threads=1))
        embeddings = LlamaEmbeddings(encoder)
        yield Wishes(embeddings, read_head(find("kefu-wishes"), embeddings.revision))


async def test_unseen_messages_in_five_languages(wishes: Wishes) -> None:
    """A third of them; models/cards/kefu-wishes.md has the figures of all."""
    records = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()][::3]
    heard = [await wishes.heard(record["text"], record["language"]) for record in records]
    found = list(zip(records, heard, strict=True))
    for language in ("en", "zh", "de", "es", "fr"):
        own = [h for record, h in found if record["wish"] and record["language"] == language]
        assert sum(own) >= 0.5 * len(own) > 0, language
    wished = [h for record, h in found if record["wish"]]
    others = [h for record, h in found if not record["wish"]]
    assert sum(wished) >= 0.75 * len(wished)
    assert sum(others) <= 0.05 * len(others)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Gibt es hier auch echte Menschen?", "de"),
        ("Prefiero que me atienda una persona", "es"),
        ("Passez-moi un de vos collègues", "fr"),
        ("nobody there who can actually help?", "en"),
        ("我不想跟机器人说了，找个人来", "zh"),
    ],
)
async def test_wordings_that_no_pattern_has(wishes: Wishes, text: str, language: str) -> None:
    assert await wishes.heard(text, language)


async def test_the_sample_questions_with_the_head(wishes: Wishes) -> None:
    records = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    called = [
        record["question"]
        for record in records[::3]
        if record["kind"] != "person" and await wishes.heard(record["question"], record["language"])
    ]
    assert called == []


@pytest.mark.parametrize(("first", "heard"), [(1.49, False), (1.51, True)])
async def test_the_head_decides_where_the_patterns_find_nothing(first: float, heard: bool) -> None:
    encoder = FixedEncoder(first, 0.0)
    assert await Wishes(encoder, HEAD).heard("where are your colleagues", "en") is heard
    assert encoder.asked == [("feeling", "where are your colleagues")]


async def test_what_the_patterns_find_needs_no_vector() -> None:
    encoder = FixedEncoder(-9.0, 0.0)
    assert await Wishes(encoder, HEAD).heard("I want to talk to a human", "en")
    assert encoder.asked == []


async def test_without_a_head_the_patterns_decide() -> None:
    assert await Wishes().heard("I want to talk to a human", "en")
    assert not await Wishes().heard("Gibt es hier auch echte Menschen?", "de")


@pytest.mark.parametrize(
    ("text", "language", "read"),
    [("помогите", "ru", False), ("aiuto", "it", True), ("  ", "en", False), ("帮帮我", "zh", True)],
)
async def test_only_scripts_that_the_encoder_knows_are_read(
    text: str, language: str, read: bool
) -> None:
    encoder = FixedEncoder(9.0, 0.0)
    assert await Wishes(encoder, HEAD).heard(text, language) is read
    assert bool(encoder.asked) is read


async def test_the_vector_of_the_sentiment_is_used_again() -> None:
    """What is cut alike has one vector: `LlamaEmbeddings` keeps it."""
    encoder = FixedEncoder(0.0, 0.0)
    await Wishes(encoder, HEAD).heard("x" * (READ + 1), "en")
    assert READ == sentiment.LONGEST
    assert encoder.asked == [("feeling", "x" * sentiment.LONGEST)]


def written(folder: Path, **changed: object) -> Path:
    arrays = {"weight": HEAD.weight, "bias": HEAD.bias, "threshold": 0.5, "revision": "one"}
    kept = {name: value for name, value in {**arrays, **changed}.items() if value is not None}
    np.savez(folder / "wishes.npz", **kept)  # type: ignore[arg-type]
    return folder / "wishes.npz"


def test_the_file_is_read(tmp_path: Path) -> None:
    head = read_head(written(tmp_path), "one")
    assert head.weight.tolist() == [1.0, 0.0]
    assert (head.bias, head.threshold) == (-1.0, 0.5)


def test_a_head_for_another_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"wishes\.npz is for revision one .* not for two"):
        read_head(written(tmp_path), "two")


@pytest.mark.parametrize("content", [None, b"", b"not an archive", b"PK\x03\x04broken"])
def test_a_file_that_is_not_the_head_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "wishes.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"wishes\.npz is not kefu's head for wishes"):
        read_head(file, "one")


@pytest.mark.parametrize("name", ["weight", "bias", "threshold", "revision"])
def test_a_file_that_lacks_an_array_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelFileError, match="head for wishes"):
        read_head(written(tmp_path, **{name: None}), "one")


@pytest.mark.parametrize(
    "text",
    [
        "I wanna speak with one of your colleagues",
        "can I have a human please",
        "this bot is useless, get me a manager",
        "let me chat with an actual person",
        "could you put me through to an agent",
        "I don’t want to talk to a machine",
        "call me a representative",
        "Is there anyone I can talk to?",
        "human!!",
        "能不能转人工客服",
        "我要投诉,叫你们经理来",
        "不想和机器人聊了",
        "让人工来处理",
        "I am tired of talking to this machine",
        "stop this chatbot nonsense, no more bots",
        "I need a manager now",
        "how can I talk to a human?",
        "帮我联系客服",
    ],
)
def test_wishes(text: str) -> None:
    assert wishes_for_a_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "Can someone else collect my order?",
        "How many people work at your shop?",
        "What are the opening hours of customer service?",
        "I need a person's name on the invoice",
        "I don't like the robot vacuum",
        "How do I contact customer support?",
        "Are you a human?",
        "Can my agent order on behalf of my company?",
        "客服电话是多少",
        "人工费怎么算",
        "I'm tired of this coffee machine, can I send it back?",
        "I do not want this machine, how do I return it?",
        "No machine arrived",
        "The robot I bought does not talk",
        "Do I need a representative sample for a return?",
        "I need a manager account",
        "Where can I write to the support team?",
        "怎么联系客服？",
        "x" * 1_000_000,
    ],
)
def test_mentions(text: str) -> None:
    assert not wishes_for_a_person(text)


def test_the_sample_questions() -> None:
    records = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    wrong = [
        record["question"]
        for record in records
        if wishes_for_a_person(record["question"]) != (record["kind"] == "person")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "text", ["yes", "Yes please!", "ok", "please do", "好的", "要", "好的谢谢"]
)
def test_yes(text: str) -> None:
    assert says_yes(text)


@pytest.mark.parametrize("text", ["no", "thanks", "谢谢", "不用", "yes, but how much is it?", ""])
def test_not_a_yes(text: str) -> None:
    assert not says_yes(text)
