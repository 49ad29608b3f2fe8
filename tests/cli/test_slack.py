from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.app import open_store_of
from bot.settings import Settings
from bot.store.installations import Installation
from tests.cli.conftest import Kefu
from tests.e2e.slack_server import SlackServer
from tests.e2e.slack_server.oauth import SlackWorkspaces


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


def test_the_manifest_for_several_workspaces(kefu: Kefu) -> None:
    assert "redirect_urls" not in kefu("slack", "manifest").json["oauth_config"]
    address = "https://kefu.example/slack/oauth_redirect"
    made = kefu("slack", "manifest", "--redirect-url", address).json
    assert made["oauth_config"]["redirect_urls"] == [address]
    assert made["settings"]["token_rotation_enabled"]
    ran = kefu("slack", "manifest", "--redirect-url", "http://plain")
    assert (ran.status, "--redirect-url" in ran.err) == (2, True)


def test_what_several_workspaces_need(kefu: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLACK_CLIENT_ID", "111.222")
    told = kefu("slack", "--http", "127.0.0.1:0").err
    assert "SLACK_CLIENT_SECRET and SLACK_SIGNING_SECRET must be set" in told
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "secret")
    assert "SLACK_APP_TOKEN must be set" in kefu("slack").err


async def test_doctor_counts_the_workspaces(
    sample_home: Path, monkeypatch: pytest.MonkeyPatch, kefu: Kefu
) -> None:
    for name, value in SlackWorkspaces.credentials.items():
        monkeypatch.setenv(name, value)
    ran = await asyncio.to_thread(kefu, "doctor")
    assert "installed in 0 workspaces; open /slack/install" in ran.out
    async with open_store_of(Settings(home=sample_home)) as store:
        for team in ("T1", "T2"):
            await store.installations.save("slack", Installation(team, "", "U1", "hidden-token"))
    ran = await asyncio.to_thread(kefu, "doctor", "--json")
    (check,) = [one for one in ran.json["checks"] if one["name"] == "slack"]
    assert check == {"name": "slack", "ok": True, "found": "installed in 2 workspaces"}
    assert "hidden-token" not in ran.out


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
