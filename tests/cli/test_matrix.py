from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.adapters.matrix.homeserver import FakeHomeserver
from tests.cli.conftest import Kefu

VARIABLES = ("HOMESERVER", "ACCESS_TOKEN", "USER_ID", "PASSWORD")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(f"MATRIX_{name}", raising=False)


def test_without_credentials(kefu: Kefu) -> None:
    ran = kefu("matrix")
    assert ran.status == 1
    assert "MATRIX_HOMESERVER and MATRIX_ACCESS_TOKEN (or MATRIX_USER_ID with" in ran.err


def test_what_is_no_address(kefu: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATRIX_HOMESERVER", "matrix.example.org")
    monkeypatch.setenv("MATRIX_ACCESS_TOKEN", "syt_secret")
    ran = kefu("matrix")
    assert ran.status == 1
    assert "'matrix.example.org' is no http:// or https:// address" in ran.err
    assert "secret" not in ran.err


def test_a_room_of_agents_that_is_none(kefu: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATRIX_HOMESERVER", "http://127.0.0.1:9")
    monkeypatch.setenv("MATRIX_ACCESS_TOKEN", "syt_secret")
    monkeypatch.setenv("KEFU_HANDOFF__AGENTS", '{"matrix": "#desk:a.example"}')
    ran = kefu("matrix")
    assert ran.status == 1
    assert "matrix = '#desk:a.example' is no room's id" in ran.err


async def test_a_token_that_is_refused(kefu: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeHomeserver() as fake:
        monkeypatch.setenv("MATRIX_HOMESERVER", fake.url)
        monkeypatch.setenv("MATRIX_ACCESS_TOKEN", "wrong")
        ran = await asyncio.to_thread(kefu, "matrix")
    assert ran.status == 1
    assert "refuses MATRIX_ACCESS_TOKEN" in ran.err
    assert len(ran.err.splitlines()) == 1


async def test_doctor_looks_at_the_token(
    sample_home: Path, monkeypatch: pytest.MonkeyPatch, kefu: Kefu
) -> None:
    async with FakeHomeserver() as fake:
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        ran = await asyncio.to_thread(kefu, "doctor")
        assert f"matrix             ok      @kefu:a.example at {fake.url}" in ran.out
        fake.token = "another"
        ran = await asyncio.to_thread(kefu, "doctor")
        assert ran.status == 1
        assert f"{fake.url} refuses MATRIX_ACCESS_TOKEN" in ran.out
