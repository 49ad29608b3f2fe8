"""The pages by which a workspace installs kefu."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.oauth.installation_store import Installation as SlackInstallation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from bot.adapters.slack.app import SlackCredentials
from bot.adapters.slack.calls import FAULTS, explained
from bot.adapters.slack.events import CHANNEL
from bot.adapters.slack.manifest import SCOPES
from bot.errors import StoreError
from bot.store import Store
from bot.store.installations import Installation
from bot.store.installations import Installations as Kept
from bot.store.oauth_states import OAuthStates

INSTALL_PATH, REDIRECT_PATH = "/slack/install", "/slack/oauth_redirect"
_STATE_SECONDS = 600
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""The address of the second page holds a code."""
_logger = logging.getLogger("kefu")


class _States(AsyncOAuthStateStore):
    def __init__(self, states: OAuthStates) -> None:
        self._states = states

    async def async_issue(self, *_: object, **__: object) -> str:
        return await self._states.issue(_STATE_SECONDS)

    async def async_consume(self, state: str) -> bool:
        return await self._states.consume(state)


class _Installations(AsyncInstallationStore):
    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    async def async_save(self, installation: SlackInstallation) -> None:
        given = _installation(installation)
        try:
            await self._kept.save(CHANNEL, given)
        except StoreError as error:
            _logger.error("the installation in %s was not stored: %s", given.workspace, error)
            raise BoltError("not stored") from None
        _logger.warning("kefu was installed in the Slack workspace %s", given.workspace)


class _Flow(AsyncOAuthFlow):
    async def run_installation(self, code: str) -> SlackInstallation | None:
        """In place of the library's, which asks for the bot's id with the new token, loses the
        installation where that fails, and logs the code."""
        settings = self.settings
        try:
            answer = await self.client.oauth_v2_access(
                code=code,
                client_id=settings.client_id,
                client_secret=settings.client_secret,
                redirect_uri=settings.redirect_uri,
            )
        except FAULTS as error:
            told = explained("oauth.v2.access", error, reads=False)
            _logger.warning("a Slack workspace could not install kefu: %s", told)
            return None
        data = answer.data
        granted = _granted(data) if isinstance(data, dict) else None
        if granted is None:
            _logger.warning("a Slack workspace could not install kefu: no token in the answer")
        return granted


def pages(credentials: SlackCredentials, store: Store) -> Callable[[web.Application], None]:
    """What adds them to what is served."""
    flow = _flow(credentials, store)

    def add(served: web.Application) -> None:
        served.router.add_get(INSTALL_PATH, _page(flow.handle_installation))
        served.router.add_get(REDIRECT_PATH, _page(flow.handle_callback))

    return add


def _flow(credentials: SlackCredentials, store: Store) -> AsyncOAuthFlow:
    client = credentials.web()
    settings = AsyncOAuthSettings(
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,
        scopes=sorted(SCOPES),
        user_scopes=[],
        redirect_uri=credentials.redirect_uri or None,
        install_path=INSTALL_PATH,
        install_page_rendering_enabled=False,
        redirect_uri_path=REDIRECT_PATH,
        authorization_url=urljoin(credentials.api_url, "/oauth/v2/authorize"),
        installation_store=_Installations(store.installations),
        installation_store_bot_only=True,
        state_store=_States(store.oauth_states),
        state_expiration_seconds=_STATE_SECONDS,
        logger=logging.getLogger("kefu.slack"),
    )
    return _Flow(client=client, logger=logging.getLogger("kefu.slack"), settings=settings)


def _page(
    handle: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def shown(request: web.Request) -> web.Response:
        try:
            answer = await to_aiohttp_response(await handle(await to_bolt_request(request)))
        except StoreError as error:
            _logger.error("%s", error)
            answer = web.Response(status=503, text="Please try again in a minute.\n")
        answer.headers.update(_PRIVATE)
        return answer

    return shown


def _granted(data: dict[str, Any]) -> SlackInstallation | None:
    """None where there is no bot's token, or not said for whom."""
    team, organisation = data.get("team") or {}, data.get("enterprise") or {}
    if data.get("is_enterprise_install"):
        team = {}
    if not data.get("access_token") or not (team.get("id") or organisation.get("id")):
        return None
    return SlackInstallation(
        app_id=data.get("app_id"),
        enterprise_id=organisation.get("id"),
        enterprise_name=organisation.get("name"),
        team_id=team.get("id"),
        team_name=team.get("name"),
        bot_token=data.get("access_token"),
        bot_user_id=data.get("bot_user_id"),
        bot_refresh_token=data.get("refresh_token"),
        bot_token_expires_in=data.get("expires_in"),
        user_id=str((data.get("authed_user") or {}).get("id", "")),
        is_enterprise_install=bool(data.get("is_enterprise_install")),
    )


def _installation(given: SlackInstallation) -> Installation:
    expires = given.bot_token_expires_at
    return Installation(
        workspace=given.team_id or given.enterprise_id or "",
        name=given.team_name or given.enterprise_name or "",
        bot_user=given.bot_user_id or "",
        token=given.bot_token or "",
        refresh_token=given.bot_refresh_token or "",
        expires_at=None if expires is None else datetime.fromtimestamp(expires, UTC),
    )
