"""What this machine makes of the models: how fast it runs one, and which suit it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.app import engine_settings, engine_thread
from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.engine.benchmark import Benchmark
    from bot.settings import Settings
    from models.advice import Advice, Machine
    from models.offers import Offer


def measure_engine(
    settings: Settings, name: str | None, *, conversations: int, turns: int
) -> Benchmark:
    """What this machine makes of a model, the one that answers by default. Raise UsageError where
    that is not on this machine."""
    from bot.engine.benchmark import measure
    from bot.engine.language_model import LanguageModel
    from models.catalogue import find, find_language_model

    engine = engine_settings(settings)
    if name is not None:
        file = find(name, settings.paths.models, "language")
        if name != settings.engine.model:  # the adapters are for the one that answers
            engine = engine.model_copy(update={"adapters": {}})
    elif settings.engine.url:
        raise UsageError(
            f"the server {settings.engine.url} answers (engine.url), and its speed is not measured "
            "from here; name a model of this machine"
        )
    else:
        file = find_language_model(settings.engine.model, settings.paths.models)
    with engine_thread() as thread:
        model = LanguageModel.load(file, thread, engine, settings.paths.engine_modes)
        return measure(model, thread, conversations=conversations, turns=turns)


def advise_models(
    settings: Settings, offers: Iterable[Offer], language: str = ""
) -> tuple[Machine, list[Advice]]:
    """This machine, and what of the models suits it, the best first."""
    from bot.engine import system
    from bot.engine.fit import CACHE_TYPES, LARGEST_DEFAULT_WINDOW
    from models.advice import Gpu, Machine, advise

    devices = system.devices() if settings.engine.gpu_layers else ()
    machine = Machine(
        system.memory(),
        system.available_memory(),
        system.usable_cores(),
        tuple(
            Gpu(one.description, one.memory, one.free, one.shares_memory)
            for one in devices
            if one.kind in ("gpu", "igpu")
        ),
    )
    window = settings.engine.context or LARGEST_DEFAULT_WINDOW
    value = CACHE_TYPES[settings.engine.cache_type].bytes
    advice = advise(machine, offers, window=window, value_bytes=value, language=language)
    return machine, advice
