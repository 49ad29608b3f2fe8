"""`kefu models tune`: a model of one's own, from the log and the help pages."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.console import AsJson, Home, note, plain, print_json, run, settings_at
from bot.cli.progress import progress
from bot.cli.report import check_year
from bot.errors import KefuError, UsageError
from bot.text import cut, printable, sized

if TYPE_CHECKING:
    from bot.lessons.lesson import Lesson
    from bot.lessons.verdict import Change
    from bot.tuning import Judged, Prepared
    from models.training.own import Recipe, Tuned

_NEEDED = ("torch", "gguf")
_AGAIN = "run the same command again, without --fresh"
_SAMPLES, _SAMPLE_CHARACTERS = 3, 300


Model = Annotated[str, typer.Argument(help="A name that `list` shows, or a GGUF file.")]
AllWeights = Annotated[
    bool,
    typer.Option(
        "--all-weights/--lora",
        help="All of them, of kefu's own models only; else a LoRA adapter beside the model.",
    ),
]
Rank = Annotated[int, typer.Option(min=1, max=256, help="Of the adapter.")]
Alpha = Annotated[float, typer.Option(min=0.1, help="How strongly it speaks.")]
Dropout = Annotated[float, typer.Option(min=0.0, max=0.9, help="Of the adapter.")]
Epochs = Annotated[float, typer.Option(min=0.1, help="Times over all lessons at most.")]
Minutes = Annotated[float, typer.Option(min=0.0, help="In place of epochs, validation included.")]
StepSize = Annotated[
    float, typer.Option(min=0.0, max=0.1, help="The largest step; 0: by the model's size.")
]
Batch = Annotated[int, typer.Option(min=1, max=512, help="Lessons of a step.")]
Length = Annotated[
    int, typer.Option(min=256, max=32_768, help="Tokens of a lesson, prompt and reply.")
]
Patience = Annotated[
    int, typer.Option(min=0, help="Validations without a better one; 0: never stop early.")
]
Since = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Only conversations begun on this day or later."),
]
Judging = Annotated[
    int, typer.Option("--judge", min=5, max=1_000, help="Replies written for the verdict.")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed makes the same run.")]
Name = Annotated[str, typer.Option(help="Of the result's folder.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Also from too few replies.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin anew where a run was cut off.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what it would learn from.")]


def tune(
    model: Model,
    all_weights: AllWeights = False,
    rank: Rank = 8,
    alpha: Alpha = 16.0,
    dropout: Dropout = 0.05,
    epochs: Epochs = 4.0,
    minutes: Minutes = 0.0,
    rate: StepSize = 0.0,
    batch: Batch = 8,
    length: Length = 1_024,
    patience: Patience = 4,
    since: Since = None,
    judged: Judging = 40,
    seed: Seed = 1,
    name: Name = "",
    anyway: Anyway = False,
    fresh: Fresh = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Tune a model on replies that people approved of, and say whether it got better."""
    if not dry_run:
        _check_packages()
    settings = settings_at(home)
    check_year("--since", since)
    from bot.tuning import Wanted, judge, prepare

    wanted = Wanted(
        model=model,
        all_weights=all_weights,
        since=since and since.replace(tzinfo=UTC),
        length=length,
        seed=seed,
        name=name,
        anyway=anyway or dry_run,
        fresh=fresh,
    )
    prepared = run(prepare(settings, wanted, progress))
    if dry_run:
        _show(prepared, as_json=as_json)
        return
    from bot.engine.fit import LARGEST_DEFAULT_WINDOW
    from models.training.own import Recipe

    recipe = Recipe(
        all_weights=all_weights,
        rank=rank,
        alpha=alpha,
        dropout=dropout,
        rate=rate,
        batch=batch,
        epochs=epochs,
        seconds=60 * minutes,
        patience=patience,
        seed=seed,
        window=settings.engine.context or LARGEST_DEFAULT_WINDOW,
    )
    for line in _told(prepared):
        note(line)
    try:
        with prepared.folder.held():
            file, tuned = _learnt(prepared, recipe, fresh=fresh)
            given: dict[str, Any] = {"recipe": recipe, "judged": judged, "home": home}
            found = _judged(judge(settings, prepared, file, tuned, watched=progress, **given))
    except KeyboardInterrupt:
        note(f"stopped; {_AGAIN}: it goes on from there")
        raise
    tell_verdict(found, as_json=as_json)


