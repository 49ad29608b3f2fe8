"""Conversations that are made up for a test, and those of the demo world."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

from bot.conversation import (
    Citation,
    Conversation,
    ConversationState,
    Message,
    ReplyStatus,
    Role,
    Timing,
)
from bot.demo.filling import fill
from bot.demo.scene import sentiment_of
from bot.demo.world import Told, World
from bot.digest.case import case_of
from bot.digest.digest import digest
from bot.hours import ALWAYS_OPEN, BusinessHours
from bot.reports.entries import Entry, make_digests
from bot.reports.make import Embed, Encoder, MakeDigests, Progress, Reporter
from bot.reports.report import Material, Report
from bot.settings import Settings
from bot.store import Store, open_store
from bot.store.cohort import Opinion, Period, Rated, Started
from bot.store.ratings import Rating
from bot.store.rows import new_id
from bot.store.whole import Whole

MONDAY = datetime(2026, 5, 4, 9, tzinfo=UTC)
MAY = Period(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
JUNE = datetime(2026, 6, 10, tzinfo=UTC)
"""When May is reported on, and nobody can come back any more."""
UNTIL = datetime(2026, 6, 29, tzinfo=UTC)
"""The end of the demo world."""


# --- conversations


@dataclass(frozen=True)
class Line:
    role: Role
    text: str
    more: Mapping[str, Any]


def customer(text: str, mood: float | None = 0.0, language: str | None = "en") -> Line:
    feels = None if mood is None else sentiment_of(mood)
    return Line(Role.CUSTOMER, text, {"language": language, "sentiment": feels})


def bot(
    text: str = "Here you are.",
    status: ReplyStatus = ReplyStatus.ANSWERED,
    page: str = "",
    **more: Any,
) -> Line:
    cited = (Citation("page.md", page, "", text),) if page else ()
    told = {"status": status, "citations": cited, "timing": Timing(100.0, 300.0, 50, 20, 10, 60.0)}
    return Line(Role.ASSISTANT, text, told | more)


def unknown() -> Line:
    return bot("I do not know.", ReplyStatus.UNKNOWN, rule="nothing found")


def called(rule: str = "asked for a person") -> Line:
    return bot("Somebody will come.", ReplyStatus.HANDED_OFF, rule=rule)


def agent(text: str = "I have a look.") -> Line:
    return Line(Role.AGENT, text, {})


def talk(
    *lines: Line,
    at: datetime = MONDAY,
    who: str = "ada",
    channel: str = "slack",
    rating: Rating | None = None,
) -> Whole:
    """A message a minute."""
    name = new_id()
    messages = [
        Message(new_id(), name, one.role, one.text, at + timedelta(minutes=n), **one.more)
        for n, one in enumerate(lines)
    ]
    open_ = ConversationState.OPEN
    last = messages[-1].created_at if messages else at
    return Whole(Conversation(name, channel, who, "", open_, at, last), messages, rating=rating)


def entry(
    whole: Whole, *, comes_back: bool = False, may_come_back: bool = False, **more: Any
) -> Entry:
    """As it would be read from a store."""
    about, messages = whole.conversation, whole.messages
    found = digest(messages)
    rating = whole.rating
    return Entry(
        started=Started(
            id=about.id,
            channel=about.channel,
            customer=about.customer,
            title=about.title,
            at=about.created_at,
            last=len(messages),
            messages=len(messages),
            tagged=sum(1 for one in messages if one.sentiment),
            revision=0,
            fingerprint=None,
        ),
        case=case_of(messages, found.ending),
        digest=found.plain() | more,
        comes_back=comes_back,
        may_come_back=may_come_back,
        rated=None if rating is None else Rated(about.id, rating.score, rating.remark),
        opinions=tuple(Opinion(about.id, one.helpful, one.remark) for one in whole.feedback),
    )


def material(
    now: Sequence[Entry], then: Sequence[Entry] = (), period: Period = MAY, **more: Any
) -> Material:
    given: dict[str, Any] = {
        "business": "Lantern & Loom",
        "period": period,
        "before": Period(period.since - (period.until - period.since), period.since),
        "hours": ALWAYS_OPEN,
        "made_at": JUNE,
        "vectors": {},
        "trials": 0,
    }
    return Material(now=now, then=then, **(given | more))


# --- reports from a store


@dataclass
class CountingEncoder:
    """Texts with the same words are near; it counts how often it is opened, and what for."""

    opened: int = 0
    encoded: list[str] = field(default_factory=list)

    def of(self, *languages: str) -> Encoder:
        return Encoder("counting", frozenset(languages), self._open)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Embed]:
        self.opened += 1
        yield self._embed

    async def _embed(self, texts: list[str]) -> list[list[float]]:
        self.encoded += texts
        return [_vector(text) for text in texts]


def _vector(text: str) -> list[float]:
    row = np.zeros(64)
    for word in text.casefold().strip("?!. ").split():
        row[crc32(word.encode()) % len(row)] += 1
    unit: list[float] = (row / max(float(np.linalg.norm(row)), 1e-9)).tolist()
    return unit


@contextmanager
def silent(_: str, __: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


def reporter(
    store: Store,
    encoder: Encoder | None = None,
    hours: BusinessHours = ALWAYS_OPEN,
    progress: Progress = silent,
    digests: MakeDigests = make_digests,
) -> Reporter:
    chosen = encoder or CountingEncoder().of("en")
    return Reporter(store, "Lantern & Loom", hours, chosen, progress, digests)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the newest schema: to make one takes as long as a test."""
    path = tmp_path_factory.mktemp("empty") / "kefu.db"

    async def make() -> None:
        async with await open_store(path):
            pass

    asyncio.run(make())
    return path


@pytest.fixture
async def store(empty: Path, tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(Path(shutil.copy(empty, tmp_path))) as store:
        yield store


# --- the demo


@dataclass(frozen=True)
class Demo:
    home: Path
    told: Sequence[Told]

    @property
    def database(self) -> Path:
        return Settings(home=self.home).paths.database


def demo_at(home: Path, conversations: int = 600) -> Demo:
    demo = Demo(home, World(7, conversations, UNTIL).conversations())

    async def work() -> None:
        async with await open_store(demo.database) as store:
            await fill(store, demo.told, UNTIL, lambda _: None)

    asyncio.run(work())
    return demo


def report_of(demo: Demo, period: Period, hours: BusinessHours = ALWAYS_OPEN) -> Report:
    """Without the real encoder."""

    async def work() -> Report:
        async with await open_store(demo.database) as store:
            return await reporter(store, CountingEncoder().of("en"), hours).report(period, UNTIL)

    return asyncio.run(work())


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """About 600 conversations of ninety days, and what is known of them; for reading alone."""
    return demo_at(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def demo_report(demo: Demo) -> Report:
    """Of the last 45 days, beside the 45 before."""
    return report_of(demo, Period(UNTIL - timedelta(days=45), UNTIL))
