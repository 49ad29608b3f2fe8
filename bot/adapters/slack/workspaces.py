"""The workspaces in which kefu is installed, and the token of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from slack_sdk.web.async_client import AsyncWebClient


class Workspaces(Protocol):
    async def bot_user(self, team: str, organisation: str = "") -> str | None:
        """Who kefu is there; None where it is not installed. `organisation`: of which Slack says
        that the workspace is part, and whose installation serves then."""
        ...

    async def web(self, team: str) -> AsyncWebClient:
        """With the token for it. Raise NotInstalled, or Postponed where there is none just now."""
        ...

    async def organisation(self, team: str) -> str:
        """Whose installation serves there; empty where it is the workspace's own."""
        ...

    async def forget(self, installation: str, at: datetime) -> bool:
        """It was uninstalled then, in a workspace or an organisation; what is in the log stays.
        False where it is not installed, or again since."""
        ...


class NotInstalled(Exception):
    """Kefu has no token for the workspace (any more)."""


@dataclass(frozen=True, slots=True)
class OneWorkspace:
    """That of the token which the operator gave."""

    client: AsyncWebClient
    user: str

    async def bot_user(self, team: str, organisation: str = "") -> str | None:  # noqa: ARG002
        return self.user

    async def web(self, team: str) -> AsyncWebClient:  # noqa: ARG002
        return self.client

    async def organisation(self, team: str) -> str:  # noqa: ARG002
        return ""

    async def forget(self, installation: str, at: datetime) -> bool:  # noqa: ARG002
        """The token is the operator's: calls with it fail, and say so."""
        return True
