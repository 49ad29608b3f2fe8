"""The demo world into a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.conversation import Conversation, ConversationState
from bot.demo.world import CUSTOMERS, Told
from bot.digest.outcome import Outcome
from bot.errors import UsageError
from bot.store import Store
from bot.store.log import title_from
from bot.store.whole import Whole
from bot.text import counted

AT_ONCE = 500
_OPEN = timedelta(days=2)
"""What is older was closed."""


async def fill(
    store: Store, told: Sequence[Told], now: datetime, done: Callable[[int], None]
) -> None:
    """In place of the demo that was there. `done`: told how many more are in. Raise UsageError,
    and change nothing, where there are conversations that really took place."""
    if others := await store.whole.count_others(CUSTOMERS):
        raise UsageError(
            f"{store.database.path} holds {counted(others, 'conversation')} that took place, and "
            "the demo does not go between them; name another folder, such as --home demo"
        )
    await store.whole.remove(CUSTOMERS)
    for start in range(0, len(told), AT_ONCE):
        some = told[start : start + AT_ONCE]
        await store.whole.add([whole(one, now) for one in some])
        done(len(some))


def whole(one: Told, now: datetime) -> Whole:
    first, last = one.messages[0], one.messages[-1]
    state, agent = _state(one, now)
    return Whole(
        Conversation(
            id=one.id,
            channel=one.channel,
            customer=one.customer,
            title=title_from(first.text),
            state=state,
            created_at=first.created_at,
            updated_at=last.created_at,
            agent=agent,
        ),
        one.messages,
        one.feedback,
        one.rating,
    )


def _state(one: Told, now: datetime) -> tuple[ConversationState, str]:
    if now - one.messages[-1].created_at > _OPEN:
        return ConversationState.CLOSED, ""
    if one.truth.outcome is not Outcome.ESCALATED:
        return ConversationState.OPEN, ""
    return ConversationState.HANDED_OFF, one.agent
