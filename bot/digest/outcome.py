"""How a conversation ended, and why a person was called. Rules over what is in the log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from bot.conversation import SMALL_TALK, Message, MessageState, ReplyStatus, Role
from bot.skills import handoff
from bot.skills.small_talk import small_talk


class Outcome(StrEnum):
    RESOLVED = "resolved"
    UNRESOLVED = "unresolved"
    ESCALATED = "escalated"
    NOT_ENOUGH_CONTENT = "not enough content"


class Reason(StrEnum):
    """Why a person was called."""

    ASKED = "asked"
    ANGER = "anger"
    NOTHING_FOUND = "nothing found"
    POLICY = "policy"
    ERROR = "error"
    TAKEN_OVER = "taken over"
    """An agent came uncalled."""


REASONS = {
    handoff.ASKED: Reason.ASKED,
    handoff.ACCEPTED: Reason.NOTHING_FOUND,
    handoff.ANGER: Reason.ANGER,
    handoff.NOTHING_FOUND: Reason.NOTHING_FOUND,
    handoff.FAILED: Reason.ERROR,
}

CONFIRMED = "the customer confirmed it"
ASSUMED = "the customer left after an answer"
DENIED = "the customer said that it did not help"
UNHELPFUL = "the customer marked the answer as not helpful"
UNANSWERED = "the last question has no answer"
NOTHING_FOUND = "nothing was found for the last question"
ONLY_MANNERS = "nothing was asked"

_DENIES = re.compile(
    r"\b(?:(?:that|this|it) (?:does|did)(?:n['’]?t| not) (?:help|work|answer|solve)"
    r"|not (?:what i|helpful|my question|the answer|useful)|(?:does|did)(?:n['’]?t| not) help\w*"
    r"|(?:still|is|was|does|did|are)(?:n['’]?t| not)(?: yet| really)?"
    r" (?:work|help|fix|solv|sort|sett)\w*"
    r"|['’]s not (?:work|help|fix|solv|sort|sett)\w*|(?:isn|wasn)['’]t it|misunderst\w+ me"
    r"|no help|useless|wrong answer|hilft (?:mir )?nicht|(?:leider |noch |immer noch )?nicht"
    r" (?:geholfen|hilfreich|geklappt|funktioniert|gelöst|erledigt)"
    r"|das war nicht|nicht meine frage)\b"
    r"|没(?:有)?(?:用|帮助|解决|回答)|不是我(?:要|想|问)|答非所问|还是不(?:行|对|能)",
    re.IGNORECASE,
)
_CONFIRMS = re.compile(
    r"\b(?:(?:that|this|it|now it|which) (?:worked|works|helped|helps|did it|solved|solves|answers)"
    r"|(?:all |is |it'?s )?(?:solved|sorted|settled|fixed)|problem gone|exactly what i needed"
    r"|hat (?:geklappt|geholfen|funktioniert)|funktioniert jetzt|gelöst|erledigt)\b"
    r"|解决了|可以了|搞定|有用|明白了|清楚了",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"\b(?:many |very |so )?(?:thanks?(?: you)?|thx|cheers|danke?|merci|gracias)\b"
    r"(?: (?:a lot|so much|very much|again|schön|sehr))?|(?:太|非常|多)?(?:感)?谢+(?:你|您|啦|了)*",
    re.IGNORECASE,
)
_NEGATES = re.compile(
    r"\b(?:not|never|still|yet|but|nicht|kein\w*|noch|aber)\b|n['’]t\b|没|还|但", re.IGNORECASE
)
READ = 4_000
"""Characters of a message that are looked at."""
_LETTERS = 15
"""That may stand beside thanks in a message that only gives thanks."""


@dataclass(frozen=True, slots=True)
class Ending:
    outcome: Outcome
    why: str
    """In a few words; of an escalation, the rule that fired."""
    reason: Reason | None = None
    """Of an escalation."""
    confirmed: bool = False
    """Of a resolution: the customer said so."""
    abandoned: bool = False
    """The customer left with a question or a message that nobody answered."""
    messages: tuple[str, ...] = ()
    """The ids of those that it rests on."""


def is_engaging(message: Message) -> bool:
    """A reply of the bot to a matter, answered or not; a greeting is none."""
    return (
        message.role is Role.ASSISTANT
        and message.state is MessageState.COMPLETE
        and message.rule != SMALL_TALK
    )


def is_answer(message: Message) -> bool:
    return is_engaging(message) and message.status is ReplyStatus.ANSWERED


def reason_of(rule: str | None) -> Reason:
    if rule and rule.startswith(handoff.POLICY):
        return Reason.POLICY
    return REASONS.get(rule or "", Reason.ERROR)


def ending(messages: Sequence[Message], unhelpful: frozenset[str] = frozenset()) -> Ending:
    """`unhelpful`: the ids of replies that the customer marked so."""
    said = [m for m in messages if m.role is Role.CUSTOMER and m.text.strip()]
    called = next((m for m in messages if m.status is ReplyStatus.HANDED_OFF), None)
    agents = [m for m in messages if m.role is Role.AGENT]
    if called or agents:
        return _escalated(messages, called, agents)
    asked = asking(messages)
    if not said or not (asked or any(is_engaging(m) for m in messages)):
        return Ending(Outcome.NOT_ENOUGH_CONTENT, ONLY_MANNERS)
    return _by_bot_alone(messages, asked, unhelpful)


def asking(messages: Sequence[Message]) -> list[Message]:
    """The customer's messages that are more than manners. What the bot took for manners is."""
    manners = manners_of(messages)
    return [
        message
        for message in messages
        if message.role is Role.CUSTOMER
        and message.text.strip()
        and message.id not in manners
        and small_talk(message.text) is None
        and not confirms(message.text)
    ]


