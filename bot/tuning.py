"""Puts the parts together to tune a model on what a business's people approved of.

First the lessons are gathered and turned into tokens (`prepare`), then a run learns from them
(`learn`), then the file that came of it speaks through llama.cpp and is judged (`judge`). Nothing
is switched on.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app import (
    embed_anew,
    engine_thread,
    load_encoder,
    open_apart,
    open_store_of,
    read_sample,
)
from bot.errors import ModelFileError, UsageError
from bot.workbench import Watched

if TYPE_CHECKING:
    from bot.lessons.gathering import Gathered
    from bot.lessons.lesson import Lesson
    from bot.lessons.rows import Rows, Scribe
    from bot.lessons.run_folder import RunFolder
    from bot.lessons.verdict import Verdict
    from bot.settings import Settings
    from models.training.own import OwnRun, Recipe, Tuned

WANTED = 30
"""Replies that people approved of, below which a model learns little but noise."""
PAGES = 600
"""Questions of the help pages at most."""
OWN = "kefu.reads"
"""What the files of kefu's own models say of themselves, and no others."""


@dataclass(frozen=True, slots=True)
class Wanted:
    model: str
    all_weights: bool = False
    since: datetime | None = None
    length: int = 1_024
    """Tokens of a lesson, prompt and reply together."""
    seed: int = 1
    name: str = ""
    anyway: bool = False
    """Also from fewer replies than make sense."""
    fresh: bool = False
    """Not from where a run was cut off."""


@dataclass(frozen=True, slots=True)
class Prepared:
    model: str
    """As it was named."""
    base: Path
    folder: RunFolder
    until: datetime
    """From this moment on nothing counts that was said: a run that goes on learns the same."""
    train: Rows
    validation: Rows
    kept_out: Rows
    left_out: Counter[str]
    masked: Counter[str]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def lessons(self) -> list[Lesson]:
        return [*self.train.lessons, *self.validation.lessons, *self.kept_out.lessons]

    @property
    def kinds(self) -> Counter[str]:
        return Counter(str(one.kind) for one in self.lessons)

    @property
    def people(self) -> int:
        """Lessons of conversations."""
        from bot.lessons.lesson import CONVERSATIONS

        return sum(one.kind.source == CONVERSATIONS for one in self.lessons)

    @property
    def sizes(self) -> dict[str, int]:
        parts = {"train": self.train, "validation": self.validation, "kept out": self.kept_out}
        return {name: len(part.rows) for name, part in parts.items()}

    @property
    def mark(self) -> str:
        from bot.lessons.lesson import fingerprint

        return f"{self.base.name} {self.base.stat().st_size} {fingerprint(self.lessons)}"


@dataclass(frozen=True, slots=True)
class Judged:
    folder: Path
    file: Path
    use: str
    """The command that would let it answer."""
    verdict: Verdict
    steps: int
    best_step: int
    stopped_early: bool


async def prepare(settings: Settings, wanted: Wanted, watched: Watched) -> Prepared:
    """Raise ModelFileError for a model that cannot be tuned, UsageError where there is too little
    to learn from."""
    from bot.lessons.lesson import REPEATED, split, without_doubles
    from bot.lessons.rows import open_scribe

    base = _base(settings, wanted)
    folder = _folder(settings, wanted, base)
    until = (None if wanted.fresh else folder.until()) or datetime.now(UTC)
    with open_scribe(base, settings.business, wanted.length) as scribe:
        gathered = await _gathered(settings, wanted, until, scribe, watched)
        parts = split(without_doubles(gathered.lessons), wanted.seed)
        train, validation, kept_out = (
            scribe.rows(part) for part in (parts.train, parts.validation, parts.kept_out)
        )
    left_out = gathered.left_out
    if parts.repeated:
        left_out[REPEATED] = parts.repeated
    for one in (train, validation, kept_out):
        left_out.update(one.left_out)
    prepared = Prepared(
        model=wanted.model,
        base=base,
        folder=folder,
        until=until,
        train=train,
        validation=validation,
        kept_out=kept_out,
        left_out=left_out,
        masked=gathered.masked,
    )
    _check(prepared, wanted)
    return prepared


