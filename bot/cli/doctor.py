"""`kefu doctor`: what works here and what does not."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.console import AsJson, Home, plain, print_json, run, settings_at
from bot.errors import KefuError, ModelFileError
from bot.text import printable

if TYPE_CHECKING:
    from bot.engine.system import SystemReport
    from bot.settings import EngineSettings, Settings

_PATIENCE = 5.0
"""Seconds for a server to say that it is there."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    found: str


def doctor(as_json: AsJson = False, home: Home = None) -> None:
    """Say which backend, instruction sets and devices are in use, and what does not work."""
    settings = settings_at(home)
    from bot.engine.system import describe

    report = describe(settings.engine)
    checks = [_server(settings.engine) if settings.engine.url else _language_model(settings)]
    checks += [_adapter(path, settings) for path in settings.engine.adapters]
    checks += [_encoder(), _sentiment(), _wishes(), run(_database(settings))]
    if any(os.environ.get(name) for name in ("SLACK_BOT_TOKEN", "SLACK_CLIENT_ID")):
        checks.append(run(_slack(settings)))
    if os.environ.get("MATRIX_HOMESERVER"):
        checks.append(run(_matrix()))
    if as_json:
        print_json({"system": plain(report), "checks": [plain(one) for one in checks]})
    else:
        for name, value in _system(report):
            _line(f"{name:18} {value}")
        for one in checks:
            _line(f"{one.name:18} {'ok' if one.ok else 'BROKEN':7} {one.found}")
    if not all(one.ok for one in checks):
        raise SystemExit(1)


def _missing(error: ImportError, extra: str) -> Check:
    install = f"install it by pip install -e '.[{extra}]' where kefu was cloned"
    return Check(extra, ok=False, found=f"a package is missing ({error.name}); {install}")


def _system(report: SystemReport) -> Iterator[tuple[str, str]]:
    yield "backend", report.backend
    yield "instructions", ", ".join(report.instructions) or "none"
    for device in report.devices:
        memory = f"{device.free / 1e9:.1f} of {device.memory / 1e9:.1f} GB free"
        yield f"device {device.name}", f"{device.description} ({device.kind}, {memory})"
    yield "llama-cpp-python", report.llama_cpp_version
    yield "threads", str(report.threads)
    if report.warning:
        yield "warning", report.warning