def manners_of(messages: Sequence[Message]) -> set[str]:
    """The ids of the customer's messages that the bot took for manners."""
    return {
        message.id
        for message, reply in pairwise(messages)
        if message.role is Role.CUSTOMER
        and reply.role is Role.ASSISTANT
        and reply.rule == SMALL_TALK
    }


def _escalated(
    messages: Sequence[Message], called: Message | None, agents: Sequence[Message]
) -> Ending:
    reason = reason_of(called.rule) if called else Reason.TAKEN_OVER
    rests_on = (*([called.id] if called else []), *([agents[-1].id] if agents else []))
    calls = [i for i, m in enumerate(messages) if m.status is ReplyStatus.HANDED_OFF]
    since = messages[calls[-1] :] if calls else messages
    is_waited_for = not any(m.role is Role.AGENT for m in since)
    return Ending(
        Outcome.ESCALATED,
        (called.rule if called else None) or str(reason),
        reason,
        abandoned=is_waited_for or bool(asking(messages[-1:])),
        messages=rests_on,
    )


def _by_bot_alone(
    messages: Sequence[Message], asked: Sequence[Message], unhelpful: frozenset[str]
) -> Ending:
    at = max((i for i, m in enumerate(messages) if is_engaging(m)), default=-1)
    after = [m for m in messages[at + 1 :] if m.role is Role.CUSTOMER and m.text.strip()]
    open_ids = {m.id for m in asked}
    still_open = [m for m in after if m.id in open_ids]
    if denied := next((m for m in after if denies(m.text)), None):
        return Ending(Outcome.UNRESOLVED, DENIED, abandoned=bool(still_open), messages=(denied.id,))
    if still_open:
        return Ending(Outcome.UNRESOLVED, UNANSWERED, abandoned=True, messages=(still_open[-1].id,))
    reply = messages[at]
    if reply.status is not ReplyStatus.ANSWERED:
        return Ending(Outcome.UNRESOLVED, NOTHING_FOUND, abandoned=True, messages=(reply.id,))
    manners = manners_of(messages)
    thanked = next((m for m in after if _settles(m, manners)), None)
    if reply.id in unhelpful and thanked is None:
        return Ending(Outcome.UNRESOLVED, UNHELPFUL, messages=(reply.id,))
    if thanked:
        return Ending(Outcome.RESOLVED, CONFIRMED, confirmed=True, messages=(reply.id, thanked.id))
    return Ending(Outcome.RESOLVED, ASSUMED, messages=(reply.id,))


def denies(text: str) -> bool:
    """That it helped."""
    return bool(_DENIES.search(text[:READ]))


def confirms(text: str) -> bool:
    """That it is settled, or thanks and nothing else."""
    text = text[:READ]
    if "?" in text or "？" in text or denies(text) or _NEGATES.search(text):
        return False
    return bool(_CONFIRMS.search(text)) or _only_thanks(text)


def _only_thanks(text: str) -> bool:
    rest, times = _THANKS.subn("", text)
    return bool(times) and sum(map(str.isalnum, rest)) <= _LETTERS // (1 if rest.isascii() else 5)


def _settles(message: Message, manners: set[str]) -> bool:
    """What the bot took for manners, and holds thanks, is thanks, however many words it has."""
    thanks = message.id in manners and _THANKS.search(message.text[:READ])
    return bool(thanks and not denies(message.text)) or confirms(message.text)
