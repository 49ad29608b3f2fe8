"""`kefu matrix`: the front desk of a Matrix account, in the foreground."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from bot.cli.console import Home, run, settings_at
from bot.cli.serving import isolated, tell, until, warnings_to_stderr, working
from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.settings import Settings


def matrix(home: Home = None) -> None:
    """Answer in Matrix rooms, until Ctrl-C."""
    run(_serve(isolated(settings_at(home))))


async def _serve(settings: Settings) -> None:
    try:
        from bot.adapters.matrix.app import MatrixApp, who_are_we
        from bot.adapters.matrix.client import MatrixClient
        from bot.adapters.matrix.homeserver import Homeserver
    except ImportError as error:
        raise SettingsError(
            f"a package for Matrix is missing ({error.name}); "
            "install it by pip install -e '.[matrix]' where kefu was cloned"
        ) from None
    from bot.adapters.matrix.credentials import MatrixCredentials
    from bot.app import open_kefu
    from bot.desk import Desk

    credentials = MatrixCredentials.from_environment()
    agents = settings.handoff.agents.get("matrix", "")
    warnings_to_stderr()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Homeserver(credentials))
        us = await who_are_we(server)
        kefu = await stack.enter_async_context(open_kefu(settings))
        for warning in kefu.warnings:
            tell(warning)
        client = MatrixClient(server, us, agents=agents)
        desk = Desk(kefu.store, kefu.assistant, client)
        app = MatrixApp(server, us, desk, kefu.store, agents=agents)
        connected = await stack.enter_async_context(app.syncing())
        async with working(desk) as work:
            await until(connected, work, f"connected to Matrix as {us.user_id}; Ctrl-C ends")
