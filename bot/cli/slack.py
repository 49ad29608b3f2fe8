"""`kefu slack`: the front desk of Slack workspaces, in the foreground."""

from __future__ import annotations

import json
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.console import Home, run, settings_at
from bot.cli.serving import isolated, tell, until, warnings_to_stderr, working
from bot.errors import SettingsError, UsageError

if TYPE_CHECKING:
    import asyncio

    from bot.adapters.slack.app import SlackApp, SlackCredentials
    from bot.settings import Settings


app = typer.Typer(help="Answer in Slack, until Ctrl-C.")


@app.callback(invoke_without_command=True)
def slack(
    context: typer.Context,
    http: Annotated[
        str | None,
        typer.Option("--http", help="HOST:PORT to take HTTP events at; else Socket Mode."),
    ] = None,
    home: Home = None,
) -> None:
    """Answer in Slack, until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    address = None if http is None else _address(http)
    run(_serve(isolated(settings_at(home)), address))


@app.command("manifest")
def show_manifest(
    name: Annotated[str, typer.Option(help="What the app is called in Slack.")] = "kefu",
    events_url: Annotated[
        str | None,
        typer.Option(help="https://…/slack/events, for HTTP events; else Socket Mode."),
    ] = None,
    redirect_url: Annotated[
        str | None,
        typer.Option(help="https://…/slack/oauth_redirect, for several workspaces."),
    ] = None,
) -> None:
    """The app's manifest (JSON), to be pasted where Slack makes an app."""
    from bot.adapters.slack.manifest import manifest

    for option, url in (("--events-url", events_url), ("--redirect-url", redirect_url)):
        if url is not None and not url.startswith("https://"):
            raise UsageError(f"{option} {url!r} is no https:// address; Slack takes no other")
    made = manifest(name, events_url=events_url, redirect_url=redirect_url)
    sys.stdout.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n")


async def _serve(settings: Settings, address: tuple[str, int] | None) -> None:
    try:
        from bot.adapters.slack.app import SlackApp, SlackCredentials, who_are_we
        from bot.adapters.slack.client import SlackClient
        from bot.adapters.slack.installations import Installations
        from bot.adapters.slack.oauth import pages
        from bot.adapters.slack.reception import Business, Reception
        from bot.adapters.slack.workspaces import OneWorkspace, Workspaces
    except ImportError as error:
        raise SettingsError(
            f"a package for Slack is missing ({error.name}); "
            "install it by pip install -e '.[slack]' where kefu was cloned"
        ) from None
    from bot.app import open_kefu
    from bot.desk import Desk

    credentials = SlackCredentials.from_environment(http=address is not None)
    warnings_to_stderr()
    web = credentials.web()
    us = None if credentials.is_for_several else await who_are_we(web)
    async with AsyncExitStack() as stack:
        kefu = await stack.enter_async_context(open_kefu(settings))
        for warning in kefu.warnings:
            tell(warning)
        workspaces: Workspaces = Installations(kefu.store.installations, credentials)
        if us is not None:
            workspaces = OneWorkspace(web, us.bot_user_id or "")
        agents = settings.handoff.agents.get("slack", "")
        client = SlackClient(workspaces, agents=agents)
        desk = Desk(kefu.store, kefu.assistant, client, live=client.live, fetch=client.files.fetch)
        business = Business(settings.business, settings.hours.parsed())
        reception = Reception(desk, kefu.store, workspaces, business)
        served = pages(credentials, kefu.store) if us is None else None
        app = SlackApp(credentials, web, reception, served)
        async with working(desk) as work:
            await _connect(stack, app, credentials, address, work)


async def _connect(
    stack: AsyncExitStack,
    app: SlackApp,
    credentials: SlackCredentials,
    address: tuple[str, int] | None,
    work: asyncio.Task[None],
) -> None:
    """By HTTP or Socket Mode; by both where workspaces install kefu by HTTP."""
    from bot.adapters.slack.app import EVENTS_PATH
    from bot.adapters.slack.oauth import INSTALL_PATH

    if address is not None:
        port = await stack.enter_async_context(app.http(*address))
        path = INSTALL_PATH if credentials.is_for_several else EVENTS_PATH
        tell(f"listening at http://{address[0]}:{port}{path}; Ctrl-C ends")
    if address is None or (credentials.is_for_several and credentials.app_token):
        connected = await stack.enter_async_context(app.sockets())
        await until(connected, work, "connected to Slack; Ctrl-C ends")


def _address(given: str) -> tuple[str, int]:
    host, _, port = given.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"--http {given!r} is no HOST:PORT; write 127.0.0.1:3000, for example")
    return host.strip("[]"), int(port)
