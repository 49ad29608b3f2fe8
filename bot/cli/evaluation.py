"""`kefu models eval`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.console import AsJson, Home, print_json, records, run, settings_at
from bot.cli.progress import progress
from bot.errors import UsageError
from bot.text import printable

if TYPE_CHECKING:
    from bot.evaluation.feelings import Felt
    from bot.evaluation.own import Expected
    from bot.evaluation.table import Table
    from bot.settings import Settings


def evaluate_models(
    suite: Annotated[
        list[str] | None,
        typer.Option(
            help="answers, pages, search, sentiment, summaries, translations, speed; may be "
            "repeated. Without: all, as far as --data has what they need."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A folder of gathered sets (models/training/README.md)."),
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option(help="Your own: JSON Lines of question, sources, must_contain, history."),
    ] = None,
    messages: Annotated[
        Path | None, typer.Option(help="Your own: JSON Lines of text, label, for sentiment.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="The language model: a name that `list` shows, or a GGUF file.")
    ] = "",
    adapter: Annotated[
        Path | None, typer.Option(help="A LoRA adapter for --model, such as `tune` makes.")
    ] = None,
    beside: Annotated[
        list[str] | None, typer.Option(help="Another encoder, a GGUF file; may be repeated.")
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=10, max=100_000, help="Of each test set, at most.")
    ] = 200,
    seed: Annotated[int, typer.Option(help="Other numbers draw other questions.")] = 1,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the tables there, in Markdown.")
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """How good the models are, on what they were not trained on, with 95 % intervals."""
    from bot.workbench import Wanted, evaluate, suites_of

    settings = settings_at(home)
    if model or adapter:
        settings = _with(settings, model or settings.engine.model, adapter)
    if output and (output.is_dir() or not output.parent.is_dir()):
        raise UsageError(f"--output {output}: name a file in a folder that there is")
    own = questions is not None or messages is not None
    wanted = Wanted(
        suites=frozenset() if own and not suite else suites_of(suite or [], data),
        count=count,
        seed=seed,
        data=data,
        beside=tuple(beside or ()),
        questions=_questions(questions) if questions else (),
        messages=_messages(messages) if messages else (),
    )
    if own and not (wanted.questions or wanted.messages):
        raise UsageError(f"{questions or messages} is empty: there is nothing to measure")
    _show(run(evaluate(settings, wanted, progress)), output, as_json=as_json)


def _show(tables: Sequence[Table], output: Path | None, *, as_json: bool) -> None:
    text = "\n".join(table.markdown() for table in tables)
    if output:
        output.write_text(text, "utf-8")
    if as_json:
        print_json([table.plain() for table in tables])
    elif not output:
        sys.stdout.write("".join(printable(line) + "\n" for line in text.split("\n")))


def _questions(file: Path) -> list[Expected]:
    from bot.evaluation.own import expected_in

    return expected_in(file.name, list(records(file, "question")))


def _messages(file: Path) -> list[Felt]:
    from bot.evaluation.sets import felt_in

    return felt_in(file.name, list(records(file, "text")))


def _with(settings: Settings, model: str, adapter: Path | None) -> Settings:
    """Another model in place of the one that answers, without what that was given."""
    from models.catalogue import find, find_adapter

    folder = settings.paths.models
    adapters = {find_adapter(adapter, folder): 1.0} if adapter else {}
    file = str(find(model, folder, "language"))
    engine = settings.engine.model_copy(update={"model": file, "url": "", "adapters": adapters})
    return settings.model_copy(update={"engine": engine})
