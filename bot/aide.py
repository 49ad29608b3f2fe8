"""The bot at an agent's side: it suggests and translates, and says nothing to customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.assistant import HISTORY, Assistant
from bot.conversation import Citation, Message, Reply, ReplyStatus, Role
from bot.skills import handoff
from bot.skills.small_talk import small_talk
from bot.skills.translation import Translator
from bot.skills.wishes import wishes_for_a_person
from bot.store import ConversationLog


@dataclass(frozen=True, slots=True)
class Aide:
    log: ConversationLog
    assistant: Assistant
    translator: Translator

    async def suggest(self, conversation_id: str) -> Reply | None:
        """An answer to what the customer asked last; None where the help pages have none."""
        asked = open_question(await self.log.messages(conversation_id, limit=HISTORY))
        if asked is None:
            return None
        reply = await self.assistant.suggest(asked)
        return None if reply.status is ReplyStatus.UNKNOWN or not reply.text.strip() else reply

    async def cited(
        self, text: str, citations: Sequence[Citation], language: str
    ) -> tuple[Citation, ...]:
        """Those that a text still rests on, whatever an agent made of it."""
        return await self.assistant.cited(text, citations, language)

    async def translate(self, text: str, language: str) -> str:
        """Raise CannotTranslate where the model does not read."""
        return await self.translator.translate(text, language)


def open_question(messages: Sequence[Message]) -> Message | None:
    """What the customer wrote last that is neither manners nor the wish for a person, unless it
    was answered since; else the last word of theirs."""
    last, since = [], []
    for message in messages:
        if message.role is Role.CUSTOMER and message.text.strip():
            last = [message]
            since += [message] if _asks(message.text) else []
        elif _answers(message):
            since = []
        elif message.rule in (handoff.ASKED, handoff.ACCEPTED):
            since = [asked for asked in since if asked not in last]
    return next(reversed(last + since), None)


def _asks(text: str) -> bool:
    return not small_talk(text) and not wishes_for_a_person(text)


def _answers(message: Message) -> bool:
    if message.role is Role.AGENT:
        return True
    is_answer = message.role is Role.ASSISTANT and message.status is ReplyStatus.ANSWERED
    return is_answer and message.rule != "small talk"
