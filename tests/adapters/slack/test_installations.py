"""Tokens of several workspaces: renewed in time, by one process, and forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.slack.calls import Barred
from bot.adapters.slack.workspaces import NotInstalled
from bot.delivery import Postponed
from bot.store import Store, open_store
from bot.store.installations import Installation
from tests.adapters.slack.several import installations
from tests.e2e.slack_server.oauth import SlackWorkspaces


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def slack() -> AsyncIterator[SlackWorkspaces]:
    async with SlackWorkspaces("T1", "T2") as slack:
        slack.token_seconds = 43_200
        yield slack


async def installed(
    slack: SlackWorkspaces, store: Store, team: str, left: timedelta
) -> Installation:
    """With a token that expires so soon."""
    granted = slack._token(team)
    made = Installation(
        team, "", granted["bot_user_id"], granted["access_token"],
        granted.get("refresh_token", ""), now() + left,
    )  # fmt: skip
    await store.installations.save("slack", made)
    return made


async def test_each_workspace_has_its_token_and_bot(slack: SlackWorkspaces, store: Store) -> None:
    here = installations(slack, store)
    one = await installed(slack, store, "T1", timedelta(hours=9))
    other = await installed(slack, store, "T2", timedelta(hours=9))
    assert (await here.web("T1")).token == one.token
    assert (await here.web("T2")).token == other.token
    assert await here.bot_user("T2") == "UBOTT2"
    assert await here.bot_user("T3") is None
    assert slack.renewals == []
    with pytest.raises(NotInstalled, match="kefu is not installed in the Slack workspace T3"):
        await here.web("T3")


async def test_a_token_is_renewed_before_it_expires(slack: SlackWorkspaces, store: Store) -> None:
    old = await installed(slack, store, "T1", timedelta(hours=1))
    web = await installations(slack, store).web("T1")
    assert web.token != old.token
    assert (await web.auth_test())["team_id"] == "T1"
    kept = await store.installations.of("slack", "T1")
    assert kept is not None
    assert kept.token == web.token
    assert kept.refresh_token in slack.refresh_tokens
    assert kept.expires_at is not None
    assert kept.expires_at > now() + timedelta(hours=11)


@pytest.mark.parametrize("left", [timedelta(hours=1), timedelta(hours=-1)])
async def test_two_processes_spend_a_refresh_token_once(
    slack: SlackWorkspaces, store: Store, tmp_path: Path, left: timedelta
) -> None:
    """Who does not get the new one has the old one while it serves, and waits where it does not."""
    old = await installed(slack, store, "T1", left)
    async with await open_store(tmp_path / "kefu.db") as other:
        both = [installations(slack, one) for one in (store, other)]
        webs = await asyncio.gather(*[one.web("T1") for one in both * 8])
    assert slack.renewals == ["ok"]
    kept = await store.installations.of("slack", "T1")
    assert kept is not None
    tokens = {web.token for web in webs}
    assert tokens <= ({kept.token, old.token} if left > timedelta() else {kept.token})


async def test_what_cannot_be_renewed_serves_while_it_can(
    slack: SlackWorkspaces, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    old = await installed(slack, store, "T1", timedelta(hours=1))
    slack._is_down = True
    here = installations(slack, store)
    assert (await here.web("T1")).token == old.token
    assert (await here.web("T1")).token == old.token
    assert len(slack.calls) == 0
    (warned,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "token of the Slack workspace T1 could not be renewed: oauth.v2.access: 503" in (
        warned.getMessage()
    )
    assert old.refresh_token not in caplog.text


async def test_an_expired_token_waits_for_slack(slack: SlackWorkspaces, store: Store) -> None:
    await installed(slack, store, "T1", timedelta(hours=-1))
    slack._is_down = True
    with pytest.raises(Postponed, match=r"oauth\.v2\.access: 503") as error:
        await installations(slack, store).web("T1")
    assert not error.value.landed


async def test_a_refresh_token_that_is_spent_needs_an_operator(
    slack: SlackWorkspaces, store: Store
) -> None:
    await installed(slack, store, "T1", timedelta(hours=-1))
    slack.refresh_tokens.clear()
    with pytest.raises(Barred, match="invalid_refresh_token; install kefu there again"):
        await installations(slack, store).web("T1")


async def test_who_waits_in_vain_is_told(
    slack: SlackWorkspaces, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.adapters.slack.installations._PATIENCE", 0.1)
    old = await installed(slack, store, "T1", timedelta(hours=-1))
    assert await store.installations.may_renew("slack", old, 30)
    with pytest.raises(Postponed, match="not renewed yet"):
        await installations(slack, store).web("T1")


async def test_tokens_without_an_end_are_left_alone(slack: SlackWorkspaces, store: Store) -> None:
    await store.installations.save("slack", Installation("T1", "", "U1", "for ever"))
    assert (await installations(slack, store).web("T1")).token == "for ever"


async def test_an_organisation_has_it_in_its_workspaces(
    slack: SlackWorkspaces, store: Store
) -> None:
    here = installations(slack, store)
    await store.installations.save("slack", Installation("E1", "", "UE1", "of E1"))
    assert await here.bot_user("T1") is None
    assert await here.bot_user("T1", "E9") is None
    assert await here.bot_user("T1", "E1") == "UE1"
    assert await here.bot_user("E1", "E1") == "UE1"
    assert (await here.web("T1")).token == "of E1"
    assert await here.organisation("T1") == "E1"
    with pytest.raises(NotInstalled):
        await here.web("T2")


async def test_a_workspace_that_changes_its_organisation(
    slack: SlackWorkspaces, store: Store
) -> None:
    here = installations(slack, store)
    for org in ("E1", "E2"):
        await store.installations.save("slack", Installation(org, "", f"U{org}", f"of {org}"))
    assert await here.bot_user("T1", "E1") == "UE1"
    assert await here.bot_user("T1", "E2") == "UE2"
    assert (await here.web("T1")).token == "of E2"


async def test_its_own_installation_comes_before_the_organisations(
    slack: SlackWorkspaces, store: Store
) -> None:
    here = installations(slack, store)
    for name in ("E1", "T1"):
        await store.installations.save("slack", Installation(name, "", f"U{name}", f"of {name}"))
    assert await here.bot_user("T1", "E1") == "UT1"
    assert await here.forget("T1", now())
    assert await here.bot_user("T1", "E1") == "UE1"
    assert await here.forget("E1", now())
    assert await here.bot_user("T1", "E1") is None
