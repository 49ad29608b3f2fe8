"""Puts the parts together; nothing else constructs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import ModelFileError
from bot.settings import EngineSettings, Settings

if TYPE_CHECKING:
    from bot.agent_desk import AgentDesk
    from bot.aide import Aide
    from bot.assistant import Assistant
    from bot.engine.chat_model import LlamaChatModel
    from bot.engine.embeddings import LlamaEmbeddings
    from bot.engine.remote import RemoteChatModel
    from bot.engine.thread import EngineThread
    from bot.policy import Policy
    from bot.skills.grounding import Grounding
    from bot.skills.sentiment import SentimentTagger
    from bot.skills.summary import Summarizer
    from bot.skills.topics import Topics
    from bot.skills.translation import Translator
    from bot.skills.wishes import Wishes
    from bot.store import ConversationLog, Store
    from bot.trial import Exchange
    from knowledge.index import Knowledge
    from knowledge.storage import PassageStorage


@dataclass(frozen=True, slots=True)
class Kefu:
    settings: Settings
    store: Store
    log: ConversationLog
    knowledge: Knowledge
    assistant: Assistant
    tagger: SentimentTagger
    encoder: LlamaEmbeddings
    grounding: Grounding
    translator: Translator
    summarizer: Summarizer
    model_name: str
    warnings: tuple[str, ...]

    @property
    def business(self) -> str:
        return self.settings.business

    async def mark(self, message_id: str, *, helpful: bool, remark: str = "") -> None:
        """What the customer of this terminal thinks of a reply: their last word counts."""
        await self.store.feedback.give(message_id, "", helpful=helpful, remark=remark)

    async def rate(self, conversation_id: str, score: int, remark: str = "") -> None:
        """The whole conversation, 1 to 5: the last word counts."""
        await self.store.ratings.give(conversation_id, score, remark)


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
async def open_inbox(settings: Settings, agent: str) -> AsyncIterator[AgentDesk]:
    """The log, for an agent of this name: no model is loaded but by `open_aide`."""
    from bot.agent_desk import AgentDesk

    async with open_store_of(settings) as store:
        aide = partial(_open_aide, settings, store)
        yield AgentDesk(store, agent, settings.business, _topics(settings), aide)


@asynccontextmanager
async def _open_aide(settings: Settings, store: Store) -> AsyncIterator[Aide]:
    await asyncio.to_thread(_import_models, settings)
    from bot.aide import Aide

    async with open_kefu_on(store, settings) as kefu:
        yield Aide(kefu.log, kefu.assistant, kefu.translator)


@asynccontextmanager
async def open_knowledge(settings: Settings) -> AsyncIterator[Knowledge]:
    from knowledge.index import Knowledge

    async with open_store_of(settings) as store:
        with engine_thread() as thread:
            encoder = load_encoder(thread, settings)
            knowledge = Knowledge(store.passages, encoder)
            await embed_anew(knowledge, encoder, settings)
            yield knowledge


@asynccontextmanager
async def open_documents(settings: Settings) -> AsyncIterator[Knowledge]:
    """The knowledge base without its encoder: enough to list and to remove."""
    from knowledge.index import Knowledge

    async with open_store_of(settings) as store:
        yield Knowledge(store.passages, None)


@asynccontextmanager
async def open_tagger(settings: Settings) -> AsyncIterator[SentimentTagger]:
    with engine_thread() as thread:
        yield _tagger(load_encoder(thread, settings))


@asynccontextmanager
async def open_embed(
    settings: Settings,
) -> AsyncIterator[Callable[[list[str]], Awaitable[list[list[float]]]]]:
    """The encoder alone: questions to vectors of length 1."""
    with engine_thread() as thread:
        encoder = await asyncio.to_thread(load_encoder, thread, settings)
        yield partial(encoder.aembed_for, "query")


def may_read(settings: Settings) -> bool:
    """Whether the model that answers understands what it is shown, as far as is known before it is
    loaded."""
    from models.catalogue import catalogue

    known = {one.name: one.reads for one in catalogue()}
    return bool(settings.engine.url) or known.get(settings.engine.model, True)


@asynccontextmanager
async def open_kefu(settings: Settings) -> AsyncIterator[Kefu]:
    """Everything. The sample help pages are read in where there is no knowledge yet."""
    async with open_store_of(settings) as store, open_kefu_on(store, settings) as kefu:
        yield kefu


def _import_models(settings: Settings) -> None:
    """It takes a second or two, on a thread during which the screen goes on."""
    modules = ["bot.aide", "bot.engine.chat_model", "bot.engine.encoder", "knowledge.index"]
    if not settings.engine.url and settings.engine.isolation == "thread":
        modules.append("bot.engine.language_model")
    for module in modules:
        import_module(module)


@asynccontextmanager
async def open_kefu_on(
    store: Store, settings: Settings, *, passages: PassageStorage | None = None
) -> AsyncIterator[Kefu]:
    """`passages`: of help pages that lie in another store."""
    from bot.assistant import Assistant
    from bot.memory import Memory
    from bot.skills.grounding import Grounding
    from bot.skills.summary import Summarizer
    from bot.skills.translation import Translator
    from knowledge.index import Knowledge
    from knowledge.terms import content_terms

    async with _open_engine(settings) as engine:
        knowledge = Knowledge(passages or store.passages, engine.encoder)
        await embed_anew(knowledge, engine.encoder, settings)
        await read_sample(knowledge, settings)
        tagger = _tagger(engine.encoder)
        wishes, warnings = _wishes(engine.encoder)
        summarizer = Summarizer(engine.model)
        memory = Memory(store.memories, store.digests, summarizer)
        grounding = Grounding(engine.encoder, content_terms)
        assistant = Assistant(
            engine.model,
            log=store.log,
            knowledge=knowledge,
            tagger=tagger,
            grounding=grounding,
            business=settings.business,
            wishes=wishes,
            passages=settings.knowledge.passages,
            max_tokens=settings.engine.max_tokens,
            policy=_policy(settings),
            memory=memory,
        )
        kefu = Kefu(
            settings=settings,
            store=store,
            log=store.log,
            knowledge=knowledge,
            assistant=assistant,
            tagger=tagger,
            encoder=engine.encoder,
            grounding=grounding,
            translator=Translator(engine.model),
            summarizer=summarizer,
            model_name=engine.model.model_name,
            warnings=(*engine.warnings, *warnings),
        )
        try:
            yield kefu
        finally:
            await memory.close()


@dataclass(frozen=True, slots=True)
class _Engine:
    model: LlamaChatModel | RemoteChatModel
    encoder: LlamaEmbeddings
    warnings: tuple[str, ...] = ()


@asynccontextmanager
async def _open_engine(settings: Settings) -> AsyncIterator[_Engine]:
    """On a thread, in a process of its own, or at a server."""
    from bot.engine.chat_model import LlamaChatModel
    from models.catalogue import find_language_model

    if not settings.engine.url and settings.engine.isolation == "process":
        async with _open_process(settings) as engine:
            yield engine
        return
    with engine_thread() as thread:
        encoder = await asyncio.to_thread(load_encoder, thread, settings)
        if settings.engine.url:
            from bot.engine.remote import open_remote

            yield _Engine(await asyncio.to_thread(open_remote, settings.engine), encoder)
            return
        from bot.engine.language_model import LanguageModel

        file = find_language_model(settings.engine.model, settings.paths.models)
        model = await asyncio.to_thread(
            LanguageModel.load, file, thread, engine_settings(settings), settings.paths.engine_modes
        )
        yield _Engine(LlamaChatModel(language_model=model), encoder, model.warnings)


@asynccontextmanager
async def _open_process(settings: Settings) -> AsyncIterator[_Engine]:
    from bot.engine.chat_model import LlamaChatModel
    from bot.engine.child import Models
    from bot.engine.embeddings import LlamaEmbeddings
    from bot.engine.process import EngineProcess
    from models.catalogue import find, find_language_model

    models = Models(
        language=find_language_model(settings.engine.model, settings.paths.models),
        encoder=find("kefu-encoder"),
        settings=engine_settings(settings),
        modes=settings.paths.engine_modes,
        log=settings.paths.engine_log,
    )
    process = await asyncio.to_thread(EngineProcess.start, models)
    try:
        model = process.language_model
        chat = LlamaChatModel(language_model=model)
        yield _Engine(chat, LlamaEmbeddings(process.encoder), model.warnings)
    finally:
        await asyncio.to_thread(process.close)


def engine_settings(settings: Settings) -> EngineSettings:
    """With the adapters where they lie."""
    from models.catalogue import find_adapter

    adapters = settings.engine.adapters
    found = {find_adapter(path, settings.paths.models): adapters[path] for path in adapters}
    return settings.engine.model_copy(update={"adapters": found})


@dataclass(frozen=True, slots=True)
class Apart:
    model: LlamaChatModel
    encoder: LlamaEmbeddings
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    exchanges: tuple[Exchange, ...]
    warnings: tuple[str, ...]


async def try_model(
    settings: Settings, file: Path, adapters: Mapping[Path, float] | None = None
) -> Trial:
    """A short conversation with a model, under the settings but apart. Raise ModelError."""
    from bot.trial import converse

    async with open_apart(settings, file, adapters or {}) as engine:
        said = await converse(engine.model, settings.business)
        return Trial(tuple(said), engine.warnings)


@asynccontextmanager
async def open_apart(
    settings: Settings, file: Path, adapters: Mapping[Path, float]
) -> AsyncIterator[Apart]:
    """Another model in a process of its own: a file that crashes llama.cpp ends no more than that.
    Raise ModelError."""
    from bot.engine.chat_model import LlamaChatModel

    here = {"model": str(file), "url": "", "isolation": "process", "adapters": dict(adapters)}
    tried = settings.model_copy(update={"engine": settings.engine.model_copy(update=here)})
    async with _open_process(tried) as engine:
        assert isinstance(engine.model, LlamaChatModel)
        yield Apart(engine.model, engine.encoder, engine.warnings)


def _policy(settings: Settings) -> Policy:
    from bot.policy import Policy

    return Policy(_topics(settings), settings.handoff.after_unknown, settings.hours.parsed())


def _topics(settings: Settings) -> Topics:
    from bot.skills.topics import Topic, Topics

    return Topics([Topic(t.name, tuple(t.words), t.reply, t.person) for t in settings.topics])


async def embed_anew(knowledge: Knowledge, encoder: LlamaEmbeddings, settings: Settings) -> None:
    """Where the vectors that are stored are another encoder's: they mean nothing to this one."""
    mark = settings.paths.encoder_mark
    if mark.exists() and mark.read_text("utf-8") == encoder.revision:
        return
    if await knowledge.documents():
        await knowledge.reindex()
    mark.write_text(encoder.revision, "utf-8")