def _model(name: str, find: Callable[[str], Path], *, writes: bool) -> Check:
    from bot.engine.loading import is_encoder, read_metadata

    try:
        path = find(name)
        if is_encoder(read_metadata(path)) and writes:
            raise ModelFileError(f"{path} is an encoder, not a language model; mend engine.model")
    except (KefuError, OSError) as error:
        return Check(f"model {name}", ok=False, found=str(error))
    return Check(f"model {name}", ok=True, found=f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


def _language_model(settings: Settings) -> Check:
    from models.catalogue import find_language_model

    def find(name: str) -> Path:
        return find_language_model(name, settings.paths.models)

    return _model(settings.engine.model, find, writes=True)


def _encoder() -> Check:
    from models.catalogue import find

    return _model("kefu-encoder", find, writes=False)


def _adapter(path: Path, settings: Settings) -> Check:
    """Whether it is one, and made for a model of that kind."""
    from bot.engine.adapters import made_for
    from bot.engine.loading import read_metadata
    from models.catalogue import find_adapter, find_language_model

    folder = settings.paths.models
    try:
        architecture = made_for(find_adapter(path, folder))
        model = read_metadata(find_language_model(settings.engine.model, folder))
    except KefuError as error:
        return Check("adapter", ok=False, found=str(error))
    if model.get("general.architecture") != architecture:
        told = f"{path} is made for {architecture} models, which {settings.engine.model} is not"
        return Check("adapter", ok=False, found=f"{told}; mend engine.adapters")
    return Check("adapter", ok=True, found=f"{path} (for {architecture} models)")


def _server(settings: EngineSettings) -> Check:
    """Asked once, and not for long."""
    brief = {"timeout": min(settings.timeout, _PATIENCE), "retries": 0}
    try:
        from bot.engine.remote import open_remote

        model = open_remote(settings.model_copy(update=brief))
    except KefuError as error:
        return Check("server", ok=False, found=str(error))
    found = f"{settings.url} ({model.model_name}, {model.context} tokens)"
    return Check("server", ok=True, found=found)


def _wishes() -> Check:
    from bot.engine.loading import read_metadata
    from bot.skills.wishes import read_head
    from models.catalogue import find

    try:
        path = find("kefu-wishes")
        read_head(path, read_metadata(find("kefu-encoder")).get("kefu.revision", ""))
    except KefuError as error:
        return Check("wishes", ok=False, found=str(error))
    return Check("wishes", ok=True, found=str(path))


def _sentiment() -> Check:
    from bot.skills.sentiment import check_weights
    from models.catalogue import find

    try:
        path = find("kefu-sentiment")
        check_weights(path)
    except (KefuError, OSError) as error:
        return Check("sentiment", ok=False, found=str(error))
    return Check("sentiment", ok=True, found=str(path))


async def _slack(settings: Settings) -> Check:
    """Whether Slack knows the token, and what it may do; or how many workspaces there are."""
    try:
        from bot.adapters.slack.app import SlackCredentials, missing_scopes
    except ImportError as error:
        return _missing(error, "slack")
    try:
        is_http = not os.environ.get("SLACK_APP_TOKEN")
        credentials = SlackCredentials.from_environment(http=is_http)
        if credentials.is_for_several:
            return await _slack_workspaces(settings)
        async with asyncio.timeout(_PATIENCE):
            team, missing = await missing_scopes(credentials.web())
    except TimeoutError:
        return Check("slack", ok=False, found=f"{credentials.api_url} does not answer")
    except KefuError as error:
        return Check("slack", ok=False, found=str(error))
    if missing:
        told = f"{team}: the app lacks {', '.join(missing)}; add them and install it again"
        return Check("slack", ok=False, found=told)
    return Check("slack", ok=True, found=f"{team} ({'HTTP events' if is_http else 'Socket Mode'})")


async def _matrix() -> Check:
    """Whether the homeserver knows us."""
    try:
        from bot.adapters.matrix.app import who_are_we
        from bot.adapters.matrix.credentials import MatrixCredentials
        from bot.adapters.matrix.homeserver import Homeserver
    except ImportError as error:
        return _missing(error, "matrix")
    try:
        credentials = MatrixCredentials.from_environment()
        async with asyncio.timeout(_PATIENCE), Homeserver(credentials) as server:
            us = await who_are_we(server)
    except TimeoutError:
        told = f"{credentials.homeserver} does not answer"
        return Check("matrix", ok=False, found=told)
    except KefuError as error:
        return Check("matrix", ok=False, found=str(error))
    return Check("matrix", ok=True, found=f"{us.user_id} at {credentials.homeserver}")


async def _slack_workspaces(settings: Settings) -> Check:
    from bot.app import open_store_of

    async with open_store_of(settings) as store:
        count = await store.installations.count("slack")
    how = "" if count else "; open /slack/install of kefu slack --http"
    return Check("slack", ok=True, found=f"installed in {count} workspaces{how}")


async def _database(settings: Settings) -> Check:
    from bot.app import open_store_of

    try:
        place = settings.store.url or str(settings.paths.database)
        async with open_store_of(settings) as store:
            pages = len(await store.passages.documents())
            talks = await store.log.count()
    except (KefuError, OSError) as error:
        return Check("database", ok=False, found=str(error))
    return Check("database", ok=True, found=f"{place} ({pages} documents, {talks} conversations)")


def _line(text: str) -> None:
    sys.stdout.write(printable(text) + "\n")
