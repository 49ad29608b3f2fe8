from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.conftest import Kefu
from tests.e2e.slack_server import SlackServer


def test_without_credentials(kefu: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    ran = kefu("slack")
    assert ran.status == 1
    assert "SLACK_BOT_TOKEN and SLACK_APP_TOKEN must be set" in ran.err
    assert kefu("slack", "--http", "nowhere").status == 2


def test_the_manifest(kefu: Kefu) -> None:
    made = kefu("slack", "manifest", "--name", "Lamps").json
    assert made["display_information"]["name"] == "Lamps"
    assert made["settings"]["socket_mode_enabled"]
    assert "chat:write" in made["oauth_config"]["scopes"]["bot"]
    address = "https://kefu.example/slack/events"
    hosted = kefu("slack", "manifest", "--events-url", address).json
    assert hosted["settings"]["event_subscriptions"]["request_url"] == address
    assert kefu("slack", "manifest", "--events-url", "http://plain").status == 2


async def test_doctor_looks_at_the_token_and_its_scopes(
    sample_home: Path, monkeypatch: pytest.MonkeyPatch, kefu: Kefu
) -> None:
    async with SlackServer() as slack:
        for name, value in slack.environment.items():
            monkeypatch.setenv(name, value)
        ran = await asyncio.to_thread(kefu, "doctor")
        assert "slack              ok      Kefu (Socket Mode)" in ran.out
        slack.workspace.scopes -= {"im:history", "mpim:history"}
        ran = await asyncio.to_thread(kefu, "doctor")
        assert ran.status == 1
        assert "Kefu: the app lacks im:history, mpim:history" in ran.out
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-other")
        assert "Slack refuses SLACK_BOT_TOKEN" in (await asyncio.to_thread(kefu, "doctor")).out
