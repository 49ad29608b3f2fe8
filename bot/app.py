"""Puts the parts together; nothing else constructs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.settings import Settings

if TYPE_CHECKING:
    from bot.assistant import Assistant
    from bot.engine.benchmark import Benchmark
    from bot.engine.embeddings import LlamaEmbeddings
    from bot.engine.thread import EngineThread
    from bot.skills.sentiment import SentimentTagger
    from bot.store import ConversationLog, Store
    from knowledge.index import Knowledge


@dataclass(frozen=True, slots=True)
class Kefu:
    settings: Settings
    log: ConversationLog
    knowledge: Knowledge
    assistant: Assistant
    tagger: SentimentTagger
    model_name: str
    warnings: tuple[str, ...]

    @property
    def business(self) -> str:
        return self.settings.business


@asynccontextmanager
async def open_store_of(settings: Settings) -> AsyncIterator[Store]:
    """The log and the stored knowledge alone: no model is loaded."""
    from bot.store import open_store

    store = await open_store(settings.store.url or settings.paths.database)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def open_knowledge(settings: Settings) -> AsyncIterator[Knowledge]:
    from knowledge.index import Knowledge

    async with open_store_of(settings) as store:
        with _engine_thread() as thread:
            knowledge = Knowledge(store.passages, _encoder(thread, settings))
            yield knowledge


@asynccontextmanager
async def open_documents(settings: Settings) -> AsyncIterator[Knowledge]:
    """The knowledge base without its encoder: enough to list and to remove."""
    from knowledge.index import Knowledge

    async with open_store_of(settings) as store:
        yield Knowledge(store.passages, None)


@asynccontextmanager
async def open_tagger(settings: Settings) -> AsyncIterator[SentimentTagger]:
    with _engine_thread() as thread:
        yield _tagger(_encoder(thread, settings))


@asynccontextmanager
async def open_kefu(settings: Settings) -> AsyncIterator[Kefu]:
    """Everything. The sample help pages are read in where there is no knowledge yet."""
    from bot.assistant import Assistant
    from bot.engine.chat_model import LlamaChatModel
    from bot.engine.language_model import LanguageModel
    from bot.skills.grounding import Grounding
    from knowledge.index import Knowledge
    from knowledge.terms import content_terms
    from models.catalogue import find

    async with open_store_of(settings) as store:
        with _engine_thread() as thread:
            encoder = await asyncio.to_thread(_encoder, thread, settings)
            file = find(settings.engine.model, settings.paths.models)
            language_model = await asyncio.to_thread(
                LanguageModel.load, file, thread, settings.engine, settings.paths.engine_modes
            )
            model = LlamaChatModel(language_model=language_model)
            knowledge = Knowledge(store.passages, encoder)
            await read_sample(knowledge, settings)
            tagger = _tagger(encoder)
            assistant = Assistant(
                model,
                log=store.log,
                knowledge=knowledge,
                tagger=tagger,
                grounding=Grounding(encoder, content_terms),
                business=settings.business,
                passages=settings.knowledge.passages,
                max_tokens=settings.engine.max_tokens,
            )
            yield Kefu(
                settings=settings,
                log=store.log,
                knowledge=knowledge,
                assistant=assistant,
                tagger=tagger,
                model_name=language_model.info.name,
                warnings=tuple(language_model.warnings),
            )


def measure_engine(
    settings: Settings, name: str | None, *, conversations: int, turns: int
) -> Benchmark:
    """What this machine makes of a model, the one that answers by default."""
    from bot.engine.benchmark import measure
    from bot.engine.language_model import LanguageModel
    from models.catalogue import find

    file = find(name or settings.engine.model, settings.paths.models)
    with _engine_thread() as thread:
        model = LanguageModel.load(file, thread, settings.engine, settings.paths.engine_modes)
        return measure(model, thread, conversations=conversations, turns=turns)


async def read_sample(knowledge: Knowledge, settings: Settings) -> None:
    """At the first start of all, and on from where it was cut off; never again."""
    mark = settings.paths.sample_mark
    if not mark.exists():
        await knowledge.add_sample()
        mark.touch()


def _engine_thread() -> EngineThread:
    from bot.engine.thread import EngineThread

    return EngineThread()


def _encoder(thread: EngineThread, settings: Settings) -> LlamaEmbeddings:
    from bot.engine.embeddings import LlamaEmbeddings
    from bot.engine.encoder import Encoder
    from models.catalogue import find

    return LlamaEmbeddings(Encoder.load(find("kefu-encoder"), thread, settings.engine))


def _tagger(encoder: LlamaEmbeddings) -> SentimentTagger:
    from bot.skills.sentiment import SentimentTagger
    from models.catalogue import find

    return SentimentTagger(encoder, find("kefu-sentiment"))
