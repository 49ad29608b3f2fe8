"""Several workspaces in one stand-in, which install kefu by OAuth."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar
from urllib.parse import urlencode

from aiohttp import web

from tests.e2e.slack_server.server import Delivery, Faults, SlackServer
from tests.e2e.slack_server.workspace import Channel, Workspace

CLIENT_ID, CLIENT_SECRET = "111.222", "a client's secret"


@dataclass
class Grant:
    """A token, or what one is got for."""

    team: str
    born: float = field(default_factory=time.monotonic)
    seconds: float = 600.0
    redirect_uri: str | None = None

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self.born > self.seconds


class SlackWorkspaces(SlackServer):
    """`enter` says in which workspace things are said, pressed and typed."""

    credentials: ClassVar[dict[str, str]] = {
        "SLACK_BOT_TOKEN": "",
        "SLACK_APP_TOKEN": SlackServer.app_token,
        "SLACK_SIGNING_SECRET": SlackServer.signing_secret,
        "SLACK_CLIENT_ID": CLIENT_ID,
        "SLACK_CLIENT_SECRET": CLIENT_SECRET,
    }

    def __init__(self, *teams: str, faults: Faults | None = None, ack_seconds: float = 3.0) -> None:
        super().__init__(faults, ack_seconds=ack_seconds)
        self.workspaces = {
            team: Workspace(team=team, bot_user=f"UBOT{team}") for team in teams or ("T1", "T2")
        }
        self.organisations: dict[str, str] = {}
        """Of workspaces; where one is the team of a grant, it is for all of its workspaces."""
        self.token_seconds: float | None = None
        """None: tokens do not expire."""
        self.tokens: dict[str, Grant] = {}
        self.codes: dict[str, Grant] = {}
        self.refresh_tokens: dict[str, Grant] = {}
        self.renewals: list[str] = []
        """What came of each."""
        self._serial = count(1)
        self.enter(next(iter(self.workspaces)))

    def enter(self, team: str) -> None:
        self.workspace = self.workspaces[team]

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self.credentials

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/oauth/v2/authorize", self._authorize)

    async def _authorize(self, request: web.Request) -> web.Response:
        """The user allows it, in the workspace `team`."""
        query = request.query
        if query.get("client_id") != CLIENT_ID or not query.get("scope"):
            return web.Response(status=400, text="invalid_client_id")
        code = self.code(query.get("team") or self.workspace.team, query.get("redirect_uri"))
        back = query.get("redirect_uri") or self.redirect_url
        raise web.HTTPFound(f"{back}?{urlencode({'code': code, 'state': query['state']})}")

    @property
    def redirect_url(self) -> str:
        """The app's, beside its address for events."""
        assert self.events_url
        return self.events_url.replace("/events", "/oauth_redirect")

    def code(self, team: str, redirect_uri: str | None = None) -> str:
        code = f"code-{next(self._serial)}"
        self.codes[code] = Grant(team, redirect_uri=redirect_uri)
        return code

    def uninstall(self, team: str) -> Delivery:
        """In a workspace or an organisation."""
        self.revoke(team)
        return self._farewell(team, {"type": "app_uninstalled"})

    def revoke(self, team: str) -> None:
        """The tokens of it, without a word."""
        for tokens in (self.tokens, self.refresh_tokens):
            for token in [token for token, grant in tokens.items() if grant.team == team]:
                del tokens[token]

    def _farewell(self, team: str, event: Mapping[str, Any]) -> Delivery:
        delivery = self.emit(event)
        if team not in self.workspaces:
            outer = {"team_id": None, "enterprise_id": team, "is_enterprise_install": True}
            delivery.body.update(outer, authorizations=[outer])
        return delivery

    def emit(self, event: Mapping[str, Any]) -> Delivery:
        delivery = super().emit(event)
        team, org = self.workspace.team, self.organisations.get(self.workspace.team)
        heard = {"team_id": team, "enterprise_id": org, "user_id": self.workspace.bot_user}
        by_org = any(grant.team == org for grant in self.tokens.values())
        delivery.body.update(team_id=team, enterprise_id=org)
        delivery.body["authorizations"] = [heard | {"is_enterprise_install": by_org}]
        return delivery

    def _once(self, kind: str, body: dict[str, Any]) -> Delivery:
        """An organisation's installation is told no workspace when something is pressed."""
        team, org = self.workspace.team, self.organisations.get(self.workspace.team)
        if kind == "slash_commands":
            body |= {"team_id": team} | ({"enterprise_id": org} if org else {})
        elif any(grant.team == org for grant in self.tokens.values()):
            body |= {"team": None, "enterprise": {"id": org}, "is_enterprise_install": True}
        else:
            body |= {"team": {"id": team}, "user": body["user"] | {"team_id": team}}
        return super()._once(kind, body)

    def _answered(
        self, method: str, arguments: Mapping[str, Any], token: str
    ) -> tuple[web.Response, str]:
        if method == "apps.connections.open":
            return super()._answered(method, arguments, token)
        if method == "oauth.v2.access":
            answer = self._access(arguments, token)
            return web.json_response(answer), str(answer.get("error", "ok"))
        grant = self.tokens.get(token)
        if grant is None or grant.is_over:
            error = "invalid_auth" if grant is None else "token_expired"
            return web.json_response({"ok": False, "error": error}), error
        here, self.workspace = self.workspace, self._workspace_of(grant, arguments)
        self.bot_token = token
        try:
            return super()._answered(method, arguments, token)
        finally:
            self.workspace = here

    def _workspace_of(self, grant: Grant, arguments: Mapping[str, Any]) -> Workspace:
        """An organisation's token finds the channel in any of its workspaces."""
        theirs = [
            workspace
            for team, workspace in self.workspaces.items()
            if grant.team in (team, self.organisations.get(team))
        ]
        channel = str(arguments.get("channel"))
        return next((one for one in theirs if channel in one.channels), theirs[0])

    def _access(self, given: Mapping[str, Any], authorization: str) -> dict[str, Any]:
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != f"Basic {expected}":
            return {"ok": False, "error": "bad_client_secret"}
        if given.get("grant_type") == "refresh_token":
            grant = self.refresh_tokens.pop(str(given.get("refresh_token")), None)
            answer = self._token(grant.team) if grant else _refused("invalid_refresh_token")
            self.renewals.append(str(answer.get("error", "ok")))
            return answer
        grant = self.codes.pop(str(given.get("code")), None)
        if grant is None or grant.is_over:
            return _refused("invalid_code")
        if grant.redirect_uri != given.get("redirect_uri"):
            return _refused("bad_redirect_uri")
        return self._token(grant.team)

    def _token(self, team: str) -> dict[str, Any]:
        number, is_org = next(self._serial), team not in self.workspaces
        token, expiring = f"xoxb-stand-in-{number}", {}
        self.tokens[token] = Grant(team)
        self.tokens[token].seconds = self.token_seconds or float("inf")
        if self.token_seconds is not None:
            refresh_token = f"xoxe-1-stand-in-{number}"
            self.refresh_tokens[refresh_token] = Grant(team)
            expiring = {"refresh_token": refresh_token, "expires_in": int(self.token_seconds)}
        bot_user = f"UBOT{team}" if is_org else self.workspaces[team].bot_user
        return {
            "ok": True, "access_token": token, "token_type": "bot", "bot_user_id": bot_user,
            "app_id": "A0KEFU", "scope": ",".join(sorted(self.workspace.scopes)),
            "team": None if is_org else {"id": team, "name": f"Team {team}"},
            "enterprise": {"id": team} if is_org else None, "is_enterprise_install": is_org,
            "authed_user": {"id": "U0ADMIN"}, **expiring,
        }  # fmt: skip

    def organise(self, organisation: str, *teams: str) -> None:
        """They are of it, and have one bot; channels have names of their own."""
        for team in teams:
            self.organisations[team] = organisation
            self.workspaces[team].bot_user = f"UBOT{organisation}"
            self.workspaces[team].channels = {f"C0{team}": Channel()}


def _refused(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}
