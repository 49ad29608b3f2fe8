"""`kefu conversations`: the log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.console import AsJson, Home, plain, print_json, run, settings_at
from bot.text import printable

if TYPE_CHECKING:
    from bot.conversation import Conversation, Message
    from bot.store import ConversationOverview, SearchHit

app = typer.Typer(help="The log of all conversations.")
Limit = Annotated[int, typer.Option(min=1, max=1_000_000, help="How many.")]


@app.command("list")
def list_conversations(limit: Limit = 50, as_json: AsJson = False, home: Home = None) -> None:
    """The newest first."""
    settings = settings_at(home)

    async def work() -> list[ConversationOverview]:
        from bot.app import open_store_of

        async with open_store_of(settings) as store:
            return await store.log.overview(limit=limit)

    found = run(work())
    if as_json:
        print_json(
            [
                {**plain(o.conversation), "messages": o.messages, "sentiment": plain(o.sentiment)}
                for o in found
            ]
        )
        return
    for one in found:
        place = one.conversation
        mood = one.sentiment.label if one.sentiment else "-"
        _line(f"{place.id}  {place.updated_at:%Y-%m-%d %H:%M}  {mood:8}  {place.title}")
    if not found:
        sys.stderr.write("kefu: no conversations yet; `kefu chat` begins one\n")


@app.command()
def show(
    conversation: Annotated[str, typer.Argument(help="Its id, or the end of it.")],
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """One conversation, whole."""
    settings = settings_at(home)

    async def work() -> tuple[Conversation, list[Message]]:
        from bot.app import open_store_of

        async with open_store_of(settings) as store:
            place = await store.log.conversation(conversation)
            return place, await store.log.messages(place.id)

    place, messages = run(work())
    if as_json:
        print_json({**plain(place), "messages": [_message(one) for one in messages]})
        return
    _line(f"{place.title}  ({place.id}, {place.channel}, {place.state})")
    for one in messages:
        mood = f" [{one.sentiment.label} {one.sentiment.score:+.2f}]" if one.sentiment else ""
        _line(f"\n{one.created_at:%Y-%m-%d %H:%M} {one.role}{mood}")
        sys.stdout.write(printable(one.text) + "\n")
        for citation in one.citations:
            where = " › ".join(part for part in (citation.title, citation.heading) if part)
            _line(f"source: {where} ({citation.source})", indent="  ")


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words, Chinese ones too.")],
    limit: Limit = 20,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Find messages by their words."""
    settings = settings_at(home)

    async def work() -> list[SearchHit]:
        from bot.app import open_store_of

        async with open_store_of(settings) as store:
            return await store.log.search(text, limit=limit)

    hits = run(work())
    if as_json:
        print_json(
            [
                {
                    "conversation": hit.conversation.id,
                    "title": hit.conversation.title,
                    "message": hit.message.id,
                    "role": str(hit.message.role),
                    "text": hit.message.text,
                    "snippet": hit.snippet,
                }
                for hit in hits
            ]
        )
        return
    for hit in hits:
        _line(f"{hit.conversation.id}  {hit.message.role:9}  {' '.join(hit.snippet.split())}")


@app.command("hand-back")
def hand_back(
    conversation: Annotated[str, typer.Argument(help="Its id, or the end of it.")],
    home: Home = None,
) -> None:
    """Let the assistant answer again after a person was called."""
    settings = settings_at(home)

    async def work() -> Conversation:
        from bot.app import open_store_of
        from bot.conversation import ConversationState

        async with open_store_of(settings) as store:
            place = await store.log.conversation(conversation)
            await store.log.set_state(place.id, ConversationState.OPEN)
            return place

    place = run(work())
    whose = f" in place of {place.agent}" if place.agent else ""
    told = f"the assistant answers again{whose} in {place.title!r} ({place.id})"
    sys.stderr.write(f"kefu: {printable(told)}\n")


def _message(one: Message) -> dict[str, Any]:
    data: dict[str, Any] = plain(one)
    return {key: value for key, value in data.items() if value is not None}


def _line(text: str, *, indent: str = "") -> None:
    start = "\n" if text.startswith("\n") else ""
    sys.stdout.write(start + indent + printable(text.replace("\n", " ").strip()) + "\n")
