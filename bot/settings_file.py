"""Changing one setting in kefu.toml, so that all else, comments included, stays as it is."""

from __future__ import annotations

import os
from pathlib import Path

from bot.errors import SettingsError


def write_setting(file: Path, section: str, key: str, value: str) -> None:
    """The file is made where there is none, and replaced as a whole. Raise SettingsError."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    file = file.resolve()  # behind a link lies the file that is meant
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        document = tomlkit.parse(text)
        if section not in document:
            document[section] = tomlkit.table()
        document[section][key] = value
        _replace(file, tomlkit.dumps(document).rstrip("\n") + "\n")
    except (TOMLKitError, UnicodeDecodeError, TypeError) as error:
        raise SettingsError(
            f"{file} cannot be changed ({error}); write {key} = {value!r} under [{section}] "
            "yourself"
        ) from None
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}; mend that") from None


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
