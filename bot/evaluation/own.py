"""Questions of one's own, over one's own help pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from bot.conversation import SMALL_TALK, Message, Reply, ReplyStatus
from bot.errors import UsageError
from bot.evaluation.answers import CHANNEL, Parts, ask
from bot.evaluation.shops import Question
from bot.evaluation.table import Cell, Row, Table
from bot.language import detect_language
from bot.measures import share
from bot.text import cut

LONGEST = 120
"""Characters of a quotation that are shown."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A question, and what a right reply to it is."""

    text: str
    language: str
    earlier: tuple[str, ...]
    kind: str
    sources: frozenset[str] | None
    """Pages that answer it; empty: it must not be answered; None: nobody said."""
    must_contain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    asked: Expected
    answered: bool
    page: bool
    """One of the pages is cited."""
    right: bool
    did: str
    """In a few words, for people."""


def expected_in(name: str, lines: Sequence[dict[str, Any]]) -> list[Expected]:
    found = []
    for number, line in enumerate(lines, start=1):
        lists = {key: line.get(key, []) for key in ("history", "sources", "must_contain")}
        for key, value in lists.items():
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise UsageError(f"line {number} of {name}: {key} is no list of texts: {value!r}")
        sources = frozenset(lists["sources"]) if "sources" in line else None
        found.append(
            Expected(
                line["question"],
                str(line.get("language") or detect_language(line["question"])),
                tuple(lists["history"]),
                str(line.get("kind") or _kind(sources)),
                sources,
                tuple(lists["must_contain"]),
            )
        )
    return found


def _kind(sources: frozenset[str] | None) -> str:
    if sources is None:
        return "not judged"
    return "answerable" if sources else "unanswerable"


def check_sources(questions: Sequence[Expected], known: Collection[str]) -> None:
    """Raise UsageError for a page that there is not: it would count as the bot's fault."""
    for one in questions:
        if missing := sorted((one.sources or frozenset()) - set(known)):
            raise UsageError(
                f"the sources of {one.text!r} name {missing[0]!r}, which is no document; "
                "`kefu knowledge list` shows the names there are"
            )


async def tables(
    questions: Sequence[Expected], parts: Parts, more: Callable[[int], None]
) -> list[Table]:
    """Raise UsageError, before anything is asked, for a page that there is not."""
    check_sources(questions, [one.source for one in await parts.knowledge.documents()])
    judged = []
    for one in questions:
        judged.append(await _judged(one, parts))
        more(1)
    groups: dict[str, list[Judged]] = {}
    for found in judged:
        groups.setdefault(f"{found.asked.language}, {found.asked.kind}", []).append(found)
    note = (
        "*answered*: with a quotation or a model's words. *page*: one of `sources` is cited. "
        "*right*: so it is, and the reply holds everything in `must_contain`; of questions whose "
        "`sources` are empty, that nothing was answered; without `sources` nothing is judged."
    )
    rows = [Row(name, _cells(some)) for name, some in sorted(groups.items())]
    wrong = [
        Row(one.asked.text, {"wanted": _wanted(one.asked), "what kefu did": one.did})
        for one in judged
        if not one.right and one.asked.sources is not None
    ]
    found_wrong = Table("questions", "Those that were not right", wrong, "" if wrong else "None.")
    return [Table("questions", "Questions of one's own", rows, note), found_wrong]


async def _judged(one: Expected, parts: Parts) -> Judged:
    place = await parts.log.start(channel=CHANNEL)
    for earlier in one.earlier:
        await parts.log.note(place.id, earlier)
        await parts.log.record(place.id, Reply("…", ReplyStatus.ANSWERED, one.language))
    await ask(parts, place, Question(one.text, one.language, one.kind, ()))
    reply = (await parts.log.messages(place.id))[-1]
    answered = reply.status is ReplyStatus.ANSWERED and reply.rule != SMALL_TALK
    cited = [c.source for c in reply.citations if c.cited]
    missing = [text for text in one.must_contain if text not in reply.text]
    page = bool(set(cited) & (one.sources or frozenset()))
    right = page and not missing if one.sources else not answered
    return Judged(one, answered, page, right, _did(reply, cited, missing if page else []))


def _did(reply: Message, cited: Sequence[str], missing: Sequence[str]) -> str:
    if reply.status is ReplyStatus.HANDED_OFF:
        return f"called a person ({reply.rule})"
    if reply.status is ReplyStatus.UNKNOWN:
        return "found nothing"
    if missing:
        return f"left out {missing[0]!r}: {cut(_quoted(reply), LONGEST)}"
    return f"answered from {', '.join(dict.fromkeys(cited)) or 'no page'}: " + cut(
        _quoted(reply), LONGEST
    )


def _quoted(reply: Message) -> str:
    quotes = [citation.quote for citation in reply.citations if citation.cited]
    return " ".join(" ".join(quotes or [reply.text]).split())


def _wanted(one: Expected) -> str:
    pages = ", ".join(sorted(one.sources or ()))
    return f"{pages}: {', '.join(one.must_contain)}" if one.must_contain else pages or "no answer"


def _cells(some: Sequence[Judged]) -> dict[str, Cell]:
    wanted = any(one.asked.sources for one in some)
    judged = any(one.asked.sources is not None for one in some)
    return {
        "questions": len(some),
        "answered": share(sum(one.answered for one in some), len(some)),
        "page": share(sum(one.page for one in some), len(some)) if wanted else None,
        "right": share(sum(one.right for one in some), len(some)) if judged else None,
    }