def learn(
    prepared: Prepared,
    recipe: Recipe,
    *,
    fresh: bool,
    interrupted: Callable[[], bool],
    told: Callable[[dict[str, object]], None],
) -> tuple[Path, Tuned] | None:
    """The file, and how it came about; None where it was interrupted: the same again goes on, also
    where only the verdict is missing. The folder is to be held. Raise UsageError where another run
    was cut off there."""
    import torch

    from models.training.curves import curves_svg
    from models.training.own import OwnRun, RowParts

    folder = prepared.folder.path
    if fresh or not prepared.folder.checkpoint.exists():
        prepared.folder.begin(prepared.until)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = RowParts(prepared.train.rows, prepared.validation.rows, prepared.kept_out.rows)
    run = OwnRun(folder, prepared.base, rows, recipe, device, prepared.mark)
    tuned = run.run(interrupted, told)
    if tuned is None:
        return None
    series = {
        "training": [(float(p.step), p.train) for p in tuned.points],
        "validation": [(float(p.step), p.validation) for p in tuned.points],
    }
    drawn = curves_svg(series, x="step", y="loss (nats a token)", title=prepared.name)
    (folder / "curves.svg").write_text(drawn, encoding="utf-8")
    return _exported(prepared, run, tuned), tuned


async def judge(
    settings: Settings,
    prepared: Prepared,
    file: Path,
    tuned: Tuned,
    *,
    recipe: Recipe,
    judged: int,
    watched: Watched,
    home: Path | None = None,
) -> Judged:
    """`judged` replies are written before and after. `home`: as it was given, for the command that
    is told."""
    from bot.lessons.verdict import Curve, change, change_if_measured, verdict

    lessons = _some(prepared.kept_out.lessons, judged)
    adapters = {} if recipe.all_weights else {file: 1.0}
    model = file if recipe.all_weights else prepared.base
    with watched("replies", 2 * len(lessons)) as more:
        before = await _measured(settings, prepared.base, {}, lessons, more)
        after = await _measured(settings, model, adapters, lessons, more)
    groups = [one.group for one in lessons]
    nearness = change([one[0] for one in before], [one[0] for one in after], groups)
    faithfulness = change_if_measured([one[1] for one in before], [one[1] for one in after], groups)
    of_rows = [one.group for one in prepared.kept_out.lessons]
    points = tuned.points
    curve = Curve(
        tuple(p.step for p in points),
        tuple(p.train for p in points),
        tuple(p.validation for p in points),
    )
    loss = change(tuned.before, tuned.after, of_rows)
    found = Judged(
        folder=file.parent,
        file=file,
        use=_use(settings, prepared, file, recipe, home),
        verdict=verdict(loss, nearness, faithfulness, curve),
        steps=tuned.steps,
        best_step=tuned.best.step,
        stopped_early=tuned.stopped_early,
    )
    _write_report(found, prepared, recipe)
    prepared.folder.finish()
    return found


def _base(settings: Settings, wanted: Wanted) -> Path:
    from bot.engine.loading import read_metadata
    from models.catalogue import find
    from models.training.open_shape import FAMILIES

    base = find(wanted.model, settings.paths.models, "language")
    told = read_metadata(base)
    architecture = told.get("general.architecture", "")
    if architecture not in FAMILIES:
        raise ModelFileError(
            f"{base} is of the architecture {architecture!r}, which cannot be tuned here; those "
            f"that can are {', '.join(FAMILIES)}"
        )
    if wanted.all_weights and OWN not in told:
        raise UsageError(
            f"{wanted.model} is none of kefu's own models, of which alone all weights are tuned; "
            "leave --all-weights out, and it gets a LoRA adapter"
        )
    if wanted.name and not wanted.name.replace("-", "").replace("_", "").isalnum():
        raise UsageError(f"--name {wanted.name!r} is no folder's name; write letters and figures")
    return base


def _folder(settings: Settings, wanted: Wanted, base: Path) -> RunFolder:
    from bot.lessons.run_folder import choose_folder
    from models.catalogue import find_adapter

    kind = "all" if wanted.all_weights else "lora"
    known = Path(wanted.model).name == wanted.model and not wanted.model.endswith(".gguf")
    name = wanted.name or f"{wanted.model if known else base.stem}-{kind}"
    engine, models = settings.engine, settings.paths.models
    adapters = (find_adapter(path, models) for path in engine.adapters)
    used = [base, Path(engine.model).expanduser(), *adapters]
    return choose_folder(settings.paths.tuned, name, used)


