"""What kefu needs to be allowed at Slack, as an app's manifest and as scopes."""

from __future__ import annotations

from typing import Any

COMMAND = "/kefu"
EVENTS = (
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "tokens_revoked",
)
SCOPES = {
    "app_mentions:read": "to hear when it is mentioned",
    "channels:history": "to read on in its threads in public channels",
    "chat:write": "to answer",
    "commands": "for /kefu",
    "files:read": "to read what is attached",
    "groups:history": "to read on in its threads in private channels",
    "im:history": "to read direct messages",
    "mpim:history": "to read on in its threads in group messages",
}
"""Of the bot's token, and what for."""


def manifest(
    name: str, *, events_url: str | None = None, redirect_url: str | None = None
) -> dict[str, Any]:
    """For Socket Mode, or for HTTP events at `events_url`; for several workspaces where there is a
    `redirect_url`."""
    oauth: dict[str, Any] = {"scopes": {"bot": sorted(SCOPES)}}
    if redirect_url is not None:
        oauth["redirect_urls"] = [redirect_url]
    events: dict[str, Any] = {"bot_events": list(EVENTS)}
    interactivity: dict[str, Any] = {"is_enabled": True}
    command: dict[str, Any] = {
        "command": COMMAND,
        "description": "Ask a question, or see how things stand",
        "usage_hint": "ask QUESTION | status | report",
        "should_escape": False,
    }
    if events_url is not None:
        events["request_url"] = interactivity["request_url"] = command["url"] = events_url
    return {
        "display_information": {
            "name": name,
            "description": "Answers customers from the help pages, with sources",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": name, "always_online": True},
            "slash_commands": [command],
        },
        "oauth_config": oauth,
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": events_url is None,
            "token_rotation_enabled": redirect_url is not None,
        },
    }
