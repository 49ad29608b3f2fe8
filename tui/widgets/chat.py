from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.message import Message as TextualMessage
from textual.worker import Worker, WorkerCancelled, WorkerFailed

from bot.conversation import Conversation, ConversationState, Message, Passage, Role
from bot.errors import KefuError
from tui.desk import CHANNEL, ChatDesk, closing
from tui.opening import Opening
from tui.turn import Turn, is_part_of
from tui.widgets.banner import Banner
from tui.widgets.prompt import Prompt
from tui.widgets.sources import Sources
from tui.widgets.transcript import Transcript
from tui.widgets.welcome import Welcome
from tui.window import MessageSource, Window

FOLLOW_SECONDS = 1.0
"""Between looks at what a person writes who has the conversation."""
NEWEST = 20
_logger = logging.getLogger("kefu")


class Chat(Container):
    """One conversation: what was said, what it rests on, and where the customer writes."""

    class Changed(TextualMessage):
        """The conversation on the screen is another one, or something of it has changed."""

    def __init__(self, opening: Opening[ChatDesk], keys: Mapping[str, str], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._opening = opening
        self.prompt = Prompt(keys, id="prompt")
        self.conversation: Conversation | None = None
        """None while it is a new one, which has its place in the log with its first message."""
        self.turn: Turn | None = None
        self._worker: Worker[None] | None = None
        self._passages: dict[str, Sequence[Passage]] = {}
        """By the id of the reply that they were read for, in this session."""
        self._drafts: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        yield Transcript(id="transcript")
        yield Sources(id="sources")
        with Vertical(id="foot"):
            yield Banner(markup=False)
            yield self.prompt

    async def on_mount(self) -> None:
        self.query_one(Banner).show_state(ConversationState.OPEN)
        await self.query_one(Transcript).welcome("")
        self.set_interval(FOLLOW_SECONDS, self._follow)

    def greet(self, desk: ChatDesk) -> None:
        for welcome in self.query(Welcome):
            welcome.show_business(desk.business)

    def is_showing(self, conversation_id: str) -> bool:
        return self.conversation is not None and self.conversation.id == conversation_id

    # --- which conversation

    async def show(self, conversation: Conversation, at: str | None = None) -> None:
        """Show it, beginning with the message `at`."""
        desk = await self._opening.desk()
        window = Window(_source(desk, conversation))
        await (window.open_at(at) if at else window.open())
        await self._leave()
        self.update(conversation)
        await self.query_one(Transcript).show(window, at)
        await self._enter()

    async def show_new(self) -> None:
        await self._leave()
        self.update(None)
        desk = await self._opening.desk() if self._opening.is_open else None
        await self.query_one(Transcript).welcome(desk.business if desk else "")
        await self._enter()

    def update(self, conversation: Conversation | None) -> None:
        self.conversation = conversation
        state = conversation.state if conversation else ConversationState.OPEN
        self.query_one(Banner).show_state(state)
        self.post_message(self.Changed())

    async def _follow(self) -> None:
        """What a person writes, while one has the conversation, and that it is handed back."""
        talk = self.conversation
        if talk is None or talk.state is not ConversationState.HANDED_OFF or self.turn:
            return
        desk = await self._opening.desk()
        with suppress(KefuError):  # there is another look
            newest = await desk.log.messages(talk.id, limit=NEWEST)
            now = await desk.log.conversation(talk.id)
            if self.turn is None and self.is_showing(talk.id):
                await self.query_one(Transcript).follow(newest)
                if now != talk:
                    self.update(now)

    async def _leave(self) -> None:
        if self.turn is not None:
            await self.turn.detach()
        self._drafts[self._draft_key] = self.prompt.text

    async def _enter(self) -> None:
        turn = self.turn
        if turn and turn.conversation and self.is_showing(turn.conversation.id):
            await turn.attach(self.query_one(Transcript))
        self.prompt.write(self._drafts.pop(self._draft_key, ""))
        self.prompt.focus()
        self._fill_history()

    @property
    def _draft_key(self) -> str:
        return self.conversation.id if self.conversation else ""

    # --- a turn

    @on(Prompt.Sent)
    async def _sent(self, event: Prompt.Sent) -> None:
        event.stop()
        await self._ask(event.text)

    @on(Welcome.Picked)
    async def _picked_example(self, event: Welcome.Picked) -> None:
        event.stop()
        if not self.prompt.is_waiting:
            await self._ask(event.question)
        self.prompt.focus()

    @on(Prompt.Refused)
    def _refused(self, event: Prompt.Refused) -> None:
        event.stop()
        self.notify(event.reason, severity="warning", markup=False, timeout=8)

    async def _ask(self, text: str) -> None:
        self.prompt.is_waiting = True
        self.turn = turn = Turn(text, self.conversation)
        await turn.attach(self.query_one(Transcript))
        self._worker = self._generate(turn)
        self.screen.refresh_bindings()

    @work(exclusive=True, group="turn", exit_on_error=False)
    async def _generate(self, turn: Turn) -> None:
        try:
            desk = await self._opening.desk()
            turn.say("looking it up…")
            conversation = turn.conversation or await self._begin(turn, desk)
            async with closing(desk.assistant.reply(conversation, turn.question)) as events:
                async for event in events:
                    await turn.take(event)
        except asyncio.CancelledError:
            await turn.stop(await self._stored_part(turn))
            raise
        except KefuError as error:
            await turn.fail(str(error))
        except Exception as error:  # a worker is a boundary: the reader is told, the text stays
            _logger.error("a turn failed", exc_info=error)
            await turn.fail(f"Something went wrong: {error!r}")
        finally:
            self.turn = None
            self.prompt.is_waiting = False
            await self._after(turn)

    async def _begin(self, turn: Turn, desk: ChatDesk) -> Conversation:
        turn.conversation = conversation = await desk.log.start(channel=CHANNEL)
        if turn.is_shown:
            self.update(conversation)
            self.query_one(Transcript).begin(Window(_source(desk, conversation)))
        return conversation

    async def _stored_part(self, turn: Turn) -> Message | None:
        """What the log has of a reply that was stopped; None where nothing was written."""
        if turn.conversation is None or turn.recorded is not None:
            return None
        desk = await self._opening.desk()
        newest = await desk.log.messages(turn.conversation.id, limit=1)
        return newest[-1] if newest and is_part_of(newest[-1], turn) else None

    async def _after(self, turn: Turn) -> None:
        if turn.recorded is not None:
            self._passages[turn.recorded.id] = turn.passages
        if not self.is_attached:
            return
        if turn.noted is None:
            await self._give_back(turn)
        if turn.conversation and self.is_showing(turn.conversation.id):
            desk = await self._opening.desk()
            with suppress(KefuError):  # what failed the turn may be the log
                self.update(await desk.log.conversation(turn.conversation.id))
            await self._show_sources()
            self._fill_history()
        else:
            self.post_message(self.Changed())
        self.screen.refresh_bindings()

    async def _give_back(self, turn: Turn) -> None:
        """A question that never reached the log goes back to where it can be sent again."""
        if await self._is_in_log(turn):
            return
        key = turn.conversation.id if turn.conversation else ""
        if key != self._draft_key:
            self._drafts[key] = self._drafts.get(key) or turn.question
        elif not self.prompt.text:
            self.prompt.write(turn.question)

    async def _is_in_log(self, turn: Turn) -> bool:
        """It may be, though nobody said so: it is stored before it is tagged."""
        if turn.conversation is None:
            return False
        desk = await self._opening.desk()
        with suppress(KefuError):
            newest = await desk.log.messages(turn.conversation.id, limit=1)
            return bool(newest) and newest[-1].text == turn.question
        return False

    def stop(self) -> bool:
        """Ask the reply that is being written to stop; False where there is none."""
        if self.turn is None or self._worker is None:
            return False
        self._worker.cancel()
        return True

    async def stopped(self) -> None:
        """Stop the reply and wait until what there is of it is stored."""
        if self.stop() and self._worker is not None:
            with suppress(WorkerCancelled, WorkerFailed):
                await self._worker.wait()

    # --- reading

    @on(Transcript.Selected)
    async def _selected(self, event: Transcript.Selected) -> None:
        event.stop()
        await self._show_sources()

    async def _show_sources(self) -> None:
        row = self.query_one(Transcript).selected
        message = row.message if row else None
        passages = self._passages.get(message.id, ()) if message else ()
        await self.query_one(Sources).show(message.citations if message else None, passages)

    def _fill_history(self) -> None:
        rows = self.query_one(Transcript).rows
        said = [row.text for row in rows if row.message and row.message.role is Role.CUSTOMER]
        self.prompt.remember(said)

    def marked(self) -> Message | None:
        """The answer that feedback is on: the selected one, else the last."""
        transcript = self.query_one(Transcript)
        row = transcript.selected or next(iter(reversed(transcript.answers)), None)
        return row.message if row else None

    def copy_answer(self) -> None:
        row = self.query_one(Transcript).selected
        if row is None or not row.text:
            self.notify("There is no answer to copy.", markup=False)
            return
        self.app.copy_to_clipboard(row.text)
        self.notify("The answer was copied.", markup=False)


def _source(desk: ChatDesk, conversation: Conversation) -> MessageSource:
    async def source(limit: int, before: str | None) -> Sequence[Message]:
        return await desk.log.messages(conversation.id, limit=limit, before=before)

    return source
