"""`kefu knowledge`: the help pages that answers rest on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.console import AsJson, Home, print_json, records, run, settings_at
from bot.errors import UsageError
from bot.text import printable

if TYPE_CHECKING:
    from bot.conversation import Passage
    from knowledge.index import DocumentInfo

app = typer.Typer(help="The help pages that answers rest on.")
Count = Annotated[int, typer.Option("-k", min=1, max=100, help="How many passages.")]


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Read documents in; one that is there already is replaced."""
    settings = settings_at(home)

    async def work() -> bool:
        from bot.app import open_knowledge

        async with open_knowledge(settings) as knowledge:
            result = await knowledge.add(paths)
            if result.added:  # they took the sample's place
                settings.paths.sample_mark.touch()
        for one in result.skipped:
            sys.stderr.write(printable(f"kefu: skipped {one.path}: {one.reason}") + "\n")
        if as_json:
            skipped = [{"path": str(one.path), "reason": one.reason} for one in result.skipped]
            print_json({"added": [_document(one) for one in result.added], "skipped": skipped})
        else:
            passages = sum(one.passages for one in result.added)
            sys.stdout.write(f"{len(result.added)} documents added, {passages} passages\n")
        return bool(result.skipped) or not result.added

    if run(work()):
        raise SystemExit(1)


@app.command("list")
def list_documents(as_json: AsJson = False, home: Home = None) -> None:
    """What is in the knowledge base."""
    settings = settings_at(home)

    async def work() -> list[DocumentInfo]:
        from bot.app import open_documents

        async with open_documents(settings) as knowledge:
            return await knowledge.documents()

    documents = run(work())
    if as_json:
        print_json([_document(one) for one in documents])
        return
    for one in documents:
        line = f"{one.source}  {one.language}  {one.passages} passages  {one.origin}  {one.title}"
        sys.stdout.write(printable(line) + "\n")
    if not documents:
        sys.stderr.write("kefu: nothing yet; `kefu knowledge add PATH` reads help pages in\n")


@app.command()
def search(
    query: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    k: Count = 5,
    batch: Annotated[
        Path | None,
        typer.Option(help="JSON Lines: `query`, optionally `history`; - for standard input."),
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Find passages."""
    if (query is None) == (batch is None):
        raise UsageError("kefu knowledge search takes a query or --batch FILE, one of the two")
    settings = settings_at(home)

    async def work() -> None:
        from bot.app import open_knowledge, read_sample

        async with open_knowledge(settings) as knowledge:
            await read_sample(knowledge, settings)
            if query is not None:
                _show(await knowledge.search(query, k=k), as_json=as_json)
                return
            for record in records(batch, "query"):
                context = _questions(record.get("history"))
                found = await knowledge.search(record["query"], k=k, context=context)
                named = {"id": record["id"]} if "id" in record else {}
                print_json({**named, "results": [_passage(one) for one in found]})

    run(work())


@app.command()
def remove(
    sources: Annotated[list[str], typer.Argument(help="Names as `list` shows them.")],
    home: Home = None,
) -> None:
    """Take documents out."""
    settings = settings_at(home)

    async def work() -> None:
        from bot.app import open_documents

        async with open_documents(settings) as knowledge:
            for source in sources:
                await knowledge.remove(source)

    run(work())


@app.command()
def reindex(as_json: AsJson = False, home: Home = None) -> None:
    """Compute terms and vectors once more, after a change of encoder."""
    settings = settings_at(home)

    async def work() -> int:
        from bot.app import open_knowledge

        async with open_knowledge(settings) as knowledge:
            return await knowledge.reindex()

    passages = run(work())
    if as_json:
        print_json({"passages": passages})
    else:
        sys.stdout.write(f"{passages} passages indexed\n")


def _show(passages: list[Passage], *, as_json: bool) -> None:
    if as_json:
        print_json([_passage(one) for one in passages])
        return
    for one in passages:
        where = " › ".join(part for part in (one.title, one.heading) if part)
        sys.stdout.write(printable(f"{one.score:.3f}  {where} ({one.source})") + "\n")
        sys.stdout.write(printable(f"       {' '.join(one.text.split())[:160]}") + "\n")


def _passage(one: Passage) -> dict[str, Any]:
    return {
        "source": one.source,
        "title": one.title,
        "heading": one.heading,
        "text": one.text,
        "score": round(one.score, 4),
    }


def _document(one: DocumentInfo) -> dict[str, Any]:
    return {
        "source": one.source,
        "title": one.title,
        "language": one.language,
        "passages": one.passages,
        "added_at": one.added_at.isoformat(),
        "origin": one.origin,
    }


def _questions(history: object) -> list[str]:
    """The customer's earlier questions; history may hold texts or turns of `role`, `text`."""
    if not isinstance(history, list):
        return []
    turns = [t for t in history if isinstance(t, dict) and t.get("role") in {"customer", "user"}]
    texts = [str(turn.get("text", "")) for turn in turns]
    return texts or [text for text in history if isinstance(text, str)]
