"""`kefu slack`: the front desk of Slack workspaces, in the foreground."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.console import Home, run, settings_at
from bot.errors import SettingsError, UsageError
from bot.text import printable

if TYPE_CHECKING:
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
    settings = settings_at(home)
    if "isolation" not in settings.engine.model_fields_set:
        # a crash of llama.cpp must not take the desk down
        engine = settings.engine.model_copy(update={"isolation": "process"})
        settings = settings.model_copy(update={"engine": engine})
    run(_serve(settings, None if http is None else _address(http)))


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
            "install it by pip install 'kefu[slack]'"
        ) from None
    from bot.app import open_kefu
    from bot.desk import Desk

    credentials = SlackCredentials.from_environment(http=address is not None)
    _warnings_to_stderr()
    web = credentials.web()
    us = None if credentials.is_for_several else await who_are_we(web)
    async with AsyncExitStack() as stack:
        kefu = await stack.enter_async_context(open_kefu(settings))
        for warning in kefu.warnings:
            _tell(warning)
        workspaces: Workspaces = Installations(kefu.store.installations, credentials)
        if us is not None:
            workspaces = OneWorkspace(web, us.bot_user_id or "")
        agents = settings.handoff.agents.get("slack", "")
        desk = Desk(kefu.store, kefu.assistant, SlackClient(workspaces, agents=agents))
        business = Business(settings.business, settings.hours.parsed())
        reception = Reception(desk, kefu.store, workspaces, business)
        served = pages(credentials, kefu.store) if us is None else None
        app = SlackApp(credentials, web, reception, served)
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(one, desk.stop)
        working = asyncio.create_task(desk.run())
        try:
            await _connect(stack, app, credentials, address, working)
            await working
        finally:
            desk.stop()
            await working
        _tell("done: what was begun is finished, the rest waits for the next start")


async def _connect(
    stack: AsyncExitStack,
    app: SlackApp,
    credentials: SlackCredentials,
    address: tuple[str, int] | None,
    working: asyncio.Task[None],
) -> None:
    """By HTTP or Socket Mode; by both where workspaces install kefu by HTTP."""
    from bot.adapters.slack.app import EVENTS_PATH
    from bot.adapters.slack.oauth import INSTALL_PATH

    if address is not None:
        port = await stack.enter_async_context(app.http(*address))
        path = INSTALL_PATH if credentials.is_for_several else EVENTS_PATH
        _tell(f"listening at http://{address[0]}:{port}{path}; Ctrl-C ends")
    if address is None or (credentials.is_for_several and credentials.app_token):
        connected = await stack.enter_async_context(app.sockets())
        await asyncio.wait([connected, working], return_when=asyncio.FIRST_COMPLETED)
        if connected.done():
            connected.result()
            _tell("connected to Slack; Ctrl-C ends")


def _address(given: str) -> tuple[str, int]:
    host, _, port = given.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"--http {given!r} is no HOST:PORT; write 127.0.0.1:3000, for example")
    return host.strip("[]"), int(port)


def _warnings_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_OneLine())
    logging.getLogger("kefu").addHandler(handler)


class _OneLine(logging.Formatter):
    """The details are in the error log."""

    def format(self, record: logging.LogRecord) -> str:
        return "kefu: " + printable(" ".join(record.getMessage().split()))


def _tell(text: str) -> None:
    sys.stderr.write(f"kefu: {text}\n")
    sys.stderr.flush()
