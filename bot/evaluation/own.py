"""Questions of one's own, over one's own help pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.conversation import SMALL_TALK, Reply, ReplyStatus
from bot.errors import UsageError
from bot.evaluation.answers import CHANNEL, Parts, ask
from bot.evaluation.measures import share
from bot.evaluation.shops import Question
from bot.evaluation.table import Cell, Row, Table
from bot.language import detect_language


@dataclass(frozen=True, slots=True)
class Expected:
    """A question, and what a right reply to it is."""

    text: str
    language: str
    earlier: tuple[str, ...]
    kind: str
    sources: frozenset[str]
    """Pages that answer it; none: it must not be answered."""
    must_contain: tuple[str, ...]


def expected_in(name: str, lines: Sequence[dict[str, Any]]) -> list[Expected]:
    found = []
    for number, line in enumerate(lines, start=1):
        lists = {key: line.get(key, []) for key in ("history", "sources", "must_contain")}
        for key, value in lists.items():
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise UsageError(f"line {number} of {name}: {key} is no list of texts: {value!r}")
        found.append(
            Expected(
                line["question"],
                str(line.get("language") or detect_language(line["question"])),
                tuple(lists["history"]),
                str(line.get("kind") or ("answerable" if lists["sources"] else "unanswerable")),
                frozenset(lists["sources"]),
                tuple(lists["must_contain"]),
            )
        )
    return found


async def table(questions: Sequence[Expected], parts: Parts, more: Callable[[int], None]) -> Table:
    groups: dict[str, list[dict[str, bool]]] = {}
    for one in questions:
        groups.setdefault(f"{one.language}, {one.kind}", []).append(await _judged(one, parts))
        more(1)
    rows = [Row(name, _cells(some)) for name, some in sorted(groups.items())]
    note = (
        "*answered*: with a quotation or a model's words. *page*: one of `sources` is cited. "
        "*right*: so it is, and the reply holds everything in `must_contain`; of questions "
        "without `sources`, that nothing was answered."
    )
    return Table("questions", "Questions of one's own", rows, note)


async def _judged(one: Expected, parts: Parts) -> dict[str, bool]:
    place = await parts.log.start(channel=CHANNEL)
    for earlier in one.earlier:
        await parts.log.note(place.id, earlier)
        await parts.log.record(place.id, Reply("…", ReplyStatus.ANSWERED, one.language))
    await ask(parts, place, Question(one.text, one.language, one.kind, ()))
    reply = (await parts.log.messages(place.id))[-1]
    answered = reply.status is ReplyStatus.ANSWERED and reply.rule != SMALL_TALK
    page = bool({c.source for c in reply.citations if c.cited} & one.sources)
    right = page and all(text in reply.text for text in one.must_contain)
    return {
        "wanted": bool(one.sources),
        "answered": answered,
        "page": page,
        "right": right if one.sources else not answered,
    }


def _cells(some: Sequence[dict[str, bool]]) -> dict[str, Cell]:
    wanted = any(one["wanted"] for one in some)

    def of(name: str) -> Any:
        return share(sum(one[name] for one in some), len(some))

    return {
        "questions": len(some),
        "answered": of("answered"),
        "page": of("page") if wanted else None,
        "right": of("right"),
    }
