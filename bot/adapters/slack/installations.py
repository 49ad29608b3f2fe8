"""The workspaces that installed kefu by OAuth, with tokens that are renewed before they expire."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack.app import SlackCredentials
from bot.adapters.slack.calls import FAULTS, Barred, explained
from bot.adapters.slack.events import CHANNEL
from bot.adapters.slack.workspaces import NotInstalled
from bot.delivery import Postponed, Undeliverable
from bot.store.installations import Installation
from bot.store.installations import Installations as Kept

_AHEAD = timedelta(hours=2)
"""Before a token expires another is got; Slack's last for twelve hours."""
_LEASE = 30.0
"""Seconds for one process to get it, longer than the call may take; so long, too, after a failure,
nobody tries again."""
_PATIENCE, _LOOK = 5.0, 0.05
"""Seconds to wait for another process to get it, and between two looks."""
_BARRED_SECONDS = 300.0
_logger = logging.getLogger("kefu")


class Installations:
    def __init__(self, kept: Kept, credentials: SlackCredentials) -> None:
        self._kept, self._credentials = kept, credentials

    async def bot_user(self, team: str, organisation: str = "") -> str | None:
        found = await self._kept.of(CHANNEL, team)
        is_known = found is not None and found.workspace in (team, organisation or found.workspace)
        if not is_known and organisation and await self._kept.of(CHANNEL, organisation):
            await self._kept.join(CHANNEL, team, organisation)
            found = await self._kept.of(CHANNEL, team)
        return None if found is None else found.bot_user

    async def web(self, team: str) -> AsyncWebClient:
        found = await self._kept.of(CHANNEL, team)
        if found is None:
            raise NotInstalled(f"kefu is not installed in the Slack workspace {team}")
        return self._credentials.web((await self._fresh(found)).token)

    async def organisation(self, team: str) -> str:
        return await self._kept.organisation_of(CHANNEL, team)

    async def forget(self, installation: str, at: datetime) -> bool:
        return await self._kept.forget(CHANNEL, installation, at)

    async def _fresh(self, found: Installation) -> Installation:
        if found.expires_at is None or not found.refresh_token:
            return found
        now = datetime.now(UTC)
        if found.expires_at > now + _AHEAD:
            return found
        is_valid = found.expires_at > now
        if await self._kept.may_renew(CHANNEL, found, _LEASE):
            try:
                return await self._renewed(found)
            except Postponed as error:
                told = "the token of the Slack workspace %s could not be renewed: %s"
                _logger.warning(told, found.workspace, error)
                if not is_valid:
                    raise
        return found if is_valid else await self._renewed_elsewhere(found)

    async def _renewed(self, old: Installation) -> Installation:
        """Raise Postponed."""
        rotator = AsyncTokenRotator(
            client_id=self._credentials.client_id,
            client_secret=self._credentials.client_secret,
            client=self._credentials.web(),
        )
        ahead = int(_AHEAD.total_seconds() / 60)
        try:
            bot = await rotator.perform_bot_token_rotation(
                bot=_bot(old), minutes_before_expiration=ahead
            )
        except FAULTS as error:
            raise _explained(error) from None
        if bot is None or not bot.bot_token or bot.bot_token_expires_at is None:
            raise Postponed("oauth.v2.access: no token in the answer")
        new = replace(
            old,
            token=bot.bot_token,
            refresh_token=bot.bot_refresh_token or "",
            expires_at=datetime.fromtimestamp(bot.bot_token_expires_at, UTC),
        )
        await self._kept.renew(CHANNEL, old, new)
        return new

    async def _renewed_elsewhere(self, old: Installation) -> Installation:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            found = await self._kept.of(CHANNEL, old.workspace)
            if found is None:
                raise NotInstalled(f"kefu is not installed in the Slack workspace {old.workspace}")
            if found.refresh_token != old.refresh_token:
                return found
            await asyncio.sleep(_LOOK)
        raise Postponed(f"the token of the Slack workspace {old.workspace} is not renewed yet")


def _explained(error: BaseException) -> Postponed:
    cause = error.api_error if isinstance(error, SlackTokenRotationError) else error
    found = explained("oauth.v2.access", cause, reads=True)
    if isinstance(found, Undeliverable):
        return Barred(f"{found}; install kefu there again", seconds=_BARRED_SECONDS)
    return found


def _bot(found: Installation) -> Bot:
    return Bot(
        bot_token=found.token,
        bot_id="",
        bot_user_id=found.bot_user,
        bot_refresh_token=found.refresh_token,
        bot_token_expires_at=found.expires_at,
        installed_at=0.0,
    )
