from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_textual_snapshot import SVGImageExtension  # type: ignore[import-untyped]

from bot.settings import TerminalSettings
from bot.store import Store, open_store
from tests.tui.fake_desk import START
from tui.app import KefuApp
from tui.desk import ChatDesk, DeskOpener

SVGImageExtension.file_extension = "svg"  # syrupy 4.8 renamed it; else they end in ".raw"

AppMaker = Callable[..., KefuApp]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


@pytest.fixture
def make_app() -> AppMaker:
    """An application whose clock stands still."""

    def make(desk: ChatDesk | DeskOpener, **settings: object) -> KefuApp:
        return KefuApp(
            desk,
            TerminalSettings.model_validate(settings),
            clock=lambda: START + timedelta(hours=2),
        )

    return make
