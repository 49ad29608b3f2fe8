"""Every test has a home of its own; the sample help pages are indexed once a session."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from bot.settings import Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for all that kefu writes."""
    home = tmp_path / "home"
    monkeypatch.setenv("KEFU_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose database holds the sample help pages, embedded by the real encoder."""
    from bot.app import open_knowledge

    home = tmp_path_factory.mktemp("indexed")

    async def index() -> None:
        async with open_knowledge(Settings(home=home)) as knowledge:
            result = await knowledge.add_sample()
            assert not result.skipped

    asyncio.run(index())
    return home


@pytest.fixture
def sample_home(indexed: Path, home: Path) -> Path:
    """This test's own copy of the indexed home."""
    shutil.copytree(indexed, home)
    return home
