from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store import Store, open_store
from tests.e2e.slack_server.oauth import SlackWorkspaces


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


@pytest.fixture
async def workspaces() -> AsyncIterator[SlackWorkspaces]:
    async with SlackWorkspaces("T1", "T2") as slack:
        yield slack
