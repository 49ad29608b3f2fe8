from __future__ import annotations

import pytest

from bot.conversation import Conversation
from bot.errors import UnknownConversation, UsageError
from bot.store import Store


async def test_the_last_one_counts(store: Store, conversation: Conversation) -> None:
    assert await store.ratings.of(conversation.id) is None
    await store.ratings.give(conversation.id, 1, "Took far too long.")
    await store.ratings.give(conversation.id, 5)
    rating = await store.ratings.of(conversation.id)
    assert rating is not None
    assert (rating.score, rating.remark) == (5, "")
    assert rating.given_at >= conversation.created_at


async def test_a_score_that_is_none_is_refused(store: Store, conversation: Conversation) -> None:
    await store.ratings.give(conversation.id, 3)
    for score in (0, 6, -1, 100):
        with pytest.raises(UsageError, match=f"1 to 5, not {score}"):
            await store.ratings.give(conversation.id, score)
    rating = await store.ratings.of(conversation.id)
    assert rating is not None
    assert rating.score == 3


async def test_of_a_long_remark_the_beginning_is_kept(
    store: Store, conversation: Conversation
) -> None:
    await store.ratings.give(conversation.id, 2, "x" * 3_000)
    rating = await store.ratings.of(conversation.id)
    assert rating is not None
    assert rating.remark == "x" * 2_000


async def test_conversations_alone_have_one(store: Store, conversation: Conversation) -> None:
    with pytest.raises(UnknownConversation):
        await store.ratings.give("nowhere", 3)
    await store.ratings.give(conversation.id, 3)
    await store.log.delete(conversation.id)
    assert await store.ratings.of(conversation.id) is None
