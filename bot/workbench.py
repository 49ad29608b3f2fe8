"""Puts the parts together to measure the models, apart from anybody's log."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from bot.app import Kefu, engine_thread, load_encoder, open_kefu_on, open_store_of
from bot.errors import CannotTranslate, UsageError

if TYPE_CHECKING:
    from bot.engine.embeddings import LlamaEmbeddings
    from bot.evaluation.answers import Outcome, Parts
    from bot.evaluation.feelings import Felt
    from bot.evaluation.own import Expected
    from bot.evaluation.table import Table
    from bot.settings import Settings
    from bot.store import Store

Suite: TypeAlias = Literal[
    "answers", "pages", "search", "sentiment", "summaries", "translations", "speed"
]
Watched: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows how far a piece of work is: its name, and how many there are of what is counted."""
KNOWN = "kefu-encoder"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is measured."""

    suites: frozenset[Suite]
    count: int
    """Questions of a language, messages or conversations of a set."""
    seed: int = 1
    data: Path | None = None
    """Gathered sets, as the models are trained on; what was kept out of them is used."""
    beside: tuple[str, ...] = ()
    """Other encoders: names or files."""
    questions: Sequence[Expected] = ()
    messages: Sequence[Felt] = ()


async def evaluate(settings: Settings, wanted: Wanted, watched: Watched) -> list[Table]:
    """Nothing of it goes into the log. Raise UsageError."""
    from bot.evaluation import sets

    if wanted.data:
        sets.check(wanted.data, wanted.suites)
    found: list[Table] = []
    if wanted.suites or wanted.messages:
        with tempfile.TemporaryDirectory() as home:
            scratch = await _nobodys(settings, Path(home))
            async with open_store_of(scratch) as store, open_kefu_on(store, scratch) as kefu:
                found += await _measured(kefu, store, wanted, watched)
    if wanted.questions:
        found += await _own_questions(settings, wanted, watched)
    return found


async def _nobodys(settings: Settings, home: Path) -> Settings:
    """The same models in an empty house: no help pages, no topics of one's own."""
    from models.catalogue import find_adapter, find_language_model

    engine, folder = settings.engine, settings.paths.models
    if not engine.url:
        file = find_language_model(engine.model, folder)
        adapters = {find_adapter(path, folder): scale for path, scale in engine.adapters.items()}
        here = {"model": str(file), "isolation": "thread", "adapters": adapters}
        engine = engine.model_copy(update=here)
    fresh = {"home": home, "engine": engine, "topics": [], "store": type(settings.store)()}
    scratch = settings.model_copy(update=fresh)
    scratch.paths.sample_mark.touch()
    return scratch


async def _measured(kefu: Kefu, store: Store, wanted: Wanted, watched: Watched) -> list[Table]:
    from bot.evaluation import answers, speed

    tables: list[Table] = []
    waited: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        encoders = {KNOWN: kefu.encoder}
        for name in wanted.beside:
            if Path(name).stem in encoders:
                raise UsageError(f"--beside {name}: another encoder is called {Path(name).stem}")
            encoders[Path(name).stem] = await stack.enter_async_context(_encoder(name, kefu))
        if "answers" in wanted.suites:
            outcomes = await _asked(kefu, wanted, watched)
            waited = answers.waited(outcomes)
            tables += answers.tables(outcomes)
            tables.append(await _picked(outcomes, kefu, encoders, watched))
        if "pages" in wanted.suites:
            tables.append(await _written(kefu, wanted, watched))
        if "search" in wanted.suites:
            tables += await _searched(store, encoders, wanted, watched)
    tables += await _felt(kefu, wanted, watched)
    tables += await _worded(kefu, wanted, watched)
    if "speed" in wanted.suites:
        tables.append(await speed.table(kefu.tagger, kefu.encoder, waited))
    return tables


@asynccontextmanager
async def _encoder(name: str, kefu: Kefu) -> AsyncIterator[LlamaEmbeddings]:
    with engine_thread() as thread:
        yield await asyncio.to_thread(load_encoder, thread, kefu.settings, name)


def _parts(kefu: Kefu) -> Parts:
    from bot.evaluation.answers import Parts

    reads = kefu.summarizer.reads
    return Parts(kefu.assistant, kefu.log, kefu.knowledge, kefu.grounding, reads)


