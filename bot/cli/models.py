"""`kefu models`: what comes along and what was fetched."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.console import AsJson, Home, harmless, print_json, settings_at

if TYPE_CHECKING:
    from models.catalogue import CatalogueEntry

app = typer.Typer(help="The models.")


@app.command("list")
def list_models(as_json: AsJson = False, home: Home = None) -> None:
    """The models kefu knows, and which one answers."""
    from models.catalogue import catalogue

    settings = settings_at(home)
    entries = [_described(one, settings.engine.model) for one in catalogue()]
    entries += [
        _found(path, settings.engine.model) for path in sorted(settings.paths.models.glob("*.gguf"))
    ]
    if as_json:
        print_json(entries)
        return
    for one in entries:
        mark = "*" if one["in_use"] else " "
        size = f"{one['bytes'] / 1e6:6.1f} MB"
        line = f"{mark} {one['name']:16} {one['kind']:9} {size}  {one['description']}"
        sys.stdout.write(harmless(line) + "\n")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name that `list` shows, or a GGUF file.")],
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """One model: what it is, where it lies, and what its file says."""
    from models.catalogue import catalogue, find

    settings = settings_at(home)
    path = find(name, settings.paths.models)
    known = next((one for one in catalogue() if one.name == name), None)
    data: dict[str, Any] = {"name": name, "path": str(path), "bytes": path.stat().st_size}
    if known:
        data |= {"kind": known.kind, "description": known.description, "licence": known.licence}
    if path.suffix == ".gguf" or known is None:
        from bot.engine.loading import read_metadata

        data["metadata"] = read_metadata(path)
    if as_json:
        print_json(data)
        return
    for key, value in {**data, **data.pop("metadata", {})}.items():
        sys.stdout.write(harmless(f"{key:40} {' '.join(str(value).split())[:120]}") + "\n")


def _described(one: CatalogueEntry, in_use: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "bytes": one.bytes,
        "description": one.description,
        "licence": one.licence,
        "reads": one.reads,
        "in_use": one.kind != "language" or one.name == in_use,
    }


def _found(path: Any, in_use: str) -> dict[str, Any]:
    return {
        "name": path.stem,
        "kind": "language",
        "bytes": path.stat().st_size,
        "description": f"fetched: {path.name}",
        "licence": "",
        "reads": True,
        "in_use": in_use in {path.stem, path.name, str(path)},
    }
