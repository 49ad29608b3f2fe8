"""`kefu models`: what comes along and what was fetched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import evaluation, larger, training, tuning
from bot.cli.console import AsJson, Home, plain, print_json, settings_at
from bot.errors import KefuError
from bot.text import counted, cut, printable

if TYPE_CHECKING:
    from bot.settings import Settings
    from models.catalogue import CatalogueEntry
    from models.offers import Offer

app = typer.Typer(help="The models.")
app.command("recommend")(larger.recommend)
app.command("pull")(larger.pull)
app.command("use")(larger.use)
app.command("tune")(tuning.tune)
app.command("eval")(evaluation.evaluate_models)
app.command("train")(training.train)

_WIDTH = 120
"""Characters of a value that `show` shows; --json shows all."""
_NAMED = {
    "bytes": "size",
    "download_bytes": "to download",
    "active_parameters": "active parameters",
    "in_use": "in use",
}
"""What `show` calls what has another name in --json."""


@app.command("list")
def list_models(as_json: AsJson = False, home: Home = None) -> None:
    """The models kefu knows, which one answers, and what can be fetched."""
    from models.catalogue import catalogue
    from models.offers import offers

    settings = settings_at(home)
    in_use = "" if settings.engine.url else settings.engine.model
    entries = [_described(one, in_use) for one in catalogue()]
    entries += [_found(path, in_use) for path in sorted(settings.paths.models.glob("*.gguf"))]
    if not any(one["in_use"] for one in entries if one["kind"] == "language"):
        entries += _elsewhere(settings)
    here = settings.paths.models
    entries += [_offered(one) for one in offers() if one.installed(here) is None]
    for one in entries:
        one["adapters"] = []
        if one["in_use"] and one["kind"] == "language" and not settings.engine.url:
            one["adapters"] = [str(path) for path in settings.engine.adapters]
            one["description"] = "; with ".join([one["description"], *one["adapters"]])
    if as_json:
        print_json(entries)
        return
    for one in entries:
        mark = "*" if one["in_use"] else " " if one["installed"] else "-"
        size = one["bytes"] or one["download_bytes"]
        line = f"{mark} {one['name']:20} {one['kind']:9} {_size(size):>9}  {one['description']}"
        sys.stdout.write(printable(line) + "\n")
    sys.stdout.write("* in use   - not here yet: kefu models pull NAME\n")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name that `list` shows, or a GGUF file.")],
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """One model: what it is, where it lies, and what its file says."""
    from models.catalogue import catalogue, find
    from models.offers import offer, offer_of

    settings = settings_at(home)
    known = next((one for one in catalogue() if one.name == name), None)
    larger = offer(name)
    if larger and larger.installed(settings.paths.models) is None:
        data: dict[str, Any] = {"name": name, "path": "", "bytes": 0, **_offered(larger)}
    else:
        path = find(name, settings.paths.models)
        data = {"name": name, "path": str(path), "bytes": path.stat().st_size}
        if known:
            data |= {"kind": known.kind, "description": known.description, "licence": known.licence}
        elif larger := larger or offer_of(path.name):
            data = {**_offered(larger), **data, "installed": True}
        if path.suffix == ".gguf" or known is None:
            from bot.engine.loading import read_metadata

            data["metadata"] = read_metadata(path)
    if larger:
        data |= _details(larger)
    if as_json:
        print_json(data)
        return
    metadata = data.pop("metadata", {})
    for key, value in {**data, **(_rows(larger) if larger else {})}.items():
        if value not in ("", 0) or value is False:
            sys.stdout.write(_row(_NAMED.get(key, key), _worded(key, value), 24))
    if metadata:
        sys.stdout.write("\nIts file says:\n")
    for key, value in sorted(metadata.items()):
        sys.stdout.write(_row(key, value, 40))


@app.command()
def bench(
    name: Annotated[
        str | None, typer.Argument(help="A name that `list` shows, or a GGUF file.")
    ] = None,
    conversations: Annotated[int, typer.Option(min=1, max=256, help="At once.")] = 8,
    turns: Annotated[int, typer.Option(min=1, max=1000, help="Of each.")] = 3,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """How fast this machine runs a model: on a quiet machine, and without other kefus."""
    from bot.machine import measure_engine

    found = measure_engine(settings_at(home), name, conversations=conversations, turns=turns)
    if as_json:
        print_json(found)
        return
    modes = found.modes
    rows = {
        "model": f"{found.model}, {found.threads} threads",
        "chosen": ("one KV cache for all" if modes.unified else "a KV cache for each")
        + (", flash attention" if modes.flash_attention else ""),
        "together": f"{found.tokens_per_second} tokens/s "
        f"({counted(conversations, 'conversation')} of {counted(turns, 'turn')})",
        "first token": f"{found.first_token_ms.p50} ms (p50), {found.first_token_ms.p95} ms (p95)",
        "prefill": f"{found.prefill_tokens_per_second} tokens/s (one prompt alone; this and the "
        "next two are medians of three)",
        "decode": f"{found.decode_tokens_per_second} tokens/s (one reply alone)",
        "bare loop": f"{found.bare_tokens_per_second} tokens/s, of which kefu "
        f"has {found.of_raw_decode:.0%}",
        "memory": f"{found.memory_megabytes} MB at most",
    }
    for key, value in rows.items():
        sys.stdout.write(printable(f"{key:12} {value}") + "\n")


def _described(one: CatalogueEntry, in_use: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "bytes": one.bytes,
        "description": one.description,
        "licence": one.licence,
        "reads": one.reads,
        "in_use": one.kind != "language" or one.name == in_use,
        "installed": one.bytes > 0,
        "download_bytes": 0,
        "catalogue": one.name,
    }


def _offered(one: Offer) -> dict[str, Any]:
    """As it can be fetched."""
    smallest = one.quantisations[0]
    return {
        "name": one.name,
        "kind": "language",
        "bytes": 0,
        "description": f"{one.title}, {smallest.name}; {one.licence}; {one.spoken}",
        "licence": one.licence,
        "reads": True,
        "in_use": False,
        "installed": False,
        "download_bytes": smallest.bytes,
        "catalogue": one.name,
    }


def _details(one: Offer) -> dict[str, Any]:
    return {
        "family": one.family,
        "parameters": one.parameters,
        "active_parameters": one.active,
        "repository": one.repository,
        "terms": one.terms,
        "context": one.context,
        "languages": list(one.languages),
        "quantisations": [plain(each) for each in one.quantisations],
        "template": plain(one.template),
    }


def _elsewhere(settings: Settings) -> list[dict[str, Any]]:
    """What answers, where that lies in no folder of ours."""
    from models.catalogue import find_language_model

    entry = {"kind": "language", "bytes": 0, "licence": "", "reads": False, "in_use": True}
    entry |= {"installed": False, "download_bytes": 0, "catalogue": ""}
    if settings.engine.url:
        told = f"A model at the server {settings.engine.url} (engine.url)"
        return [{**entry, "name": settings.engine.url, "description": told, "reads": True}]
    name = settings.engine.model
    try:
        return [_found(find_language_model(name, settings.paths.models), name) | {"in_use": True}]
    except KefuError as error:
        return [{**entry, "name": name, "description": str(error)}]


def _rows(one: Offer) -> dict[str, str]:
    """In place of the lists and tables of `_details`."""
    rows = {"languages": one.spoken, "template": f"{one.template.name}: {one.template.note}"}
    for each in one.quantisations:
        about = "about " if each.approximate else ""
        rows[f"quantisation {each.name}"] = f"{about}{_size(each.bytes)}, {each.file}"
    return rows | {"quantisations": ", ".join(each.name for each in one.quantisations)}


def _row(name: str, value: object, width: int) -> str:
    return printable(f"{name:{width}} {cut(' '.join(str(value).split()), _WIDTH)}") + "\n"


def _worded(key: str, value: object) -> object:
    """As `show` tells it to people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and key.endswith("bytes"):
        return _size(value)
    if isinstance(value, int) and key.endswith("parameters"):
        return f"{value / 1e9:.1f} billion"
    return f"{value:,} tokens" if key == "context" else value


