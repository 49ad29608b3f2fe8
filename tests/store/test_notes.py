from __future__ import annotations

import pytest

from bot.conversation import Conversation
from bot.errors import UnknownConversation
from bot.store import Store


async def test_oldest_first_and_never_in_the_log(store: Store, conversation: Conversation) -> None:
    await store.notes.add(conversation.id, "ben", "called the warehouse")
    await store.notes.add(conversation.id, "cleo", "parcel found")
    found = await store.notes.of(conversation.id)
    assert [(note.agent, note.text) for note in found] == [
        ("ben", "called the warehouse"),
        ("cleo", "parcel found"),
    ]
    assert await store.log.messages(conversation.id) == []
    assert await store.log.search("warehouse") == []


async def test_they_go_with_the_conversation(store: Store, conversation: Conversation) -> None:
    await store.notes.add(conversation.id, "ben", "x")
    await store.log.delete(conversation.id)
    assert await store.notes.of(conversation.id) == []
    with pytest.raises(UnknownConversation):
        await store.notes.add(conversation.id, "ben", "x")
