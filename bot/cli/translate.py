"""`kefu translate`: text in, text out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.console import AsJson, Home, print_json, run, settings_at
from bot.errors import UsageError


def translate(
    file: Annotated[Path | None, typer.Argument(help="A text; standard input without it.")] = None,
    to: Annotated[
        str | None, typer.Option(help="ISO 639-1, such as de; by default what agents read.")
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Translate a text, by a model that reads."""
    settings = settings_at(home)
    language = to or settings.inbox.language
    _check(language)
    text = _read(file)

    async def work() -> str:
        from bot.app import may_read, open_kefu
        from bot.skills.translation import cannot_translate

        if not text.strip():
            return text
        if not may_read(settings):
            raise cannot_translate(settings.engine.model)
        async with open_kefu(settings) as kefu:
            return await kefu.translator.translate(text, language)

    said = run(work())
    if as_json:
        print_json({"text": said, "language": language})
    else:
        sys.stdout.write(said if said.endswith("\n") else said + "\n")


def _check(language: str) -> None:
    from bot.skills.translation import NAMES

    if language not in NAMES:
        raise UsageError(
            f"--to {language!r} is no language that kefu knows by name; one of {', '.join(NAMES)}"
        )


def _read(file: Path | None) -> str:
    try:
        if file is None or str(file) == "-":
            return sys.stdin.read()
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file or 'standard input'} is not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
