"""`kefu summarize`: a conversation's digest."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.console import AsJson, Home, print_json, records, run, settings_at
from bot.errors import KefuError, UsageError
from bot.paths import is_file
from bot.text import printable

if TYPE_CHECKING:
    from bot.conversation import Message
    from bot.settings import Settings


def summarize(
    source: Annotated[
        str,
        typer.Argument(metavar="[ID or FILE]", help="A conversation, or JSON Lines; - for stdin."),
    ] = "-",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=TEXT", help="Write issue or summary yourself; it stays."
        ),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Let it be made anew.")
    ] = None,
    agent: Annotated[str, typer.Option(help="Who writes it.")] = "",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """What was asked, what was tried, how it ended, and how the customer felt."""
    settings = settings_at(home)
    from_file = source == "-" or is_file(Path(source))
    if from_file and (set_ or unset):
        raise UsageError("--set and --unset go with a conversation of the log, not with a file")
    written = _parsed(set_ or [])
    _check_fields(unset or [])
    if from_file:
        lines = list(records(None if source == "-" else Path(source), "text"))
        found = run(_of_lines(settings, lines))
    else:
        found = run(_of_conversation(settings, source, written, unset or [], agent))
    if as_json:
        print_json(found)
    else:
        _show(found)


def _check_fields(fields: Sequence[str]) -> None:
    from bot.reports.entries import EDITABLE

    for field in fields:
        if field not in EDITABLE:
            raise UsageError(f"--unset {field!r}: only {' and '.join(EDITABLE)} can be written")


def _parsed(given: Sequence[str]) -> dict[str, str]:
    from bot.reports.entries import EDITABLE

    written = {}
    for one in given:
        field, equals, text = one.partition("=")
        if not equals or field not in EDITABLE or not text.strip():
            raise UsageError(f"--set {one!r}: write {' or '.join(EDITABLE)}, = and a text")
        written[field] = text.strip()
    return written


async def _of_lines(settings: Settings, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    from bot.app import may_read, open_kefu, open_tagger
    from bot.digest.digest import digest

    if may_read(settings):
        async with open_kefu(settings) as kefu:
            messages = await _tagged(kefu.tagger, lines)
            return await _worded(kefu.summarizer, messages, digest(messages).plain())
    async with open_tagger(settings) as tagger:
        return digest(await _tagged(tagger, lines)).plain()


async def _of_conversation(
    settings: Settings, source: str, written: dict[str, str], unset: Sequence[str], agent: str
) -> dict[str, Any]:
    from bot.app import may_read, open_kefu, open_store_of
    from bot.digest.digest import digest
    from bot.reports.entries import edited

    async with open_store_of(settings) as store:
        place = await store.log.conversation(source)
        for field, text in written.items():
            await store.digests.edit(place.id, field, text, agent)
        for field in unset:
            await store.digests.unlock(place.id, field)
        messages = await store.log.messages(place.id)
        unhelpful = await store.cohort.unhelpful([place.id])
        edits = await store.digests.edits(place.id)
    made = digest(messages, frozenset(unhelpful.get(place.id, ()))).plain()
    if may_read(settings):
        async with open_kefu(settings) as kefu:
            made = await _worded(kefu.summarizer, messages, made)
    return {"conversation": place.id, **edited(made, edits)}


async def _tagged(tagger: Any, lines: Sequence[dict[str, Any]]) -> list[Message]:
    """Lines of a file as messages: their ids are `id`, else their number from 1."""
    from bot.conversation import Role

    roles = {
        "customer": Role.CUSTOMER,
        "user": Role.CUSTOMER,
        "assistant": Role.ASSISTANT,
        "bot": Role.ASSISTANT,
        "agent": Role.AGENT,
    }
    messages = []
    for number, line in enumerate(lines, start=1):
        role = roles.get(str(line.get("role")))
        if role is None:
            raise UsageError(
                f"line {number}: role {line.get('role')!r} is none of {', '.join(roles)}"
            )
        messages.append(_message(line, number, role))
    said = [message for message in messages if message.role is Role.CUSTOMER]
    moods = await tagger.atag([m.text for m in said], [m.language or "en" for m in said])
    felt = {message.id: mood for message, mood in zip(said, moods, strict=True)}
    return [replace(message, sentiment=felt.get(message.id)) for message in messages]


def _message(line: dict[str, Any], number: int, role: Any) -> Message:
    from bot.conversation import Message, ReplyStatus, Role
    from bot.language import detect_language
    from bot.skills.replies import says_unknown

    text = line["text"]
    status = None
    if role is Role.ASSISTANT:
        status = ReplyStatus.UNKNOWN if says_unknown(text) else ReplyStatus.ANSWERED
    return Message(
        id=str(line.get("id", number)),
        conversation="",
        role=role,
        text=text,
        created_at=datetime.now(UTC),
        language=detect_language(text),
        status=status,
    )


async def _worded(
    summarizer: Any, messages: Sequence[Message], made: dict[str, Any]
) -> dict[str, Any]:
    """In the words of a model that reads, where they hold."""
    try:
        prose = await summarizer.write(messages)
    except KefuError as error:  # the rules' own words hold all the same
        sys.stderr.write(f"kefu: not in the model's words: {printable(str(error))}\n")
        return made
    if prose is None:
        return made
    issue = {**made["issue"], "text": prose.issue}
    return {**made, "issue": issue, "summary": {**made["summary"], "text": prose.summary}}


def _bare(text: str) -> str:
    """Without the marks around what is quoted."""
    return " ".join(text.translate(dict.fromkeys(map(ord, "“”…"))).split())


def _show(found: dict[str, Any]) -> None:
    def tell(name: str, text: str) -> None:
        sys.stdout.write(f"{name + ':':11}{printable(' '.join(text.split()))}\n")

    tell("Summary", found["summary"]["text"])
    tell("Issue", found["issue"]["text"])
    if _bare(found["details"]["text"]) not in _bare(found["issue"]["text"]):
        tell("Details", found["details"]["text"])
    for one in found["tried"]:
        pages = f" ({'; '.join(one['citations'])})" if one["citations"] else ""
        tell("Tried", one["text"] + pages)
    outcome = found["outcome"]
    tell("Outcome", f"{outcome['text']}: {outcome['why']}")
    for one in found["actions"]:
        tell("To do", f"{one['text']} ({one['owner']})")
    for one in found["promises"]:
        tell("Promised", one["text"])
    if found["entities"]:
        tell("Facts", ", ".join(f"{one['kind']} {one['text']}" for one in found["entities"]))
    moods = found["sentiment"]
    if moods["start"]:
        start, end = moods["start"], moods["end"]
        felt = f"{start['label']} {start['score']:+.2f}, then {end['label']} {end['score']:+.2f}"
        tell("Sentiment", felt)
    tell("Language", found["language"] or "unknown")
