"""A desk that works in memory and says what it was told to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.conversation import (
    Answered,
    Citation,
    Conversation,
    ConversationState,
    Failed,
    HandedOff,
    LookedUp,
    Message,
    MessageState,
    Noted,
    Passage,
    Reply,
    ReplyStatus,
    Role,
    Sentiment,
    SentimentLabel,
    Shortened,
    Stopped,
    Timing,
    Token,
    TurnEvent,
    Waiting,
)
from bot.errors import UnknownConversation

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CALM = Sentiment(SentimentLabel.NEUTRAL, 0.04, 0.91)
CROSS = Sentiment(SentimentLabel.NEGATIVE, -0.82, 0.9)
GLAD = Sentiment(SentimentLabel.POSITIVE, 0.77, 0.88)

SHOES = Passage(
    "p1",
    "returns.md",
    "Returns",
    "How long you have > Shoes",
    "Try shoes on indoors, on carpet.\n\nYou can return shoes within 30 days of delivery. "
    "They must be unworn, in the box they came in.\n\nWe pay for the label.",
    "en",
)
REFUND = Passage(
    "p2",
    "refunds.md",
    "Refunds",
    "",
    "The money is back with you five days after the parcel reaches us. "
    "It goes the way it came: to the card, the account or the gift card.",
    "en",
)
TIMING = Timing(410.0, 1840.0, 1203, 968, 52, 61.0)


def cite(passage: Passage, quote: str, *, cited: bool = True) -> Citation:
    return Citation(passage.source, passage.title, passage.heading, quote, cited)


RETURNS = Reply(
    text="You can return shoes within **30 days** of delivery [1]. They must be unworn, in the "
    "box they came in.\n\nThe money is back with you five days after the parcel reaches us [2].",
    status=ReplyStatus.ANSWERED,
    language="en",
    citations=(
        cite(
            SHOES,
            "You can return shoes within 30 days of delivery. "
            "They must be unworn, in the box they came in.",
        ),
        cite(REFUND, "The money is back with you five days after the parcel reaches us."),
        Citation("warranty.md", "Warranty", "", "", cited=False),
    ),
    model="kefu-small",
    timing=TIMING,
)


@dataclass(frozen=True)
class Overview:
    conversation: Conversation
    messages: int
    last_text: str
    sentiment: Sentiment | None


@dataclass(frozen=True)
class Hit:
    conversation: Conversation
    message: Message
    snippet: str


@dataclass
class Script:
    """One turn. The reply is streamed by words; each waits for `gate`, where there is one."""

    reply: Reply = RETURNS
    checked: Reply | None = None
    """What takes the place of the reply that was streamed."""
    sentiment: Sentiment = CALM
    passages: tuple[Passage, ...] = (SHOES, REFUND)
    gate: asyncio.Semaphore | None = None
    error: str | None = None
    raises: Exception | None = None
    before_noted: Exception | None = None
    rule: str | None = None
    silent: bool = False
    places: tuple[int, ...] = ()
    """In the queue, told before the reply begins; each waits for `gate`, too."""
    shortened: Shortened | None = None


@dataclass
class FakeLog:
    conversations: dict[str, Conversation] = field(default_factory=dict)
    said: dict[str, list[Message]] = field(default_factory=dict)
    reads: list[int] = field(default_factory=list)
    """How many messages each call of `messages` gave out."""
    _ids: int = 0

    def next_id(self) -> str:
        self._ids += 1
        return f"{self._ids:08}"

    def now(self) -> datetime:
        return START + timedelta(minutes=self._ids)

    async def start(self, *, channel: str, customer: str = "", title: str = "") -> Conversation:
        now = self.now()
        conversation = Conversation(
            self.next_id(), channel, customer, title, ConversationState.OPEN, now, now
        )
        self.conversations[conversation.id] = conversation
        self.said[conversation.id] = []
        return conversation

    async def conversation(self, conversation_id: str) -> Conversation:
        if conversation_id not in self.conversations:
            raise UnknownConversation(f"there is no conversation {conversation_id!r}")
        return self.conversations[conversation_id]

    async def overview(
        self, *, limit: int = 50, offset: int = 0, channel: str | None = None
    ) -> Sequence[Overview]:
        newest = sorted(self.conversations.values(), key=lambda c: c.updated_at, reverse=True)
        return [self._overview(conversation) for conversation in newest[offset : offset + limit]]

    def _overview(self, conversation: Conversation) -> Overview:
        said = self.said[conversation.id]
        moods = [message.sentiment for message in said if message.sentiment]
        last = said[-1].text if said else ""
        return Overview(conversation, len(said), last, moods[-1] if moods else None)

    async def messages(
        self, conversation_id: str, *, limit: int | None = None, before: str | None = None
    ) -> Sequence[Message]:
        said = self.said[conversation_id]
        if before is not None:
            said = said[: [message.id for message in said].index(before)]
        said = said[-limit:] if limit else list(said)
        self.reads.append(len(said))
        return said

    async def rename(self, conversation_id: str, title: str) -> Conversation:
        return self._change(conversation_id, title=title)

    async def delete(self, conversation_id: str) -> None:
        del self.conversations[conversation_id]
        del self.said[conversation_id]

    async def set_state(self, conversation_id: str, state: ConversationState) -> Conversation:
        return self._change(conversation_id, state=state)

    async def search(self, text: str, *, limit: int = 20) -> Sequence[Hit]:
        hits = [
            Hit(self.conversations[name], message, message.text)
            for name, said in self.said.items()
            for message in said
            if text.lower() in message.text.lower()
        ]
        return hits[:limit]

    def note(self, conversation_id: str, text: str, sentiment: Sentiment | None) -> Message:
        message = Message(
            self.next_id(), conversation_id, Role.CUSTOMER, text, self.now(), sentiment=sentiment
        )
        self._append(message)
        if not self.conversations[conversation_id].title:
            self._change(conversation_id, title=text[:40])
        return message

    def record(self, conversation_id: str, reply: Reply) -> Message:
        message = Message(
            self.next_id(),
            conversation_id,
            Role.ASSISTANT,
            reply.text,
            self.now(),
            state=reply.state,
            status=reply.status,
            citations=reply.citations,
            timing=reply.timing,
            model=reply.model,
        )
        self._append(message)
        return message

    def _append(self, message: Message) -> None:
        self.said[message.conversation].append(message)
        self._change(message.conversation, updated_at=message.created_at)

    def _change(self, conversation_id: str, **changes: object) -> Conversation:
        changed = replace(self.conversations[conversation_id], **changes)  # type: ignore[arg-type]
        self.conversations[conversation_id] = changed
        return changed


@dataclass
class FakeAssistant:
    log: FakeLog
    scripts: list[Script] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def reply(self, conversation: Conversation, text: str) -> AsyncIterator[TurnEvent]:
        script = self.scripts.pop(0) if self.scripts else Script()
        self.asked.append(text)
        if script.before_noted:
            raise script.before_noted
        yield Noted(self.log.note(conversation.id, text, script.sentiment))
        if script.rule:
            yield await self._hand_off(conversation, script)
            return
        yield LookedUp(script.passages)
        if script.shortened:
            yield script.shortened
        for place in script.places:
            yield Waiting(place)
            if script.gate:
                await script.gate.acquire()
        written = ""
        try:
            for word in script.reply.text.split(" "):
                if script.gate:
                    await script.gate.acquire()
                piece = f" {word}" if written else word
                written += piece
                yield Token(piece)
        except asyncio.CancelledError:
            part = replace(script.reply, text=written, state=MessageState.STOPPED, citations=())
            yield Stopped(self.log.record(conversation.id, part) if written else None)
            return
        if script.raises:
            raise script.raises
        if script.error:
            yield Failed(script.error)
        else:
            yield Answered(self.log.record(conversation.id, script.checked or script.reply))

    async def _hand_off(self, conversation: Conversation, script: Script) -> HandedOff:
        await self.log.set_state(conversation.id, ConversationState.HANDED_OFF)
        assert script.rule is not None
        if script.silent:
            return HandedOff(script.rule, None)
        said = "I have called a person. They will read what you wrote and answer here."
        reply = Reply(text=said, status=ReplyStatus.HANDED_OFF, language="en", rule=script.rule)
        return HandedOff(script.rule, self.log.record(conversation.id, reply))


class FakeDesk:
    def __init__(self, *scripts: Script, warnings: tuple[str, ...] = ()) -> None:
        self.log = FakeLog()
        self.assistant = FakeAssistant(self.log, list(scripts))
        self.model_name = "kefu-small"
        self.warnings = warnings
        self.business = "Lantern & Loom"
        self.marks: list[tuple[str, bool, str]] = []
        self.ratings: list[tuple[str, int, str]] = []

    async def mark(self, message_id: str, *, helpful: bool, remark: str = "") -> None:
        self.marks.append((message_id, helpful, remark))

    async def rate(self, conversation_id: str, score: int, remark: str = "") -> None:
        self.ratings.append((conversation_id, score, remark))

    async def talked(self, *turns: tuple[str, Sentiment, Reply], title: str = "") -> Conversation:
        """A conversation that took place before."""
        conversation = await self.log.start(channel="terminal", title=title)
        for question, sentiment, reply in turns:
            self.log.note(conversation.id, question, sentiment)
            self.log.record(conversation.id, reply)
        return await self.log.conversation(conversation.id)
