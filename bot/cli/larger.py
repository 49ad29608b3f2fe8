"""`kefu models recommend`, `pull` and `use`: the larger models."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.console import AsJson, Home, note, plain, print_json, run, settings_at
from bot.errors import KefuError, ModelFileError, SettingsError, UsageError
from bot.text import counted, printable, sized

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.trial import Exchange
    from models.advice import Advice, Machine
    from models.hub import Fetched, Source
    from models.offers import Offer, Quantisation

_SHOWN = 5
"""Models of each kind that `recommend` names; --json names all."""
_PART = re.compile(r"-00001-of-(\d{5})(?=\.gguf$)")


def recommend(
    language: Annotated[
        str, typer.Option(help="Only models that speak it: two letters, such as zh.")
    ] = "",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Which larger model suits this machine, and why."""
    from bot.machine import advise_models
    from models.offers import offers

    settings = settings_at(home)
    if language and not re.fullmatch("[a-z]{2}", language):
        raise UsageError(f"--language {language!r} is no language; write two letters, such as zh")
    machine, advice = advise_models(settings, offers(), language)
    best = next((one for one in advice if one.verdict == "good"), None)
    folder = settings.paths.models
    if as_json:
        print_json(
            {
                "machine": plain(machine),
                "recommended": best.offer.name if best else None,
                "quantisation": best.quantisation.name if best else None,
                "why": best.why if best else _NONE,
                "models": [_advised(one, folder) for one in advice],
            }
        )
        return
    for line in _told(machine, advice, best, folder):
        sys.stdout.write(printable(line) + "\n")


_NONE = "no larger model of the catalogue answers in good time here; kefu-small does, and stays"


