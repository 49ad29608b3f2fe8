"""`kefu ask`: one turn, or a file of one's own test questions."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.console import AsJson, Home, print_json, records, run, settings_at
from bot.errors import ModelError, UsageError
from bot.text import printable

if TYPE_CHECKING:
    from bot.app import Kefu
    from bot.conversation import Conversation, Message, TurnEvent

CHANNEL = "ask"


def ask(
    text: Annotated[str | None, typer.Argument(help="What the customer says.")] = None,
    conversation: Annotated[
        str | None, typer.Option(help="Go on with this conversation (its id, or the end of it).")
    ] = None,
    batch: Annotated[
        Path | None,
        typer.Option(help="JSON Lines: `question`, optionally `history` and `id`; - for stdin."),
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Ask one question and print the reply with its sources."""
    if (text is None) == (batch is None):
        raise UsageError("kefu ask takes a question or --batch FILE, one of the two")
    if batch is not None and conversation is not None:
        raise UsageError("--conversation goes with one question, not with --batch")
    if text is not None and not text.strip():
        raise UsageError("the question is empty; write what the customer asks")
    settings = settings_at(home)

    async def work() -> None:
        from bot.app import open_kefu_on, open_store_of

        async with open_store_of(settings) as store:
            # an id that there is not is told before the models are loaded
            known = None if conversation is None else await store.log.conversation(conversation)
            async with open_kefu_on(store, settings) as kefu:
                for warning in kefu.warnings:
                    sys.stderr.write(f"kefu: {warning}\n")
                if text is None:
                    failed.extend([number async for number in _batch(kefu, batch)])
                    return
                place = known or await kefu.log.start(channel=CHANNEL)
                await _one(kefu, place, text, as_json=as_json)

    failed: list[int] = []
    run(work())
    if failed:
        raise ModelError(f"{len(failed)} of the questions failed, the first at place {failed[0]}")


async def _one(kefu: Kefu, place: Conversation, text: str, *, as_json: bool) -> None:
    from bot.conversation import Shortened, Token

    shown = False

    def show(event: TurnEvent) -> None:
        nonlocal shown
        if isinstance(event, Token) and not as_json:
            sys.stdout.write(printable(event.text))
            sys.stdout.flush()
            shown = True
        if isinstance(event, Shortened):
            sys.stderr.write(f"kefu: {event.told}\n")

    result = await _turn(kefu, place, text, show)
    if as_json:
        print_json(result)
        return
    if not shown:
        sys.stdout.write(printable(result["reply"]))
    if result["reply"]:
        sys.stdout.write("\n")
    else:
        sys.stderr.write("kefu: passed on to the person who has this conversation\n")
    cited = [c for c in result["citations"] if c["quote"]]
    for number, citation in enumerate(cited, start=1):
        where = " › ".join(part for part in (citation["title"], citation["heading"]) if part)
        sys.stdout.write(printable(f"  [{number}] {where} ({citation['source']})") + "\n")


async def _batch(kefu: Kefu, file: Path | None) -> AsyncIterator[int]:
    """A line out for each; yields the places of those that failed, from 1."""
    for number, record in enumerate(records(file, "question"), start=1):
        named = {"id": record["id"]} if "id" in record else {}
        history = record.get("history") or []
        if not isinstance(history, list):
            raise UsageError(f"history of question {number} is no list of turns: {history!r}")
        place = await kefu.log.start(channel=CHANNEL)
        for turn in history:
            await _remember(kefu, place, turn)
        try:
            result = await _turn(kefu, place, record["question"])
        except ModelError as error:
            print_json({**named, "error": str(error)})
            yield number
        else:
            print_json({**named, **result})


async def _remember(kefu: Kefu, place: Conversation, turn: Any) -> None:
    """A turn that took place before, as it would stand in the log."""
    from bot.conversation import Reply, ReplyStatus, Role, Tag
    from bot.language import detect_language
    from bot.skills.replies import says_unknown

    if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
        raise UsageError(f"a turn of history needs `role` and `text`, not {turn!r}")
    language = detect_language(turn["text"])
    if turn.get("role") in {"customer", "user"}:
        message = await kefu.log.note(place.id, turn["text"])
        (sentiment,) = await kefu.tagger.atag([message.text], [language])
        await kefu.log.tag(message.id, Tag(language, sentiment))
    elif turn.get("role") in {"assistant", "agent"}:
        status = ReplyStatus.UNKNOWN if says_unknown(turn["text"]) else ReplyStatus.ANSWERED
        reply = Reply(turn["text"], status, language)
        role = Role.AGENT if turn["role"] == "agent" else Role.ASSISTANT
        await kefu.log.record(place.id, reply, role=role)
    else:
        raise UsageError(f"role {turn.get('role')!r} of a turn is neither customer nor assistant")


async def _turn(
    kefu: Kefu, place: Conversation, text: str, show: Callable[[TurnEvent], None] | None = None
) -> dict[str, Any]:
    """The turn as DESIGN's JSON has it. Left early, it is stopped, and what was said is kept."""
    from bot.conversation import Answered, Failed, HandedOff, Noted

    asked: Message | None = None
    reply: Message | None = None
    async with aclosing(kefu.assistant.reply(place, text)) as events:
        async for event in events:
            if show is not None:
                show(event)
            if isinstance(event, Failed):
                raise ModelError(event.error)
            if isinstance(event, Noted):
                asked = event.message
            elif isinstance(event, Answered | HandedOff):
                reply = event.message
    assert asked is not None
    return _result(asked, reply)


def _result(asked: Message, reply: Message | None) -> dict[str, Any]:
    from bot.conversation import ReplyStatus, Timing

    timing = (reply.timing if reply else None) or Timing()
    status = (reply.status if reply else None) or ReplyStatus.HANDED_OFF
    citations = [c for c in reply.citations if c.cited] if reply else []
    return {
        "reply": reply.text if reply else "",
        "status": str(status),
        "citations": [
            {"source": c.source, "title": c.title, "heading": c.heading, "quote": c.quote}
            for c in citations
        ],
        "sentiment": _sentiment(asked),
        "language": asked.language,
        "conversation": asked.conversation,
        "message": (reply or asked).id,
        "timing": {
            "first_token_ms": timing.first_token_ms,
            "total_ms": timing.total_ms,
            "prompt_tokens": timing.prompt_tokens,
            "reused_tokens": timing.reused_tokens,
            "reply_tokens": timing.reply_tokens,
            "tokens_per_second": timing.tokens_per_second,
        },
    }


def _sentiment(message: Message) -> dict[str, Any] | None:
    if message.sentiment is None:
        return None
    return {"label": str(message.sentiment.label), "score": round(message.sentiment.score, 3)}
