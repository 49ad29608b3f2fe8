"""What an agent sees and does. No model is loaded for it, but for the aide's when it is opened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.conversation import ConversationState, Message, Reply, ReplyStatus, Role
from bot.digest.brief import LOOKED_AT, Brief, brief
from bot.digest.digest import digest
from bot.memory import SUMMARY, Memory
from bot.skills.topics import Topics
from bot.store import ConversationLog, Store
from bot.store.agenda import AgendaItem, Need
from bot.store.feedback import Feedback
from bot.store.notes import Note

if TYPE_CHECKING:
    from bot.aide import Aide

_SECONDS_BETWEEN = 0.05
"""Two looks at whether a post that is under way has landed."""


@dataclass(frozen=True, slots=True)
class AgentDesk:
    store: Store
    agent: str
    business: str
    topics: Topics = field(default_factory=Topics)
    open_aide: Callable[[], AbstractAsyncContextManager[Aide]] | None = None
    """None where no bot suggests or translates."""

    @property
    def log(self) -> ConversationLog:
        return self.store.log

    async def agenda(self, limit: int) -> list[AgendaItem]:
        return await self.store.agenda.items(limit=limit)

    async def counts(self) -> dict[Need, int]:
        return await self.store.agenda.counts()

    async def waiting(self) -> set[str]:
        return await self.store.agenda.waiting()

    async def called_because(self, conversation_id: str) -> str:
        """The rule by which a person was called last; empty where none was."""
        messages = await self.store.log.messages(conversation_id, limit=LOOKED_AT)
        called = [m for m in messages if m.status is ReplyStatus.HANDED_OFF]
        return (called[-1].rule or "") if called else ""

    async def brief(self, conversation_id: str) -> Brief:
        return brief(await self.store.log.messages(conversation_id, limit=LOOKED_AT))

    async def summary(self, conversation_id: str) -> str:
        """In a person's words, where one has written it."""
        edits = await self.store.digests.edits(conversation_id)
        if written := edits.get(SUMMARY):
            return written
        messages = await self.store.log.messages(conversation_id, limit=LOOKED_AT)
        return (await asyncio.to_thread(digest, messages)).summary.text

    async def correct(self, conversation_id: str, text: str) -> None:
        """From now on this is the summary: for agents, in reports, and for the model."""
        await self.store.digests.edit(conversation_id, SUMMARY, text, self.agent)

    async def remembered(self, conversation_id: str) -> str:
        """What the model is shown of a long conversation in place of its beginning; empty where
        it is shown all of it, and nobody corrected the summary."""
        memory = Memory(self.store.memories, self.store.digests)
        found = await memory.recall(conversation_id)
        return found.text() if found else ""

    async def translations(self, conversation_id: str, language: str) -> dict[str, str]:
        """What was read or written in this language, by the ids of messages."""
        return await self.store.translations.of(conversation_id, language)

    async def keep_translation(self, message: Message, language: str, text: str) -> None:
        await self.store.translations.keep(message.id, language, text, message.text)

    async def feedback(self, conversation_id: str) -> list[Feedback]:
        return await self.store.feedback.in_conversation(conversation_id)

    async def notes(self, conversation_id: str) -> list[Note]:
        return await self.store.notes.of(conversation_id)

    async def write_note(self, conversation_id: str, text: str) -> None:
        """For the other agents alone."""
        await self.store.notes.add(conversation_id, self.agent, text)

    def canned(self, language: str) -> list[tuple[str, str]]:
        """The replies that the business has decided on: the topic's name and the text."""
        told = [(topic.name, topic.told(language)) for topic in self.topics.all]
        return [(name, text) for name, text in told if text]

    async def take_over(self, conversation_id: str) -> None:
        """When this returns, the bot says nothing more there. Raise HeldByAnother."""
        under_way = await self.store.outbox.take_over(conversation_id, self.agent)
        while under_way:
            await asyncio.sleep(_SECONDS_BETWEEN)
            under_way = await self.store.outbox.take_over(conversation_id, self.agent)

    async def set_state(self, conversation_id: str, state: ConversationState) -> None:
        """Raise HeldByAnother."""
        await self.store.log.set_state(conversation_id, state, agent=self.agent)

    async def answer(self, conversation_id: str, reply: Reply) -> Message:
        """Into the log and on its way to the platform. Raise HeldByAnother."""
        return await self.store.outbox.post(
            conversation_id, reply, role=Role.AGENT, agent=self.agent
        )