def _learnt(prepared: Prepared, recipe: Recipe, *, fresh: bool) -> tuple[Path, Tuned]:
    from bot.tuning import learn
    from models.training.log import heard_interrupt

    with heard_interrupt() as interrupted:
        learnt = learn(prepared, recipe, fresh=fresh, interrupted=interrupted, told=_tell_point)
    if learnt is None:
        raise KeyboardInterrupt
    return learnt


def _judged(work: Coroutine[Any, Any, Judged]) -> Judged:
    try:
        return run(work)
    except KefuError:
        note(f"what was learnt is kept; {_AGAIN}: it goes on with the verdict")
        raise


def _check_packages() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"a package is missing ({', '.join(missing)}); install it by pip install "
            "'kefu[train]', in a clone by pip install -e '.[train]'"
        )


def _show(prepared: Prepared, *, as_json: bool) -> None:
    samples = _samples(prepared)
    if as_json:
        print_json(
            {
                "model": str(prepared.base),
                "lessons": dict(prepared.kinds),
                "parts": prepared.sizes,
                "left_out": dict(prepared.left_out),
                "masked": dict(prepared.masked),
                "samples": [_sample(one) for one in samples],
            }
        )
        return
    lines = _told(prepared)
    for one in samples:
        told = _sample(one)
        lines += ["", f"{told['kind']} ({told['language']})", f"  > {told['question']}"]
        lines += [f"  {place}" for place in told["passages"]]
        lines.append(f"  < {told['reply']}")
    for line in lines:
        sys.stdout.write(printable(line) + "\n")


def _told(prepared: Prepared) -> list[str]:
    sizes = ", ".join(f"{count} {name}" for name, count in prepared.sizes.items())
    lines = [f"lessons for {prepared.base.stem}: {sizes}"]
    lines += [f"  {count} {kind}" for kind, count in prepared.kinds.most_common()]
    for title, counts in (("left out", prepared.left_out), ("masked", prepared.masked)):
        if counts:
            told = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
            lines.append(f"{title}: {told}")
    return lines


def _samples(prepared: Prepared) -> list[Lesson]:
    """One of each kind first."""
    by_kind = {one.kind: one for one in reversed(prepared.train.lessons)}
    rest = [one for one in prepared.train.lessons if one not in by_kind.values()]
    return [*by_kind.values(), *rest][:_SAMPLES]


def _sample(one: Lesson) -> dict[str, Any]:
    return {
        "kind": str(one.kind),
        "language": one.language,
        "question": _line(one.asked.question),
        "passages": [f"[{citation.place}]" for citation in one.asked.passages],
        "reply": _line(one.reply),
    }


def _tell_point(line: dict[str, Any]) -> None:
    done = f"{line['progress']:.0%}"
    note(
        f"step {line['step']} ({done}): loss {line['train']:.3f} on what is learnt, "
        f"{line['validation']:.3f} on what is not"
    )


def tell_verdict(found: Judged, *, as_json: bool) -> None:
    verdict = found.verdict
    if as_json:
        print_json({**plain(found), "folder": str(found.folder), "file": str(found.file)})
        return
    lines = [
        f"{verdict.judgement}: {verdict.why}",
        _changed("loss of approved replies", verdict.loss, "nats a token"),
        _changed("token F1 with approved replies", verdict.nearness),
        _changed("sentences that rest on the pages", verdict.faithfulness),
        f"{'it overfits' if verdict.overfits else 'it does not overfit'}: {verdict.fit}",
        f"{found.file} ({sized(found.file.stat().st_size)}), beside it curves.svg and verdict.json",
        f"nothing is switched on; to let it answer: {found.use}",
    ]
    for line in lines:
        sys.stdout.write(printable(line) + "\n")


def _changed(name: str, change: Change | None, unit: str = "") -> str:
    if change is None:
        return f"  {name}: not measured"
    return (
        f"  {name}: {change.before:.3f} -> {change.after:.3f}{unit and f' {unit}'} "
        f"({change.difference:+.3f}, 95 % {change.low:+.3f} to {change.high:+.3f}; "
        f"n {change.count})"
    )


def _line(text: str) -> str:
    return cut(" ".join(text.split()), _SAMPLE_CHARACTERS)
