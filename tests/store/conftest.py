from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.conversation import Conversation
from bot.store import ConversationLog, Store, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kefu.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with await open_store(path) as store:
        yield store


@pytest.fixture
def log(store: Store) -> ConversationLog:
    return store.log


@pytest.fixture
async def conversation(log: ConversationLog) -> Conversation:
    return await log.start(channel="terminal", customer="ada")
