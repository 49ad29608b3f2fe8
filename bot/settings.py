"""The settings: one tree, from `kefu.toml` in the home folder and `KEFU_*` variables.

`KEFU_ENGINE__CONTEXT=4096` sets `engine.context`; variables win over the file.
"""

from __future__ import annotations

import re
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as SourceError

from bot.errors import SettingsError
from bot.hours import BusinessHours
from bot.paths import Paths

SMALLEST_WINDOW = 256
"""Tokens: the system's text, a short question, a passage and a reply."""


_TOLD, _SHOWN = 5, 100
"""So many wrong settings are told at once, and so many characters of a value."""


def _language(code: str) -> str:
    if not re.fullmatch("[a-z]{2}", code):
        raise ValueError("a language is two small letters, such as en")
    return code


def _web_address(url: str) -> str:
    if url and not re.fullmatch(r"https?://\S+", url):
        raise ValueError("an address begins with http:// or https://")
    return url


def _window(tokens: int) -> int:
    if tokens and tokens < SMALLEST_WINDOW:
        raise ValueError(f"a conversation needs {SMALLEST_WINDOW} tokens, or 0 for the model's own")
    return tokens


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class EngineSettings(Section):
    model: str = "kefu-small"
    """The name of a model that `kefu models list` shows, or the path of a GGUF file."""
    url: Annotated[str, AfterValidator(_web_address)] = ""
    """An OpenAI-compatible server that answers in place of llama.cpp here, for example
    `http://127.0.0.1:8080/v1`; only the encoder then runs here."""
    key: SecretStr = SecretStr("")
    """What the server asks for as a key, where it does."""
    timeout: float = Field(default=60, gt=0)
    """Seconds without a word from the server after which a request is given up, and without a sign
    of life after which the engine's process is ended and started again."""
    retries: int = Field(default=2, ge=0)
    """How often a request is sent again that the server did not take."""
    context: Annotated[int, Field(ge=0), AfterValidator(_window)] = 0
    """Context window of a conversation, in tokens, 256 or more; 0 takes the model's own, 8192 at
    most."""
    conversations: int = Field(default=8, ge=1, le=64)
    """How many conversations are decoded together."""
    threads: int = Field(default=0, ge=0)
    """Threads for llama.cpp, as many as there are processors at most; 0 takes the cores this
    process may use."""
    isolation: Literal["thread", "process"] = "thread"
    """Where llama.cpp runs: on a thread of kefu, or in a process of its own, whose crash ends no
    more than the replies that it was writing."""
    gpu_layers: int = Field(default=-1, ge=-1)
    """Layers put on the GPU, where the build can; -1 takes as many as fit."""
    drafts: int = Field(default=4, ge=0, le=16)
    """Tokens that are guessed at a time from what stood in the prompt, where a model that reads
    writes one reply alone; those that it would have written are kept. 0 for none."""
    adapters: dict[Path, float] = Field(default_factory=dict)
    """LoRA adapters, GGUF files made for the model, each with its scale: `{"tone.gguf" = 1.0}`. A
    path, or a file's name in the folder `models` under the home folder."""
    cache_type: Literal["f16", "q8_0"] = "f16"
    """How the KV cache is kept: q8_0 takes half the memory, rounds, and needs flash attention."""
    temperature: float = Field(default=0.3, ge=0, le=2)
    """0 always takes the likeliest token."""
    max_tokens: int = Field(default=400, ge=1)
    """The longest reply, in tokens."""
    max_seconds: float = Field(default=300, gt=0)
    """How long a reply may take, the time in the queue not counted."""
    waiting: int = Field(default=256, ge=1)
    """How many requests may wait for their turn; more are refused."""
    waiting_tokens: int = Field(default=400_000, ge=1)
    """How many prompt tokens may wait, all requests together."""
    parked_megabytes: int = Field(default=512, ge=0)
    """RAM for the KV caches of conversations beyond `engine.conversations`; what has no room is
    decoded again."""
    seed: int = 0
    """Of the sampler: the same seed, prompt and model give the same reply."""


class KnowledgeSettings(Section):
    passages: int = Field(default=4, ge=1, le=20)
    """How many passages a reading model is shown."""


class HoursSettings(Section):
    timezone: str = "UTC"
    """Of the business, for example "Europe/Berlin"."""
    customers: str = ""
    """The customers' time zone, in which they are told when somebody will be there; empty: that of
    the business."""
    open: dict[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], str] = Field(
        default_factory=dict
    )
    """When somebody is there, for example `{ mon = "09:00-12:30, 13:30-17:00" }`; empty: always."""
    holidays: list[date] = Field(default_factory=list)
    """Days on which nobody is there, for example `["2026-12-25"]`."""

    @model_validator(mode="after")
    def _check(self) -> HoursSettings:
        try:
            self.parsed()
        except (KeyError, OSError):  # of a zone
            given = " or ".join(repr(zone) for zone in (self.timezone, self.customers) if zone)
            raise ValueError(f"{given} is no time zone; write Europe/Berlin, say") from None
        return self

    def parsed(self) -> BusinessHours:
        week = {str(day): spans for day, spans in self.open.items()}
        return BusinessHours.parse(self.timezone, week, self.holidays, self.customers)


_ROOMS = {
    "slack": (
        re.compile(r"(?:[TE][A-Z0-9]+/)?[CGD][A-Z0-9]+"),
        "channel's id; Slack shows it at the end of what it tells about a channel, C0123456789",
    ),
    "matrix": (
        re.compile(r"!\S+"),
        "room's id; clients show it among a room's advanced settings, it begins with !",
    ),
}


