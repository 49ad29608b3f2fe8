"""The README names every command and every setting there is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from bot.cli.main import app
from bot.settings import Settings

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def commands(of: typer.Typer) -> Iterator[str]:
    for command in of.registered_commands:
        callback = command.callback
        yield command.name or (callback.__name__ if callback else "")
    for group in of.registered_groups:
        for name in commands(group.typer_instance) if group.typer_instance else ():
            yield f"{group.name} {name}"


def settings(of: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in of.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, f"{prefix}{name}.")
        else:
            assert field.description, f"{prefix}{name} has no sentence under it"
            yield f"{prefix}{name}"


@pytest.mark.parametrize("command", list(commands(app)))
def test_every_command_is_in_the_readme(command: str) -> None:
    group, _, name = command.partition(" ")
    (row,) = [line for line in README.splitlines() if line.startswith(f"| `kefu {group}")][:1] or [
        ""
    ]
    assert f"kefu {group}" in row
    assert name in row


@pytest.mark.parametrize("setting", list(settings(Settings)))
def test_every_setting_is_in_the_readme(setting: str) -> None:
    assert f"| `{setting}` |" in README


def test_there_is_something_to_test() -> None:
    assert len(list(commands(app))) >= 14
    assert len(list(settings(Settings))) >= 14
