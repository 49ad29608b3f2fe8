"""The `kefu` command: its groups, and the border at which errors become one line."""

from __future__ import annotations

import io
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli import (
    ask,
    chat,
    conversations,
    demo,
    doctor,
    inbox,
    knowledge,
    matrix,
    models,
    report,
    sentiment,
    slack,
    summarize,
    translate,
)
from bot.cli.console import fail
from bot.errors import KefuError, UsageError

app = typer.Typer(
    name="kefu",
    help="A customer-service bot that runs on your own machine.",
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("chat")(chat.chat)
app.command("ask")(ask.ask)
app.command("sentiment")(sentiment.sentiment)
app.command("summarize")(summarize.summarize)
app.command("translate")(translate.translate)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.command("inbox")(inbox.inbox)
app.command("report")(report.report)
app.command("matrix")(matrix.matrix)
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(conversations.app, name="conversations")
app.add_typer(models.app, name="models")
app.add_typer(slack.app, name="slack")


_WRONG_USAGE: Any = typer.BadParameter.__bases__[0]
"""click's UsageError, of which typer carries its own copy."""


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"kefu {version('kefu')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def kefu(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(help="The folder for everything that kefu writes.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """Without a command: `kefu chat`."""
    del version
    if home is not None:
        os.environ["KEFU_HOME"] = str(home)
    if context.invoked_subcommand is None:
        chat.chat()


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        # that a terminal has another encoding is no reason to end
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status = app(standalone_mode=False)
        if isinstance(status, int) and status:
            raise SystemExit(status)
    except _WRONG_USAGE as error:
        fail(error.format_message(), status=2)
    except typer.Abort:
        raise SystemExit(130) from None
    except UsageError as error:
        fail(str(error), status=2)
    except KefuError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
    except Exception as error:  # the last border before the user: a line for them, a file for us
        fail(f"an error kefu did not expect: {error!r}; the details are in {_written_down()}")


def _written_down() -> str:
    from bot.settings import load_settings

    try:
        file = load_settings().paths.error_log
        file.parent.mkdir(parents=True, exist_ok=True)
    except (KefuError, OSError):
        import tempfile

        file = Path(tempfile.gettempdir()) / "kefu-error.log"
    try:
        with file.open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
    except OSError as error:
        return f"no file, because {file} cannot be written ({error.strerror})"
    return str(file)
