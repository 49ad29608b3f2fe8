"""`kefu sentiment`: JSON Lines of `text` in, labels out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.console import AsJson, Home, print_json, records, run, settings_at

AT_ONCE = 64


def sentiment(
    file: Annotated[
        Path | None, typer.Argument(help="JSON Lines with `text`; standard input without it.")
    ] = None,
    as_json: AsJson = True,  # it is JSON in any case
    home: Home = None,
) -> None:
    """Tag texts as positive, neutral or negative."""
    del as_json
    settings = settings_at(home)

    async def work() -> None:
        from bot.app import open_tagger
        from bot.language import detect_language

        async with open_tagger(settings) as tagger:
            for batch in _batches(records(file, "text")):
                texts = [record["text"] for record in batch]
                found = await tagger.atag(texts, [detect_language(text) for text in texts])
                for record, mood in zip(batch, found, strict=True):
                    named = {"id": record["id"]} if "id" in record else {}
                    print_json(
                        {
                            **named,
                            "label": str(mood.label),
                            "score": round(mood.score, 4),
                            "confidence": round(mood.confidence, 4),
                        }
                    )

    run(work())


def _batches(source: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(source, AT_ONCE)):
        yield batch
