"""In a turn the encoder reads a question once and a message once, whoever wants their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bot.assistant import Assistant
from bot.engine import LlamaEmbeddings
from bot.engine.stream import Cancellable, Outlet
from bot.engine.vector_model import AnswerHead, EncoderInfo, VectorModel, Vectors
from bot.skills.grounding import Grounding
from bot.skills.sentiment import SentimentTagger
from bot.skills.wishes import Head, Wishes
from bot.store import open_store
from knowledge.index import Knowledge
from knowledge.terms import content_terms
from tests.fakes import ScriptedChatModel
from tests.knowledge.fakes import DIMENSION, HashEncoder

SAID = "Shoes can be returned within 60 days of delivery."
QUESTION = "How long can shoes be returned?"


class Task:
    def cancel(self) -> None:
        pass


class Listening(VectorModel):
    def __init__(self) -> None:
        answers = AnswerHead((0.0,) * DIMENSION, 0.0)
        prefixes = {"query": "query: ", "feeling": "feeling: "}
        self.info = EncoderInfo(frozenset({"en"}), prefixes, answers)  # type: ignore[arg-type]
        self.texts: list[str] = []

    def hand_in(self, texts: Sequence[str], outlet: Outlet[Vectors]) -> Cancellable:
        self.texts += texts
        outlet.put(np.array(HashEncoder().embed_for("query", texts), np.float32))
        outlet.end()
        return Task()


async def test_one_vector_of_each_kind(tmp_path: Path) -> None:
    (tmp_path / "returns.md").write_text(f"# Returns\n\n{SAID}\n")
    weights = {"vector": np.zeros((3, DIMENSION)), "bias": np.zeros(3), "temperature": 1.0}
    np.savez(tmp_path / "mood.npz", labels=["negative", "neutral", "positive"], **weights)  # type: ignore[arg-type]
    encoder = Listening()
    embeddings = LlamaEmbeddings(encoder)
    head = Head(np.zeros(DIMENSION, np.float32), bias=-1.0, threshold=0.0)
    async with await open_store(tmp_path / "kefu.db") as store:
        knowledge = Knowledge(store.passages, embeddings)
        await knowledge.add([tmp_path / "returns.md"])
        assistant = Assistant(
            ScriptedChatModel(replies=[SAID]),
            log=store.log,
            knowledge=knowledge,
            tagger=SentimentTagger(embeddings, tmp_path / "mood.npz"),
            grounding=Grounding(embeddings, content_terms),
            business="Lamps",
            wishes=Wishes(embeddings, head),
        )
        conversation = await store.log.start(channel="terminal")
        async for _ in assistant.reply(conversation, QUESTION):
            pass
    headed = [text for text in encoder.texts if text.startswith(("query: ", "feeling: "))]
    assert headed == [f"feeling: {QUESTION}", f"query: {QUESTION}"]
