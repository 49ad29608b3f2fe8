from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.adapters.matrix.credentials import MatrixCredentials
from bot.adapters.matrix.homeserver import Homeserver
from tests.adapters.matrix.homeserver import FakeHomeserver


@pytest.fixture
async def fake() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as fake:
        yield fake


@pytest.fixture
async def server(fake: FakeHomeserver) -> AsyncIterator[Homeserver]:
    async with Homeserver(MatrixCredentials.from_environment(fake.environment)) as server:
        yield server
