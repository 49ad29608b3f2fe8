"""Larger models that can be fetched by name, as `catalogue.toml` lists them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from bot.errors import ModelFileError

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
FILE = re.compile(r"[A-Za-z0-9][\w.-]{0,200}\.gguf", re.ASCII)
"""Names of files that are made here: no folder, nothing hidden."""
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
_SYSTEM = ("own turn", "first message", "last message")
_NAMED = 8
_THINKING = ("none", "off")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Quantisation:
    name: str
    file: str
    bytes: int
    approximate: bool = False
    """Whether `bytes` was rounded or reckoned."""


@dataclass(frozen=True, slots=True)
class Template:
    """What is peculiar to a chat template."""

    name: str
    tokens: tuple[str, ...]
    system: str
    """Where the system's text stands: own turn, first message, last message."""
    thinking: str
    """none, or off: the model would think before it answers, and is asked not to."""
    note: str


@dataclass(frozen=True, slots=True)
class Offer:
    name: str
    title: str
    family: str
    parameters: int
    active: int
    """Parameters that each token passes."""
    repository: str
    licence: str
    """An SPDX identifier, or the name of the terms."""
    terms: str
    """Where they can be read, if they are not an open licence."""
    context: int
    languages: tuple[str, ...]
    """By ISO 639-1; "*" for many more."""
    architecture: str
    layers: int
    kv_heads: int
    head_size: int
    template: Template
    quantisations: tuple[Quantisation, ...]
    """From the smallest file to the largest."""

    @property
    def cache_values(self) -> int:
        """Of a token in the KV cache."""
        return 2 * self.layers * self.kv_heads * self.head_size

    def speaks(self, language: str) -> bool:
        return language in self.languages or "*" in self.languages

    @property
    def spoken(self) -> str:
        """In a few words."""
        named = [one for one in self.languages if one != "*"]
        if "*" in self.languages:
            return f"{', '.join(named[:_NAMED])} and many more languages"
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        return ", ".join(named[:_NAMED]) + more

    def quantisation(self, name: str) -> Quantisation:
        found = next((one for one in self.quantisations if one.name == name.upper()), None)
        if found is None:
            known = ", ".join(one.name for one in self.quantisations)
            raise ModelFileError(f"{self.name} has no quantisation {name!r}; it has {known}")
        return found

    def installed(self, folder: Path | None) -> Quantisation | None:
        """The largest whose file lies in `folder`."""
        if folder is None:
            return None
        here = (one for one in reversed(self.quantisations) if (folder / one.file).is_file())
        return next(here, None)


def offers() -> tuple[Offer, ...]:
    return _read()


def offer(name: str) -> Offer | None:
    return next((one for one in offers() if one.name == name), None)


def offer_of(file: str) -> Offer | None:
    """That one of whose files has this name."""
    known = ((one, {quantisation.file for quantisation in one.quantisations}) for one in offers())
    return next((one for one, its in known if file in its), None)


@cache
def _read() -> tuple[Offer, ...]:
    return parsed((files("models") / "catalogue.toml").read_text(encoding="utf-8"))


def parsed(text: str) -> tuple[Offer, ...]:
    """Raise ModelFileError, naming the entry that cannot be used and why."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelFileError(f"models/catalogue.toml is not TOML: {error}; mend it") from None
    templates = {
        name: _template(name, values) for name, values in data.get("templates", {}).items()
    }
    found = tuple(_offer(values, templates) for values in data.get("models", []))
    names = [one.name for one in found]
    for name in names:
        _check(names.count(name) == 1, name, "name", "has an entry already")
    return found


def _template(name: str, values: Mapping[str, Any]) -> Template:
    made = _made(Template, name, {**values, "name": name, "tokens": tuple(values["tokens"])})
    _check(made.system in _SYSTEM, name, "system", f"is none of {', '.join(_SYSTEM)}")
    _check(made.thinking in _THINKING, name, "thinking", f"is none of {', '.join(_THINKING)}")
    return made


def _offer(values: Mapping[str, Any], templates: Mapping[str, Template]) -> Offer:
    name = str(values.get("name", ""))
    _check(bool(_NAME.fullmatch(name)), name, "name", "has other than small letters, digits, . -")
    _check(values.get("template") in templates, name, "template", "is no [templates.…]")
    quantisations = [_made(Quantisation, name, one) for one in values.get("quantisations", [])]
    given = {
        "active": values.get("parameters"),
        "terms": "",
        **values,
        "languages": tuple(values.get("languages", [])),
        "template": templates[values["template"]],
        "quantisations": tuple(sorted(quantisations, key=lambda one: one.bytes)),
    }
    made = _made(Offer, name, given)
    _check(bool(REPOSITORY.fullmatch(made.repository)), name, "repository", "is no OWNER/NAME")
    _check(bool(quantisations), name, "quantisations", "is empty")
    for number in ("parameters", "active", "context", "layers", "kv_heads", "head_size"):
        _check(getattr(made, number) > 0, name, number, "is not above 0")
    for one in quantisations:
        _check(bool(FILE.fullmatch(one.file)), name, "file", f"{one.file!r} is no plain file name")
        _check(one.bytes > 0, name, "bytes", f"of {one.file} is not above 0")
    return made


def _made(kind: type[T], entry: str, values: Mapping[str, Any]) -> T:
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    for key in values:
        _check(key in known, entry, key, "is not known")
    try:
        made = kind(**values)
    except TypeError as error:
        raise ModelFileError(f"models/catalogue.toml, {entry}: {error}; mend it") from None
    for key, one in known.items():
        value = getattr(made, key)
        expected = {"int": int, "str": str, "bool": bool}.get(str(one.type))
        _check(
            expected is None or type(value) is expected, entry, key, f"{value!r} is no {one.type}"
        )
    return made


def _check(right: bool, entry: str, key: str, wrong: str) -> None:  # noqa: FBT001
    if not right:
        raise ModelFileError(
            f"models/catalogue.toml, {entry or 'an entry'}: {key} {wrong}; mend it"
        )