async def read_sample(knowledge: Knowledge, settings: Settings) -> None:
    """At the first start of all, and on from where it was cut off; never again."""
    mark = settings.paths.sample_mark
    if not mark.exists():
        await knowledge.add_sample()
        mark.touch()


def engine_thread() -> EngineThread:
    from bot.engine.thread import EngineThread

    return EngineThread()


def load_encoder(
    thread: EngineThread, settings: Settings, name: str = "kefu-encoder"
) -> LlamaEmbeddings:
    """`name`: of the catalogue, a path, or a file's name in the models folder."""
    from bot.engine.embeddings import LlamaEmbeddings
    from bot.engine.encoder import Encoder
    from models.catalogue import find

    file = find(name, settings.paths.models)
    return LlamaEmbeddings(Encoder.load(file, thread, settings.engine))


def _tagger(encoder: LlamaEmbeddings) -> SentimentTagger:
    from bot.skills.sentiment import SentimentTagger
    from models.catalogue import find

    return SentimentTagger(encoder, find("kefu-sentiment"))


def _wishes(encoder: LlamaEmbeddings) -> tuple[Wishes, tuple[str, ...]]:
    """With what to warn of."""
    from bot.skills.wishes import Wishes, read_head
    from models.catalogue import find

    try:
        head = read_head(find("kefu-wishes"), encoder.revision)
    except ModelFileError as error:
        return Wishes(), (f"{error}; wishes for a person are found by patterns alone",)
    return Wishes(encoder, head), ()
