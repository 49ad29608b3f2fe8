"""A browser installs kefu in the workspaces of the stand-in."""

from __future__ import annotations

import logging

import pytest

from bot.errors import StoreFull
from bot.store import Store
from tests.adapters.slack.several import allowed, browser, install, query_of, serving
from tests.e2e.slack_server.oauth import SlackWorkspaces


async def test_two_workspaces(workspaces: SlackWorkspaces, store: Store) -> None:
    async with serving(workspaces, store):
        await install(workspaces, "T1", "T2")
    assert await store.installations.count("slack") == 2
    found = await store.installations.of("slack", "T2")
    assert found is not None
    assert (found.name, found.bot_user) == ("Team T2", "UBOTT2")
    assert workspaces.tokens[found.token].team == "T2"


async def test_what_slack_is_asked_for(workspaces: SlackWorkspaces, store: Store) -> None:
    async with serving(workspaces, store), browser() as visitor:
        assert workspaces.events_url
        _, to_slack = await visitor.get(workspaces.events_url.replace("/events", "/install"))
        asked = query_of(to_slack)
        assert asked["client_id"] == "111.222"
        assert "chat:write" in asked["scope"].split(",")
        assert "secret" not in to_slack
        assert visitor.headers["Referrer-Policy"] == "no-referrer"
        assert "HttpOnly" in visitor.headers["Set-Cookie"]


async def test_a_state_serves_once(workspaces: SlackWorkspaces, store: Store) -> None:
    async with serving(workspaces, store), browser() as visitor:
        back = await allowed(workspaces, visitor, "T1")
        cookie = visitor.cookie
        assert (await visitor.get(back))[0] == 200
        visitor.cookie = cookie
        status, text = await visitor.get(back.replace("code-", "other-"))
        assert (status, "invalid_state" in text) == (401, True)


async def test_a_state_is_the_browsers_own(workspaces: SlackWorkspaces, store: Store) -> None:
    async with serving(workspaces, store), browser() as visitor:
        back = await allowed(workspaces, visitor, "T1")
        for cookie in ("", "slack-app-oauth-state=another"):
            visitor.cookie = cookie
            status, text = await visitor.get(back)
            assert (status, "invalid_browser" in text) == (400, True)
        assert await store.installations.count("slack") == 0


async def test_a_state_that_was_never_issued(workspaces: SlackWorkspaces, store: Store) -> None:
    async with serving(workspaces, store), browser() as visitor:
        visitor.cookie = "slack-app-oauth-state=forged"
        url = f"{workspaces.redirect_url}?state=forged&code={workspaces.code('T1')}"
        assert (await visitor.get(url))[0] == 401
        assert len(workspaces.codes) == 1


async def test_who_says_no_is_told_so(workspaces: SlackWorkspaces, store: Store) -> None:
    async with serving(workspaces, store), browser() as visitor:
        status, text = await visitor.get(workspaces.redirect_url, error="<b>access_denied")
    assert status == 200
    assert ("access_denied" in text, "<b>" in text) == (True, False)


@pytest.mark.parametrize("wrong", ["code", "secret", "silence"])
async def test_what_slack_refuses(
    workspaces: SlackWorkspaces, store: Store, wrong: str,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG, "kefu")
    async with serving(workspaces, store), browser() as visitor:
        back = await allowed(workspaces, visitor, "T1")
        if wrong == "secret":
            monkeypatch.setattr("tests.e2e.slack_server.oauth.CLIENT_SECRET", "another")
        if wrong == "code":
            workspaces.codes.clear()
        if wrong == "silence":
            workspaces._is_down = True
        status, _ = await visitor.get(back)
    assert status == 401
    assert await store.installations.count("slack") == 0
    error = {"code": "invalid_code", "secret": "bad_client_secret", "silence": "503"}[wrong]
    assert f"a Slack workspace could not install kefu: oauth.v2.access: {error}" in caplog.text
    assert query_of(back)["code"] not in caplog.text


async def test_a_full_disk_is_a_page_and_not_a_crash(
    workspaces: SlackWorkspaces, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise StoreFull("the disk is full")

    async with serving(workspaces, store), browser() as visitor:
        back = await allowed(workspaces, visitor, "T1")
        monkeypatch.setattr(store.installations, "save", full)
        status, text = await visitor.get(back)
        assert (status, "storage_error" in text) == (500, True)
        monkeypatch.setattr(store.oauth_states, "issue", full)
        status, text = await visitor.get(
            workspaces.redirect_url.replace("oauth_redirect", "install")
        )
        assert (status, "try again" in text) == (503, True)


async def test_no_token_is_ever_shown(
    workspaces: SlackWorkspaces, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "kefu")
    workspaces.token_seconds = 43_200
    async with serving(workspaces, store), browser() as visitor:
        back = await allowed(workspaces, visitor, "T1")
        _, text = await visitor.get(back)
    secrets = [*workspaces.tokens, *workspaces.refresh_tokens, "a client's secret"]
    assert len(secrets) == 3
    shown = caplog.text + text + repr(await store.installations.of("slack", "T1"))
    assert [one for one in secrets if one in shown] == []


@pytest.mark.parametrize("lacks", [{"access_token": None}, {"team": None}])
async def test_an_answer_that_lacks_something(
    workspaces: SlackWorkspaces, store: Store, lacks: dict[str, None],
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    granted = workspaces._token("T1")
    monkeypatch.setattr(workspaces, "_token", lambda _: granted | lacks)
    async with serving(workspaces, store), browser() as visitor:
        status, _ = await visitor.get(await allowed(workspaces, visitor, "T1"))
    assert status == 401
    assert "no token in the answer" in caplog.text
    assert await store.installations.count("slack") == 0
