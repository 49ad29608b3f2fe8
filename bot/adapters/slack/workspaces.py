"""The workspaces in which kefu is installed, and the token of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from slack_sdk.web.async_client import AsyncWebClient


class Workspaces(Protocol):
    async def bot_user(self, team: str) -> str | None:
        """Who kefu is there; None where it is not installed."""
        ...

    async def web(self, team: str) -> AsyncWebClient:
        """With the token for it. Raise NotInstalled."""
        ...

    async def forget(self, team: str) -> None:
        """It was uninstalled there; what is in the log stays."""
        ...


class NotInstalled(Exception):
    """Kefu has no token for the workspace (any more)."""


@dataclass(frozen=True, slots=True)
class OneWorkspace:
    """That of the token which the operator gave."""

    client: AsyncWebClient
    user: str

    async def bot_user(self, team: str) -> str | None:  # noqa: ARG002
        return self.user

    async def web(self, team: str) -> AsyncWebClient:  # noqa: ARG002
        return self.client

    async def forget(self, team: str) -> None:
        """The token is the operator's: calls with it fail, and say so."""
