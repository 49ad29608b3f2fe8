"""One turn as the reader sees it. It goes on while they look at another conversation."""

from __future__ import annotations

from bot.conversation import (
    Answered,
    Conversation,
    Failed,
    HandedOff,
    LookedUp,
    Message,
    MessageState,
    Noted,
    Passage,
    Shortened,
    Stopped,
    Token,
    TurnEvent,
    Waiting,
)
from bot.text import counted
from tui.desk import WITH_PERSON
from tui.widgets.assistant_message import AssistantMessage
from tui.widgets.customer_message import CustomerMessage
from tui.widgets.transcript import Transcript

WAKING = "waking up…"


class Turn:
    def __init__(self, question: str, conversation: Conversation | None) -> None:
        self.question = question
        self.conversation = conversation
        """None until a new conversation has its place in the log."""
        self.noted: Message | None = None
        self.recorded: Message | None = None
        self.passages: tuple[Passage, ...] = ()
        self.handed_off = False
        self._stage = WAKING
        self._text = ""
        self._shortened: Shortened | None = None
        self._transcript: Transcript | None = None
        self._asked = CustomerMessage(question)
        self._reply = AssistantMessage()

    async def attach(self, transcript: Transcript) -> None:
        """Show what there is of it so far below the conversation."""
        if self.noted is None:
            self._asked = CustomerMessage(self.question)
            await transcript.add(self._asked)
        self._reply = AssistantMessage()
        self._reply.shorten(self._shortened)
        await transcript.add(self._reply)
        self._transcript = transcript
        self._reply.say(self._stage)
        if self._text:
            await self._reply.write(self._text)

    async def detach(self) -> None:
        if self._transcript is not None:
            self._transcript = None
            await self._reply.end_stream()

    @property
    def is_shown(self) -> bool:
        return self._transcript is not None and self._transcript.is_attached

    def say(self, stage: str) -> None:
        self._stage = stage
        if self.is_shown:
            self._reply.say(stage)

    async def take(self, event: TurnEvent) -> None:
        match event:
            case Noted(message):
                self._note(message)
            case LookedUp(passages):
                self.passages = passages
                self.say(f"reading {counted(len(passages), 'passage')}…")
            case Waiting(place):
                self.say(f"number {place} in line…")
            case Shortened():
                self._shortened = event
                self._reply.shorten(event)
            case Token(text):
                await self._write(text)
            case Answered(message):
                await self._record(message)
            case HandedOff(message=message):
                self.handed_off = True
                await self._hand_off(message)
            case Stopped(message):
                await self.stop(message)
            case Failed(error):
                await self.fail(error)

    async def stop(self, message: Message | None = None) -> None:
        """What was written stays, marked; `message` is what the log has of it."""
        if message is not None:
            await self._record(message)
        elif self.is_shown and self.recorded is None:
            await self._reply.stop()

    async def fail(self, error: str) -> None:
        if self.is_shown:
            await self._reply.fail(error)

    def _note(self, message: Message) -> None:
        self.noted = message
        self._stage = "looking it up…"
        if self._transcript is not None and self.is_shown:
            self._asked.note(message)
            self._transcript.record(message)
            self._reply.say(self._stage)

    async def _write(self, text: str) -> None:
        self._text += text
        if self.is_shown:
            await self._reply.write(text)

    async def _record(self, message: Message) -> None:
        self.recorded = message
        if self._transcript is not None and self.is_shown:
            await self._reply.finish(message)
            self._transcript.record(message)

    async def _hand_off(self, message: Message | None) -> None:
        if message is not None:
            await self._record(message)
        elif self.is_shown:
            await self._reply.end_stream()
            self._reply.say(WITH_PERSON)


def is_part_of(message: Message, turn: Turn) -> bool:
    """Whether this is the part of the reply that was stored when it was stopped."""
    return (
        message.state is MessageState.STOPPED
        and turn.noted is not None
        and message.id > turn.noted.id
    )