async def _asked(kefu: Kefu, wanted: Wanted, watched: Watched) -> list[Outcome]:
    from bot.evaluation.answers import ask_shops
    from bot.evaluation.shops import shops

    found = []
    for language in ("en", "zh"):
        asked = shops(language, wanted.count, wanted.seed)
        with watched(f"questions, {language}", wanted.count) as more:
            found += await ask_shops(_parts(kefu), asked, more)
    return found


async def _written(kefu: Kefu, wanted: Wanted, watched: Watched) -> Table:
    from bot.evaluation import answers, shops

    found = []
    for language in shops.WRITTEN_LANGUAGES:
        asked = list(shops.written_shops(language, wanted.count, "measure", wanted.seed))
        count = sum(len(conversation) for shop in asked for conversation in shop.conversations)
        with watched(f"pages written by hand, {language}", count) as more:
            found += await answers.ask_shops(_parts(kefu), asked, more)
    return answers.pages_table(found)


async def _picked(
    outcomes: Sequence[Outcome],
    kefu: Kefu,
    encoders: Mapping[str, LlamaEmbeddings],
    watched: Watched,
) -> Table:
    from bot.evaluation import picking

    with watched("picked sentences", sum(bool(o.question.wanted) for o in outcomes)) as more:
        return await picking.table(outcomes, kefu.grounding, encoders, more)


async def _searched(
    store: Store, encoders: Mapping[str, LlamaEmbeddings], wanted: Wanted, watched: Watched
) -> list[Table]:
    from bot.evaluation import search, sets

    corpora = sets.corpora(wanted.data, wanted.count)
    rankers = len(encoders) + 2
    total = rankers * sum(len(corpus.questions) for corpus in corpora)
    with watched("searches", total) as more:
        return await search.tables(corpora, store, encoders, more)


async def _felt(kefu: Kefu, wanted: Wanted, watched: Watched) -> list[Table]:
    from bot.evaluation import feelings, sets

    found = sets.felt(wanted.data, wanted.count) if "sentiment" in wanted.suites else []
    found += wanted.messages
    if not found:
        return []
    with watched("messages", sum(len(one.texts) for one in found)) as more:
        return [await feelings.table(found, kefu.tagger, more)]


async def _worded(kefu: Kefu, wanted: Wanted, watched: Watched) -> list[Table]:
    from bot.evaluation import sets, words
    from bot.evaluation.table import Table

    tables = []
    if "summaries" in wanted.suites:
        summed = sets.summed(wanted.data, wanted.count)
        with watched("summaries", sum(len(one.summaries) for one in summed)) as more:
            tables.append(await words.summaries(summed, kefu.summarizer, more))
    if "translations" in wanted.suites:
        translated = sets.translated(wanted.data, wanted.count)
        with watched("translations", sum(len(one.texts) for one in translated)) as more:
            try:
                tables.append(await words.translations(translated, kefu.translator, more))
            except ImportError:
                raise UsageError(
                    "--suite translations needs sacrebleu: pip install 'kefu[eval]'"
                ) from None
            except CannotTranslate as error:
                tables.append(Table("translations", "Translations", [], f"Not measured: {error}."))
    return tables


async def _own_questions(settings: Settings, wanted: Wanted, watched: Watched) -> list[Table]:
    """Over the help pages that are read in; what is said goes into a log that is thrown away."""
    from bot.evaluation import own

    with tempfile.TemporaryDirectory() as home:
        scratch = settings.model_copy(update={"home": Path(home), "store": type(settings.store)()})
        async with (
            open_store_of(settings) as pages,
            open_store_of(scratch) as store,
            open_kefu_on(store, settings, passages=pages.passages) as kefu,
        ):
            with watched("questions", len(wanted.questions)) as more:
                return await own.tables(wanted.questions, _parts(kefu), more)


def suites_of(names: Sequence[str], data: Path | None) -> frozenset[Suite]:
    """Those that are named; without any, all that can be measured. Raise UsageError."""
    from typing import get_args

    known: tuple[Suite, ...] = get_args(Suite)
    needing: tuple[Suite, ...] = ("search", "summaries", "translations")
    if not names:
        return frozenset(one for one in known if data or one not in needing)
    for name in names:
        if name not in known:
            raise UsageError(f"--suite {name!r} is none of {', '.join(known)}")
        if name in needing and data is None:
            raise UsageError(f"--suite {name} needs --data, a folder of gathered sets")
    return frozenset(one for one in known if one in names)
