"""For which installation Slack sent something. Nothing is believed of it but its types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Body: TypeAlias = Mapping[str, Any]
_NAME = re.compile(r"[A-Z0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class Origin:
    team: str
    """The workspace; the organisation where Slack names none; empty where it names neither."""
    organisation: str
    """Of which the workspace is part (Enterprise Grid); empty for most."""
    is_for_all: bool
    """It is the organisation that has installed kefu, for its workspaces."""

    @property
    def installation(self) -> str:
        return self.organisation if self.is_for_all and self.organisation else self.team


def origin_of(body: Body) -> Origin:
    """Of events, of what was pressed and of what was typed. In a channel that workspaces share, an
    event's own `team_id` is of whoever spoke: its authorization says whose installation hears; of
    a form, its view says so."""
    heard = _first(body, "authorizations")
    enterprise, team = _inner(body, "enterprise"), _inner(body, "team")
    organisation = (
        _name(heard, "enterprise_id")
        or _name(body, "enterprise_id")
        or _name(enterprise, "id")
        or _name(team, "enterprise_id")
    )
    workspace = (
        _name(_inner(body, "view"), "app_installed_team_id")
        or _name(heard, "team_id")
        or _name(body, "team_id")
        or _name(team, "id")
    )
    flag = (heard or body).get("is_enterprise_install")
    return Origin(workspace or organisation, organisation, flag in (True, "true"))


def _first(body: Body, name: str) -> Body:
    found = body.get(name)
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, Mapping) else {}


def _inner(body: Body, name: str) -> Body:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def _name(body: Body, name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) and _NAME.fullmatch(found) else ""
