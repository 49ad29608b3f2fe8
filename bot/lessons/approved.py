"""The replies of a conversation that a person approved of, and the questions that they answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from bot.aide import open_question
from bot.conversation import (
    SMALL_TALK,
    Citation,
    Message,
    MessageState,
    ReplyStatus,
    Role,
)
from bot.lessons.lesson import Kind

GOOD = 4
"""Of 5, from which a rating approves of the answers of a conversation."""


@dataclass(frozen=True, slots=True)
class Approved:
    kind: Kind
    asked: Message
    history: tuple[Message, ...]
    """What was said before the question."""
    reply: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Opinions:
    """On the replies of a conversation, by their ids, and on the whole of it."""

    helpful: Collection[str] = ()
    unhelpful: Collection[str] = ()
    score: int = 0
    """1 to 5; 0 where nobody rated it."""


def approved(messages: Sequence[Message], opinions: Opinions) -> Iterator[Approved]:
    for place, message in enumerate(messages):
        before = messages[:place]
        if message.role is Role.AGENT and not _follows_agent(before):
            said = takewhile(lambda one: one.role is Role.AGENT, messages[place:])
            yield from _by_agent(before, list(said))
        elif kind := _kind_of(message, opinions):
            asked = next((one for one in reversed(before) if _is_question(one)), None)
            if asked is not None:
                yield _approved(kind, asked, before, message.text, message.citations)


def _by_agent(before: Sequence[Message], said: Sequence[Message]) -> Iterator[Approved]:
    """What an agent writes in several messages is one reply."""
    asked = open_question(before)
    text = "\n".join(one.text.strip() for one in said if one.text.strip())
    if asked is None or not text:
        return
    since = before[before.index(asked) + 1 :]
    kind = Kind.CORRECTION if any(map(_is_answer, since)) else Kind.PERSON
    cited = tuple(citation for one in said for citation in one.citations)
    yield _approved(kind, asked, before, text, cited)


def _approved(
    kind: Kind,
    asked: Message,
    before: Sequence[Message],
    reply: str,
    citations: tuple[Citation, ...],
) -> Approved:
    return Approved(kind, asked, tuple(before[: before.index(asked)]), reply.strip(), citations)


def _kind_of(message: Message, opinions: Opinions) -> Kind | None:
    """None of a reply of the bot that nobody approved of."""
    if not _is_answer(message) or not message.citations or message.id in opinions.unhelpful:
        return None
    if message.id in opinions.helpful:
        return Kind.HELPFUL
    return Kind.RATED if opinions.score >= GOOD else None


def _is_answer(message: Message) -> bool:
    return (
        message.role is Role.ASSISTANT
        and message.status is ReplyStatus.ANSWERED
        and message.state is MessageState.COMPLETE
        and message.rule != SMALL_TALK
        and bool(message.text.strip())
    )


def _is_question(message: Message) -> bool:
    return message.role is Role.CUSTOMER and bool(message.text.strip())


def _follows_agent(before: Sequence[Message]) -> bool:
    return bool(before) and before[-1].role is Role.AGENT