async def _gathered(
    settings: Settings, wanted: Wanted, until: datetime, scribe: Scribe, watched: Watched
) -> Gathered:
    from bot.lessons.gathering import LookUp, gather, period_of
    from bot.lessons.pages import page_lessons
    from bot.skills.grounding import Grounding
    from knowledge.index import Knowledge
    from knowledge.terms import content_terms

    async with open_store_of(settings) as store:
        with engine_thread() as thread:
            encoder = await asyncio.to_thread(load_encoder, thread, settings)
            knowledge = Knowledge(store.passages, encoder)
            await embed_anew(knowledge, encoder, settings)
            await read_sample(knowledge, settings)
            grounding = Grounding(encoder, content_terms)
            look_up = LookUp(knowledge, grounding, settings.knowledge.passages, scribe.reads)
            period = await period_of(store, wanted.since, until)
            count = len(await store.cohort.started(period)) if period else 0
            with watched("conversations", count) as more:
                gathered = await gather(store, look_up, since=wanted.since, until=until, more=more)
            with watched("questions of the help pages", PAGES) as more:
                gathered.lessons += await page_lessons(
                    store, look_up, scribe.wording, seed=wanted.seed, most=PAGES, more=more
                )
            return gathered


def _check(prepared: Prepared, wanted: Wanted) -> None:
    people = prepared.people
    if people < WANTED and not wanted.anyway:
        left = ", ".join(f"{count} {why}" for why, count in prepared.left_out.most_common())
        raise UsageError(
            f"replies that people approved of and that can be learnt: {people}, and {WANTED} are "
            f"wanted{f' (left out: {left})' if left else ''}; let agents answer and customers rate "
            "more first, or give --anyway"
        )
    for name, rows in (
        ("to learn from", prepared.train),
        ("to tell when to stop", prepared.validation),
        ("to judge by", prepared.kept_out),
    ):
        if not rows.rows:
            raise UsageError(
                f"lessons in all: {len(prepared.lessons)}, and none of them is left {name}; at "
                "least three conversations or three help pages are needed"
            )


def _exported(prepared: Prepared, run: OwnRun, tuned: Tuned) -> Path:
    """What is judged is what the file holds: rounding to Q8_0 included."""
    from models.training.own_file import round_weights, write_adapter, write_whole

    file = prepared.folder.result
    fresh = file.with_suffix(".new")
    if run.recipe.all_weights:
        write_whole(fresh, tuned.model, prepared.base, prepared.name)
        round_weights(tuned.model)
        tuned.after = run.losses(run.rows.kept_out)
    else:
        write_adapter(fresh, tuned.model, prepared.base, prepared.name)
    fresh.replace(file)
    return file


async def _measured(
    settings: Settings,
    model: Path,
    adapters: dict[Path, float],
    lessons: Sequence[Lesson],
    more: Callable[[int], None],
) -> list[tuple[float, float | None]]:
    """Of the reply to each lesson: how near it is to the approved one, and how faithful."""
    from bot.lessons.speaking import faithfulness, nearness, said
    from bot.skills.grounding import Grounding
    from knowledge.terms import content_terms

    async with open_apart(settings, model, adapters) as apart:
        replies = await said(
            apart.model, lessons, settings.business, more, at_once=settings.engine.conversations
        )
        grounding, reads = Grounding(apart.encoder, content_terms), apart.model.reads
        return [
            (nearness(one, reply), await faithfulness(grounding, one, reply, reads=reads))
            for one, reply in zip(lessons, replies, strict=True)
        ]


def _some(lessons: Sequence[Lesson], most: int) -> list[Lesson]:
    """Evenly spread, so that conversations and pages are both there."""
    step = max(1.0, len(lessons) / most)
    return [lessons[int(number * step)] for number in range(min(most, len(lessons)))]


def _use(
    settings: Settings, prepared: Prepared, file: Path, recipe: Recipe, home: Path | None
) -> str:
    from models.catalogue import setting_of

    parts = ["kefu", "models", "use", str(file)]
    if not recipe.all_weights:
        model = setting_of(prepared.model, prepared.base, settings.paths.models)
        parts[3:] = [model, "--adapter", str(file)]
    if home is not None:
        parts += ["--home", str(home)]
    return shlex.join(parts)


def _write_report(found: Judged, prepared: Prepared, recipe: Recipe) -> None:
    """Numbers alone: nothing of what was said."""
    told = {
        "model": prepared.base.name,
        "file": found.file.name,
        "use": found.use,
        **asdict(found.verdict),
        "steps": found.steps,
        "best_step": found.best_step,
        "stopped_early": found.stopped_early,
        "lessons": dict(prepared.kinds),
        "parts": prepared.sizes,
        "left_out": dict(prepared.left_out),
        "masked": dict(prepared.masked),
        "recipe": asdict(recipe),
    }
    text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
    (found.folder / "verdict.json").write_text(text, encoding="utf-8")