def pull(
    name: Annotated[
        str, typer.Argument(help="A name that `list` shows, or OWNER/REPOSITORY/FILE.gguf.")
    ],
    quantisation: Annotated[
        str, typer.Option("--quantisation", "-q", help="Such as Q4_K_M; else what suits here.")
    ] = "",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Fetch a model from the Hugging Face hub (or HF_ENDPOINT); what broke off goes on."""
    settings = settings_at(home)
    offer, repository, file = _wanted(settings, name, quantisation)
    from bot.cli.progress import progress
    from models.hub import Source, endpoint, fetch

    note(f"{file}: fetching from {endpoint()}/{repository}")
    watched = partial(progress, count=lambda done: f"{done / 1e9:.2f} GB")
    try:
        found = [
            fetch(source, settings.paths.models, watched)
            for source in _parts(Source(repository, file))
        ]
    except KeyboardInterrupt:
        note("stopped; run the same command again: it goes on from there")
        raise
    first = found[0]
    use = offer.name if offer else first.path.name
    if as_json:
        print_json(_pulled(use, found, offer))
        return
    size = sized(sum(one.bytes for one in found))
    did = "was here already" if all(one.was_here for one in found) else "is here"
    sys.stdout.write(printable(f"{first.path} {did} ({size}, checksum right)\n"))
    if offer and offer.terms:
        sys.stdout.write(printable(f"its licence has terms: {offer.licence}, {offer.terms}\n"))
    sys.stdout.write(printable(f"to let it answer: kefu models use {use}\n"))


def use(
    name: Annotated[
        str, typer.Argument(help="A name that `list` shows, or the path of a GGUF file.")
    ],
    adapter: Annotated[
        Path | None,
        typer.Option(help="A LoRA adapter (GGUF) made for the model; without it there is none."),
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Let another model answer, once it has held a short conversation; else the old one stays."""
    settings = settings_at(home)
    _check_variables(settings)
    from bot.app import try_model
    from bot.settings_file import Value, write_settings
    from models.catalogue import adapter_setting, find, find_adapter, setting_of

    before = _answering(settings)
    folder = settings.paths.models
    adapters: dict[Path, float] = {}
    try:
        file = find(name, folder, "language")
        if adapter is not None:
            adapters = {find_adapter(adapter, folder): 1.0}
        note(f"{' with '.join(map(str, [file, *adapters]))}: a short conversation with it")
        trial = run(try_model(settings, file, adapters))
    except KefuError as error:
        raise type(error)(f"{error}. {before} stays (engine.model)") from None
    value = setting_of(name, file, folder)
    put_on = {adapter_setting(path, folder): scale for path, scale in adapters.items()}
    values: dict[str, Value] = {"model": value}
    if put_on or settings.engine.adapters:
        values["adapters"] = put_on or None
    write_settings(settings.paths.settings_file, "engine", values)
    warnings = (*trial.warnings, *_not_asked(settings))
    for warning in warnings:
        note(warning)
    now = " with ".join([value, *put_on])
    if as_json:
        print_json(
            {
                "model": value,
                "path": str(file),
                "adapters": list(put_on),
                "before": before,
                "settings": str(settings.paths.settings_file),
                "exchanges": [plain(one) for one in trial.exchanges],
                "warnings": list(warnings),
            }
        )
        return
    _tell(trial.exchanges)
    sys.stdout.write(
        printable(
            f"{now} answers from the next start on (before: {before}); "
            f"written to {settings.paths.settings_file}\n"
        )
    )


def _tell(exchanges: Iterable[Exchange]) -> None:
    for one in exchanges:
        reply = " ".join(one.reply.split())
        speed = f"({one.tokens_per_second} tokens/s)"
        sys.stdout.write(printable(f"> {one.question}\n{reply} {speed}\n"))


def _answering(settings: Settings) -> str:
    return " with ".join([settings.engine.model, *map(str, settings.engine.adapters)])


def _wanted(settings: Settings, name: str, quantisation: str) -> tuple[Offer | None, str, str]:
    """The repository, and the file in it; and the catalogue's entry. Raise ModelFileError."""
    from models.catalogue import catalogue
    from models.offers import offer

    if found := offer(name):
        chosen = _chosen(settings, found, quantisation)
        return found, found.repository, chosen.file
    repository, _, file = name.rpartition("/")
    if repository.count("/") == 1 and not quantisation:
        return None, repository, file
    if name in {one.name for one in catalogue()}:
        raise ModelFileError(f"{name} comes along with kefu; there is nothing to fetch")
    raise ModelFileError(
        f"there is no model {name!r} to fetch; `kefu models list` shows their names, and "
        "OWNER/REPOSITORY/FILE.gguf names any other file of the hub"
    )


def _chosen(settings: Settings, offer: Offer, quantisation: str) -> Quantisation:
    """What was asked for; else what is here in part or suits this machine."""
    if quantisation:
        return offer.quantisation(quantisation)
    from bot.machine import advise_models

    begun = [
        one for one in offer.quantisations if any(settings.paths.models.glob(f"{one.file}.*.part"))
    ]
    _, (advice,) = advise_models(settings, [offer])
    if advice.verdict != "good":
        note(f"{offer.name} {advice.why}")
    return begun[0] if begun else advice.quantisation


def _parts(source: Source) -> list[Source]:
    """Of a model that is split over several files, all of them."""
    from models.hub import Source

    found = _PART.search(source.file)
    if found is None:
        return [source]
    return [
        Source(source.repository, _PART.sub(f"-{number:05}-of-{found[1]}", source.file))
        for number in range(1, int(found[1]) + 1)
    ]


def _pulled(use: str, found: list[Fetched], offer: Offer | None) -> dict[str, Any]:
    return {
        "name": use,
        "path": str(found[0].path),
        "bytes": sum(one.bytes for one in found),
        "sha256": found[0].sha256,
        "resumed_bytes": sum(one.resumed for one in found),
        "was_here": all(one.was_here for one in found),
        "licence": offer.licence if offer else "",
        "terms": offer.terms if offer else "",
    }


def _check_variables(settings: Settings) -> None:
    """They would win over what is written."""
    for name, value in (
        ("KEFU_ENGINE__MODEL", settings.engine.model),
        ("KEFU_ENGINE__ADAPTERS", ", ".join(map(str, settings.engine.adapters))),
    ):
        if os.environ.get(name):
            raise SettingsError(
                f"{name} = {value} is set and wins over kefu.toml; unset it, and then run this "
                "again"
            )


def _not_asked(settings: Settings) -> list[str]:
    if not settings.engine.url:
        return []
    return [f"the server {settings.engine.url} answers (engine.url) until that is taken out"]


def _told(machine: Machine, advice: list[Advice], best: Advice | None, folder: Path) -> list[str]:
    gpus = ", ".join(f"{one.name} ({sized(one.free)} free)" for one in machine.gpus)
    lines = [
        f"this machine: {counted(machine.cores, 'core')}, {sized(machine.available)} of "
        f"{sized(machine.memory)} memory free, {gpus or 'no GPU that this llama.cpp can use'}",
        "",
    ]
    if best is None:
        lines.append(_NONE)
    else:
        lines += [f"{_named(best)}: {best.why}", _reason(best), _next_step(best, folder)]
    others = [one for one in advice if one is not best]
    for title, verdicts in (
        ("also good here:", ("good",)),
        ("slower than one waits, or without room just now:", ("slow", "busy")),
        ("too large for this machine:", ("too large",)),
    ):
        shown = [one for one in others if one.verdict in verdicts]
        if shown:
            lines += ["", title, *(f"  {_named(one)}: {one.why}" for one in shown[:_SHOWN])]
        if len(shown) > _SHOWN:
            lines.append(f"  and {len(shown) - _SHOWN} more")
    return [*lines, "", "speeds are reckoned, not measured; `kefu models bench` measures them"]


def _reason(best: Advice) -> str:
    from models.advice import PATIENCE

    offer = best.offer
    return (
        f"  the largest that fits with a conversation and replies within {PATIENCE:.0f} s; "
        f"{offer.spoken}; licence {offer.licence}" + (f" ({offer.terms})" if offer.terms else "")
    )


def _next_step(best: Advice, folder: Path) -> str:
    name = best.offer.name
    if best.offer.installed(folder):
        return f"  it is here: kefu models use {name}"
    return f"  kefu models pull {name} && kefu models use {name}"


def _named(one: Advice) -> str:
    about = "about " if one.quantisation.approximate else ""
    return f"{one.offer.name} ({one.quantisation.name}, {about}{sized(one.quantisation.bytes)})"


def _advised(one: Advice, folder: Path) -> dict[str, Any]:
    offer = one.offer
    return {
        "name": offer.name,
        "quantisation": one.quantisation.name,
        "download_bytes": one.quantisation.bytes,
        "verdict": one.verdict,
        "place": one.place,
        "needed_bytes": one.needed,
        "tokens_per_second": one.tokens_per_second,
        "seconds": one.seconds,
        "why": one.why,
        "licence": offer.licence,
        "terms": offer.terms,
        "languages": list(offer.languages),
        "installed": offer.installed(folder) is not None,
    }
