"""What customers press and type outside of messages, in kefu's terms. Nothing is believed of it but
its types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.adapters.slack.events import TIMESTAMP
from bot.adapters.slack.origin import origin_of
from bot.adapters.slack.surfaces import HELPFUL, PERSON, REMARK, UNHELPFUL

Body: TypeAlias = Mapping[str, Any]
_ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[A-Z0-9]{1,32}")
"""Of teams, channels, users: they stand in the keys of places."""
_TRIGGER = re.compile(r"[A-Za-z0-9.]{1,200}")


@dataclass(frozen=True, slots=True)
class Pressed:
    action: str
    """HELPFUL, UNHELPFUL or PERSON."""
    message: str
    """The id of the reply under which it was."""
    team: str
    user: str
    channel: str
    thread: str
    ts: str
    """When it was pressed."""
    trigger: str
    """The right to open a form, for three seconds."""


@dataclass(frozen=True, slots=True)
class Remarked:
    message: str
    team: str
    user: str
    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A slash command."""

    verb: str
    rest: str
    team: str
    user: str
    channel: str
    trigger: str
    """Names the command: no other has the same."""


def pressed(body: Body) -> Pressed | None:
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, Mapping) or action.get("action_id") not in (
        HELPFUL,
        UNHELPFUL,
        PERSON,
    ):
        return None
    shown = _inner(body, "message")
    found = Pressed(
        action=_text(action, "action_id"),
        message=_text(action, "value"),
        team=origin_of(body).team,
        user=_text(_inner(body, "user"), "id"),
        channel=_text(_inner(body, "channel"), "id"),
        thread=_text(shown, "thread_ts") or _text(shown, "ts"),
        ts=_text(action, "action_ts"),
        trigger=_text(body, "trigger_id"),
    )
    names = all(_NAME.fullmatch(name) for name in (found.team, found.user, found.channel))
    stamps = all(TIMESTAMP.fullmatch(stamp) for stamp in (found.thread, found.ts))
    return found if names and stamps and _ID.fullmatch(found.message) else None


def remarked(body: Body) -> Remarked | None:
    view = _inner(body, "view")
    if _text(view, "callback_id") != REMARK:
        return None
    values = _inner(_inner(view, "state"), "values")
    text = _text(_inner(_inner(values, REMARK), REMARK), "value")
    found = Remarked(
        _text(view, "private_metadata"),
        origin_of(body).team,
        _text(_inner(body, "user"), "id"),
        text,
    )
    names = _NAME.fullmatch(found.team) and _NAME.fullmatch(found.user)
    return found if names and _ID.fullmatch(found.message) else None


def typed(body: Body) -> Typed | None:
    verb, _, rest = _text(body, "text").strip().partition(" ")
    found = Typed(
        verb=verb.lower(),
        rest=rest.strip(),
        team=origin_of(body).team,
        user=_text(body, "user_id"),
        channel=_text(body, "channel_id"),
        trigger=_text(body, "trigger_id"),
    )
    names = all(_NAME.fullmatch(name) for name in (found.team, found.user, found.channel))
    return found if names and _TRIGGER.fullmatch(found.trigger) else None


def _inner(body: Body, name: str) -> Body:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(body: Body, name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""
