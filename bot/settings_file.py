"""Changing one setting in kefu.toml, so that all else, comments included, stays as it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from bot.errors import SettingsError

Value: TypeAlias = str | Mapping[str, float] | None
"""None takes a setting out."""


def write_setting(file: Path, section: str, key: str, value: Value) -> None:
    write_settings(file, section, {key: value})


def write_settings(file: Path, section: str, values: Mapping[str, Value]) -> None:
    """The file is made where there is none, and replaced as a whole. Raise SettingsError."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    file = file.resolve()  # behind a link lies the file that is meant
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        document = tomlkit.parse(text)
        if section not in document:
            document[section] = tomlkit.table()
        for key, value in values.items():
            if value is not None:
                document[section][key] = _stored(value)
            elif key in document[section]:
                del document[section][key]
        _replace(file, tomlkit.dumps(document).rstrip("\n") + "\n")
    except (TOMLKitError, UnicodeDecodeError, TypeError, AttributeError) as error:
        told = ", ".join(f"{key} = {value!r}" for key, value in values.items())
        raise SettingsError(
            f"{file} cannot be changed ({error}); write {told} under [{section}] yourself"
        ) from None
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}; mend that") from None


def _stored(value: str | Mapping[str, float]) -> Any:
    import tomlkit

    if isinstance(value, str):
        return value
    table = tomlkit.inline_table()
    table.update(value)
    return table


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        if file.exists():
            fresh.chmod(file.stat().st_mode & 0o777)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