def _size(count: int) -> str:
    if 0 < count < 1e5:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _adapter(path: Path) -> dict[str, Any] | None:
    """A LoRA adapter; None of any other file."""
    from bot.engine.adapters import made_for

    try:
        description = f"A LoRA adapter for {made_for(path)} models"
    except KefuError:
        return None
    entry = {"name": path.stem, "kind": "adapter", "bytes": path.stat().st_size, "licence": ""}
    entry |= {"description": description, "reads": False, "in_use": False, "installed": True}
    return entry | {"download_bytes": 0, "catalogue": ""}


def _found(path: Path, in_use: str) -> dict[str, Any]:
    """As the file says of itself."""
    from bot.engine.loading import is_encoder, read_metadata
    from models.offers import offer_of

    if adapter := _adapter(path):
        return adapter
    known = offer_of(path.name)
    catalogue = known.name if known else ""
    try:
        told = read_metadata(path)
    except KefuError as error:
        told, broken = {}, str(error)
    else:
        broken = ""
    encodes = is_encoder(told)
    return {
        "name": path.stem,
        "kind": "encoder" if encodes else "language",
        "bytes": path.stat().st_size,
        "description": broken or told.get("general.name") or path.name,
        "licence": known.licence if known else told.get("general.license", ""),
        "reads": bool(told) and not encodes and told.get("kefu.reads") != "false",
        "in_use": in_use in {path.stem, path.name, str(path), catalogue},
        "installed": True,
        "download_bytes": 0,
        "catalogue": catalogue,
    }