class HandoffSettings(Section):
    after_unknown: int = Field(default=2, ge=0)
    """So many questions in a row to which nothing is found call a person; 0: never."""
    agents: dict[str, str] = Field(default_factory=dict)
    """Where agents are told, by platform, for example `{ slack = "C0123456789" }`."""

    @model_validator(mode="after")
    def _check(self) -> HandoffSettings:
        for platform, room in self.agents.items():
            if platform not in _ROOMS:
                raise ValueError(f"agents are told in {' and '.join(_ROOMS)}, not in {platform!r}")
            pattern, what = _ROOMS[platform]
            if room and not pattern.fullmatch(room):
                raise ValueError(f"{platform} = {room!r} is no {what}")
        return self


class TopicSettings(Section):
    """One `[[topics]]` of kefu.toml."""

    name: str = Field(min_length=1, max_length=60)
    words: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    person: bool = True
    reply: dict[Annotated[str, AfterValidator(_language)], Annotated[str, Field(min_length=1)]] = (
        Field(default_factory=dict)
    )

    @model_validator(mode="after")
    def _check(self) -> TopicSettings:
        for word in self.words:
            if not re.search(r"\w", word):
                raise ValueError(
                    f"{word!r} of the topic {self.name!r} has no letter; there are no wildcards"
                )
        if not self.person and not self.reply:
            raise ValueError(f"the topic {self.name!r} calls no person, so it needs a reply")
        return self


class StoreSettings(Section):
    url: str = ""
    """A SQLAlchemy URL; empty means SQLite in the home folder."""


class TerminalSettings(Section):
    theme: str = "textual-dark"
    """A Textual theme; changed from the palette, too."""
    keys: dict[str, str] = Field(default_factory=dict)
    """Key bindings by id, for example `"chat.new" = "ctrl+t"`; F1 in the terminal lists the ids."""


class InboxSettings(Section):
    language: Annotated[str, AfterValidator(_language)] = "en"
    """What agents read: customers' messages are translated into it when they ask."""
    bell: bool = True
    """Whether the terminal's bell rings when a conversation newly waits for a person."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="KEFU_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    home: Path = Field(default_factory=lambda: Paths.default().home)
    """The folder for everything that kefu writes."""
    business: str = "Lantern & Loom"
    """The name of the business that the assistant speaks for."""
    engine: EngineSettings = EngineSettings()
    """The language model and how it is run."""
    knowledge: KnowledgeSettings = KnowledgeSettings()
    """How help pages are searched."""
    hours: HoursSettings = HoursSettings()
    """When there is somebody to hand a conversation to."""
    handoff: HandoffSettings = HandoffSettings()
    """When a person is called, and where agents are told."""
    topics: list[TopicSettings] = Field(default_factory=list)
    """Topics with a fixed reply, or for a person alone."""
    store: StoreSettings = StoreSettings()
    """Where conversations are kept."""
    terminal: TerminalSettings = TerminalSettings()
    """How the terminal looks and which keys it listens to."""
    inbox: InboxSettings = InboxSettings()
    """What agents read, and how they are told."""

    @property
    def paths(self) -> Paths:
        return Paths(self.home)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = Path(_home_of(init_settings, env_settings))
        toml = TomlConfigSettingsSource(settings_cls, Paths(home).settings_file)
        return init_settings, env_settings, toml


def load_settings(home: Path | None = None) -> Settings:
    """Raise SettingsError, naming the key and its value, where one cannot be used."""
    given: dict[str, Any] = {} if home is None else {"home": home}
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(_wrong(one) for one in error.errors()[:_TOLD])
        raise SettingsError(f"{wrong}; mend it in kefu.toml or the KEFU_* variables") from None
    except SourceError as error:  # of a variable: a table or list that is no JSON
        field = str(error).partition('"')[2].partition('"')[0]
        raise SettingsError(
            f"a variable KEFU_{field.upper()}… cannot be read: tables and lists are JSON there, "
            """such as KEFU_HOURS__OPEN='{"mon": "09:00-17:00"}'"""
        ) from None
    except ValueError as error:  # a kefu.toml that is not TOML
        raise SettingsError(f"kefu.toml cannot be read: {error}; mend or remove it") from None


def _wrong(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return f"setting {key} is missing"
    given = repr(error.get("input"))
    given = given if len(given) <= _SHOWN else f"{given[:_SHOWN]}…"
    return f"setting {key} = {given} cannot be used: {_reason(error)}"


def _reason(error: ErrorDetails) -> str:
    """In kefu's words where pydantic's speak of its own terms."""
    limits = error.get("ctx", {})
    match error["type"]:
        case "too_short" | "string_too_short":
            return f"it needs {limits['min_length']} or more"
        case "too_long" | "string_too_long":
            return f"it may have {limits['max_length']} at most"
    if error["type"] == "extra_forbidden":
        known = [one.alias or name for name, one in _fields_at(error["loc"]).items()]
        near = get_close_matches(str(error["loc"][-1]), known, n=1)
        return "there is no such setting" + (f" ({near[0]} is one)" if near else "")
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return error["msg"].replace("Input should be", "it should be")


def _fields_at(place: tuple[int | str, ...]) -> dict[str, FieldInfo]:
    """Of the section that has, or should have, the setting."""
    fields = Settings.model_fields
    for part in place[:-1]:
        section = fields[str(part)].annotation
        fields = getattr(section, "model_fields", {})
    return fields


def _home_of(*sources: PydanticBaseSettingsSource) -> str | Path:
    for source in sources:
        if home := source().get("home"):
            return home if isinstance(home, Path) else str(home)
    return Paths.default().home
