"""`kefu doctor`: what works here and what does not."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.cli.console import AsJson, Home, plain, print_json, run, settings_at
from bot.errors import KefuError
from bot.text import printable

if TYPE_CHECKING:
    from bot.settings import Settings


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    found: str


def doctor(as_json: AsJson = False, home: Home = None) -> None:
    """Say which backend, instruction sets and devices are in use, and what does not work."""
    settings = settings_at(home)
    from bot.engine.system import describe

    report = describe()
    checks = [_model(name, settings) for name in (settings.engine.model, "kefu-encoder")]
    checks += [_sentiment(), run(_database(settings))]
    if as_json:
        print_json({"system": plain(report), "checks": [plain(one) for one in checks]})
    else:
        for key, value in plain(report).items():
            _line(f"{key.replace('_', ' '):18} {_told(value)}")
        for one in checks:
            _line(f"{one.name:18} {'ok' if one.ok else 'BROKEN':7} {one.found}")
    if not all(one.ok for one in checks):
        raise SystemExit(1)


def _model(name: str, settings: Settings) -> Check:
    from bot.engine.loading import read_metadata
    from models.catalogue import find

    try:
        path = find(name, settings.paths.models)
        read_metadata(path)
    except (KefuError, OSError) as error:
        return Check(f"model {name}", ok=False, found=str(error))
    return Check(f"model {name}", ok=True, found=f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


def _sentiment() -> Check:
    from bot.skills.sentiment import check_weights
    from models.catalogue import find

    try:
        path = find("kefu-sentiment")
        check_weights(path)
    except (KefuError, OSError) as error:
        return Check("sentiment", ok=False, found=str(error))
    return Check("sentiment", ok=True, found=str(path))


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


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_told(one) for one in value) or "none"
    if isinstance(value, dict):
        return " ".join(str(one) for one in value.values())
    return str(value)


def _line(text: str) -> None:
    sys.stdout.write(printable(text) + "\n")
