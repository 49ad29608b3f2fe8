"""Lessons from the log: what people approved of, with the passages that stand behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from bot.assistant import CONTEXT_CHARACTERS, CONTEXT_QUESTIONS
from bot.conversation import Citation, Message, Passage, Role
from bot.language import detect_language
from bot.lessons.approved import Approved, Opinions, approved
from bot.lessons.lesson import Kind, Lesson
from bot.lessons.masking import Mask, mask_of
from bot.sentences import split_sentences
from bot.skills import prompt
from bot.skills.grounding import Grounding
from bot.skills.prompt import Turn, turn_of, turns_of
from bot.skills.small_talk import small_talk
from bot.skills.wishes import wishes_for_a_person
from bot.store import Store
from bot.store.cohort import Period
from knowledge.followup import fold
from knowledge.index import Knowledge

T = TypeVar("T")

AT_ONCE = 200
"""Conversations that are read together."""
MOST = 2_000
"""Replies that are learnt from or looked up in vain, the newest."""
UNGROUNDED, PRIVATE, NO_QUESTION, DOUBLE = (
    "that rest on no help page",  # they would teach to invent
    "of private data alone",
    "to no question",
    "said before in the same words",
)
"""Why replies are left out."""


@dataclass(slots=True)
class Gathered:
    lessons: list[Lesson] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Approved replies that are not learnt, by why."""
    masked: Counter[str] = field(default_factory=Counter)
    """What was private, by its kind."""
    seen: set[tuple[str, str]] = field(default_factory=set)
    """Questions with their replies, as they were said."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """As a turn looks up: which passages the model is shown for a question."""

    knowledge: Knowledge
    grounding: Grounding
    passages: int
    reads: bool
    """Of the model: it is shown whole passages, else only the sentences that were picked."""

    async def found(
        self, asked: Message, history: Sequence[Message], language: str
    ) -> tuple[str, list[Passage]]:
        """What is searched with, and what is found."""
        earlier = [m.text[:CONTEXT_CHARACTERS] for m in history if m.role is Role.CUSTOMER]
        asked_now = asked.text[: prompt.QUESTION_CHARACTERS]
        question = fold(asked_now, earlier[-CONTEXT_QUESTIONS:])
        passages = await self.knowledge.search(question, k=self.passages, language=language)
        return question, passages

    async def shown(
        self, asked: Message, question: str, found: Sequence[Passage], language: str
    ) -> tuple[Citation, ...]:
        asked_now = asked.text[: prompt.QUESTION_CHARACTERS]
        picked = await self.grounding.pick(question, language, found, asked=asked_now)
        if not picked.citations or not self.reads:
            return picked.citations
        return tuple(map(whole, found))

    async def rests(self, reply: str, shown: Sequence[Citation], language: str) -> bool:
        """Whether a sentence of it does, on one of these passages."""
        pages = [Passage("", c.source, c.title, c.heading, c.quote, language) for c in shown]
        for sentence in split_sentences(reply):
            if await self.grounding.supported(sentence, pages, language):
                return True
        return False


async def gather(
    store: Store,
    look_up: LookUp,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    most: int = MOST,
    more: Callable[[int], None] = lambda _: None,
) -> Gathered:
    """The newest conversations first; those of `kefu ask` are trials, and nobody's."""
    result = Gathered()
    period = await period_of(store, since, until)
    if period is None:
        return result
    started = await store.cohort.started(period)
    scores = {rated.conversation: rated.score for rated in await store.cohort.ratings(period)}
    for some in _parts(started[::-1]):
        messages = await store.cohort.messages([one.id for one in some])
        if until:
            messages = {
                t: [m for m in many if m.created_at < until] for t, many in messages.items()
            }
        opinions = await _opinions(store, messages, scores, until)
        for talk, said in messages.items():
            if len(result.lessons) + result.left_out[UNGROUNDED] < most:
                await _learn(talk, said, opinions[talk], store, look_up, result)
        more(len(some))
    return result


async def period_of(
    store: Store, since: datetime | None, until: datetime | None = None
) -> Period | None:
    """None where nothing was said."""
    bounds = await store.cohort.bounds()
    return bounds and Period(since or bounds[0], until or bounds[1] + timedelta(days=1))


