"""What customers asked, and what of it went unanswered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.digest.case import Answer, Question
from bot.digest.outcome import Outcome, Reason
from bot.rates import Rate, rate
from bot.reports.clusters import Floats, clusters
from bot.reports.entries import Entry
from bot.reports.figures import mean
from bot.text import cut

EXAMPLES = 3
NEAR_PAGE = 0.5
"""A question without an answer is about the page whose questions are, on average, this near."""
HEADING = 80
"""Characters of a suggested heading."""
SMALLEST_GAP = 2
"""Customers; what one alone asked is none yet."""


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    conversation: str


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    count: int
    """Conversations that began with it."""
    before: int
    """As many in the period before."""
    resolved: Rate
    mood: float | None
    """The mean of its conversations', -1 to 1."""
    course: tuple[int, ...]
    """Conversations in each part of the period, as `Report.dates` has them."""
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    heading: str
    """Suggested for a help page: the customers' own question that is nearest to all."""
    customers: int
    questions: int
    before: int
    """Questions in the period before."""
    languages: tuple[str, ...]
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    entry: Entry
    question: Question
    is_now: bool
    """In the period, not in the one before."""


def first_questions(now: Iterable[Entry], before: Iterable[Entry]) -> list[Asked]:
    return [
        Asked(one, one.case.questions[0], is_now)
        for some, is_now in ((now, True), (before, False))
        for one in some
        if one.case.questions
    ]


def unanswered_questions(now: Iterable[Entry], before: Iterable[Entry]) -> list[Asked]:
    """Those to which nothing was found, as far as is known."""
    return [
        Asked(one, question, is_now)
        for some, is_now in ((now, True), (before, False))
        for one in some
        for question in one.case.questions
        if question.answer is Answer.UNKNOWN
        or (question.answer is Answer.CALLED and one.case.reason is Reason.NOTHING_FOUND)
    ]


def topics(
    asked: Sequence[Asked],
    vectors: Mapping[str, Floats],
    part_of: Callable[[Entry], int],
    parts: int,
) -> list[Topic]:
    """The most frequent first. What pages answered is named by the page, the rest by the question
    that is nearest to all."""
    by_page: dict[str, list[Asked]] = {}
    rest: list[Asked] = []
    for one in asked:
        if one.question.page:
            by_page.setdefault(one.question.page, []).append(one)
        else:
            rest.append(one)
    rest = _to_pages(by_page, rest, vectors)
    groups = list(by_page.items())
    groups += [(heading_of(group, vectors), group) for group in clustered(rest, vectors)]
    found = [_topic(name, group, part_of, parts) for name, group in groups]
    return sorted(found, key=lambda topic: (-topic.count, -topic.before, topic.name))


def gaps(asked: Sequence[Asked], vectors: Mapping[str, Floats]) -> list[Gap]:
    """What most customers asked first."""
    found = []
    for group in clustered(asked, vectors):
        now = [one for one in group if one.is_now]
        customers = {_customer(one.entry) for one in now}
        if len(customers) >= SMALLEST_GAP:
            found.append(
                Gap(
                    heading=heading_of(now, vectors),
                    customers=len(customers),
                    questions=len(now),
                    before=len(group) - len(now),
                    languages=tuple(sorted({one.entry.case.language or "" for one in now} - {""})),
                    examples=_examples(now),
                )
            )
    return sorted(found, key=lambda gap: (-gap.customers, -gap.questions, gap.heading))


def _customer(entry: Entry) -> tuple[str, str]:
    """One without a name is another in each conversation."""
    return entry.started.channel, entry.started.customer or entry.started.id


def clustered(asked: Sequence[Asked], vectors: Mapping[str, Floats]) -> list[list[Asked]]:
    known = {
        place: vectors[one.question.message]
        for place, one in enumerate(asked)
        if one.question.message in vectors
    }
    texts = [one.question.text for one in asked]
    return [[asked[place] for place in part] for part in clusters(texts, known)]


def heading_of(group: Sequence[Asked], vectors: Mapping[str, Floats]) -> str:
    """A question of the customers' own: near to all, short, and without numbers, which are one
    customer's."""
    texts = Counter(one.question.text for one in group)
    central: dict[str, float] = {}
    known = [one for one in group if one.question.message in vectors]
    if known:
        rows = np.asarray([vectors[one.question.message] for one in known])
        nearness = rows @ rows.mean(axis=0)
        central = dict(zip((one.question.text for one in known), nearness.tolist(), strict=True))

    def fitness(text: str) -> float:
        is_own = any(character.isdigit() for character in text)
        too_long = len(text) > HEADING
        return central.get(text, 0.0) + 0.02 * texts[text] - 0.5 * is_own - 0.5 * too_long

    best = max(texts, key=lambda text: (fitness(text), -len(text), text))
    heading = cut(best, HEADING)
    return heading[:1].upper() + heading[1:]


def _to_pages(
    by_page: dict[str, list[Asked]], rest: Sequence[Asked], vectors: Mapping[str, Floats]
) -> list[Asked]:
    """Put questions beside those of the page that they are near to; those that are near to none."""
    by_text = {one.question.text: page for page, group in by_page.items() for one in group}
    centroids: dict[str, Floats] = {}
    for page, group in by_page.items():
        known = [vectors[o.question.message] for o in group if o.question.message in vectors]
        if known:
            centroids[page] = np.mean(known, axis=0)
    left = []
    for one in rest:
        vector = vectors.get(one.question.message)
        place = by_text.get(one.question.text) or _nearest(centroids, vector)
        if place is None:
            left.append(one)
        else:
            by_page[place].append(replace(one, question=replace(one.question, page=place)))
    return left


def _nearest(centroids: Mapping[str, Floats], vector: Floats | None) -> str | None:
    if vector is None or not centroids:
        return None
    nearness = {page: float(centroid @ vector) for page, centroid in centroids.items()}
    page = max(nearness, key=lambda one: nearness[one])
    return page if nearness[page] >= NEAR_PAGE else None


def _topic(name: str, group: Sequence[Asked], part_of: Callable[[Entry], int], parts: int) -> Topic:
    now = [one for one in group if one.is_now]
    course = Counter(part_of(one.entry) for one in now)
    resolved = sum(
        one.entry.case.outcome is Outcome.RESOLVED and not one.entry.comes_back for one in now
    )
    return Topic(
        name=name,
        count=len(now),
        before=len(group) - len(now),
        resolved=rate(resolved, len(now)),
        mood=mean([one.entry.case.mood for one in now]),
        course=tuple(course[part] for part in range(parts)),
        examples=_examples(now),
    )


def _examples(group: Sequence[Asked]) -> tuple[Example, ...]:
    """The newest, each with other words."""
    found: dict[str, Example] = {}
    for one in reversed(group):
        key = one.question.text.casefold()
        found.setdefault(key, Example(one.question.text, one.entry.started.id))
        if len(found) == EXAMPLES:
            break
    return tuple(found.values())