async def _learn(
    talk: str,
    messages: Sequence[Message],
    opinions: Opinions,
    store: Store,
    look_up: LookUp,
    result: Gathered,
) -> None:
    found = list(approved(messages, opinions))
    agent = (await store.log.conversation(talk)).agent if found else ""
    for one in found:
        if why := _useless(one, result):
            result.left_out[why] += 1
            continue
        language = one.asked.language or detect_language(one.asked.text)
        shown = await _shown(one, look_up, language)
        if shown is None:
            result.left_out[UNGROUNDED] += 1
            continue
        mask = mask_of(messages, agent, "\n".join(citation.quote for citation in shown))
        lesson = _masked(talk, one, shown, language, mask)
        result.masked += mask.found
        if lesson.reply:
            result.lessons.append(lesson)
        else:
            result.left_out[PRIVATE] += 1


def _useless(one: Approved, result: Gathered) -> str | None:
    """What can be seen without looking anything up, which takes a tenth of a second."""
    if small_talk(one.asked.text) or wishes_for_a_person(one.asked.text):
        return NO_QUESTION
    pair = (one.asked.text, one.reply)
    if pair in result.seen:
        return DOUBLE
    result.seen.add(pair)
    return None


async def _shown(one: Approved, look_up: LookUp, language: str) -> tuple[Citation, ...] | None:
    """The passages of the lesson; None where the reply rests on none of them."""
    cited = tuple(citation for citation in one.citations if citation.cited)
    by_bot = one.kind in (Kind.HELPFUL, Kind.RATED)
    if cited and by_bot and not look_up.reads:
        return cited
    question, found = await look_up.found(one.asked, one.history, language)
    near = (*cited, *map(whole, found))
    # before the sentences that answer are picked: that takes longer, and most rest on nothing
    if not by_bot and not await look_up.rests(one.reply, near, language):
        return None
    shown = await look_up.shown(one.asked, question, found, language)
    shown = _with_cited(shown, cited, look_up.passages)
    if by_bot or await look_up.rests(one.reply, shown, language):
        return shown
    return None


def _with_cited(
    shown: Sequence[Citation], cited: Sequence[Citation], most: int
) -> tuple[Citation, ...]:
    """What the reply rested on when it was written stands there, whatever is found today."""
    missing = [c for c in cited if not any(c.quote in other.quote for other in shown)]
    return (*missing, *shown)[: max(most, len(missing))]


def _masked(
    talk: str, one: Approved, shown: tuple[Citation, ...], language: str, mask: Mask
) -> Lesson:
    asked = turn_of(one.asked, shown)
    return Lesson(
        kind=one.kind,
        group=talk,
        history=tuple(_masked_turn(turn, mask) for turn in turns_of(one.history)),
        asked=_masked_turn(asked, mask),
        reply=mask.kept(one.reply),
        language=language,
    )


def _masked_turn(turn: Turn, mask: Mask) -> Turn:
    reply = None if turn.reply is None else mask(turn.reply)
    return replace(turn, question=mask(turn.question), reply=reply, message="")


async def _opinions(
    store: Store,
    messages: dict[str, list[Message]],
    scores: dict[str, int],
    until: datetime | None,
) -> dict[str, Opinions]:
    """Where several customers judged one reply, one who found it unhelpful is enough."""
    replies = {m.id: talk for talk, many in messages.items() for m in many if m.citations}
    good: dict[str, set[str]] = {talk: set() for talk in messages}
    bad: dict[str, set[str]] = {talk: set() for talk in messages}
    for some in _parts(list(replies)):
        for opinion in await store.feedback.of(some):
            if until and opinion.given_at >= until:
                continue
            side = good if opinion.helpful else bad
            side[replies[opinion.message]].add(opinion.message)
    return {t: Opinions(good[t], bad[t], scores.get(t, 0)) for t in messages}


def whole(passage: Passage) -> Citation:
    return Citation(passage.source, passage.title, passage.heading, passage.text)


def _parts(some: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(some), AT_ONCE):
        yield some[start : start + AT_ONCE]
