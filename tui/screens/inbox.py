from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar, Protocol

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static

from bot.conversation import Conversation, ConversationState, Message, Reply, ReplyStatus
from bot.errors import KefuError
from bot.store.agenda import AgendaItem, Need
from bot.text import counted
from tui.desk import ConversationLog
from tui.keys import INBOX_KEYS
from tui.mood import MUTED, course
from tui.screens.search import Search
from tui.text import one_line
from tui.widgets.agenda_list import AgendaList
from tui.widgets.prompt import Prompt
from tui.widgets.title_bar import TitleBar
from tui.widgets.transcript import Transcript
from tui.window import Window

LISTED = 200
"""Conversations in the list; others are found by search."""
SECONDS = 1.0
"""How soon what others did is seen."""
_RECENT = 30
"""Messages of the conversation on the screen that are looked at for changes."""
_STATES = {
    ConversationState.OPEN: "the bot answers",
    ConversationState.HANDED_OFF: "waits for a person",
    ConversationState.CLOSED: "closed",
}


class InboxDesk(Protocol):
    """What the inbox needs of kefu."""

    @property
    def agent(self) -> str: ...
    @property
    def business(self) -> str: ...
    @property
    def log(self) -> ConversationLog: ...

    async def agenda(self, limit: int) -> Sequence[AgendaItem]: ...
    async def counts(self) -> Mapping[Need, int]: ...
    async def take_over(self, conversation_id: str) -> None:
        """Raise HeldByAnother."""
        ...

    async def set_state(self, conversation_id: str, state: ConversationState) -> None:
        """Raise HeldByAnother."""
        ...

    async def answer(self, conversation_id: str, reply: Reply) -> Message:
        """Raise HeldByAnother."""
        ...


class InboxScreen(Screen[None]):
    """The conversations by need, and one of them."""

    BINDINGS: ClassVar[list[BindingType]] = [*INBOX_KEYS]

    def __init__(
        self, desk: InboxDesk, clock: Callable[[], datetime], keys: Mapping[str, str]
    ) -> None:
        super().__init__()
        self._desk, self._clock, self._keys = desk, clock, keys
        self.conversation: Conversation | None = None
        self._seen: list[Message] = []

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="body"):
            yield AgendaList(self._clock, id="agenda")
            with Vertical(id="talk"):
                yield Static(id="about", markup=False)
                yield Transcript(id="transcript")
                yield Prompt(self._keys, id="prompt", placeholder="Answer the customer…")
        yield Footer(compact=True, show_command_palette=False)

    async def on_mount(self) -> None:
        bar = self.query_one(TitleBar)
        bar.show_business(self._desk.business)
        bar.show_engine(self._desk.agent)
        self.query_one(AgendaList).focus()
        await self._refresh()
        self.set_interval(SECONDS, self._look)

    @property
    def prompt(self) -> Prompt:
        return self.query_one(Prompt)

    @work(group="looking", exclusive=True)
    async def _look(self) -> None:
        await self._refresh()

    async def _refresh(self) -> None:
        """Show what changed since, whoever changed it."""
        with self._told():
            items = await self._desk.agenda(LISTED)
            counts = await self._desk.counts()
            current = self.conversation.id if self.conversation else None
            self.query_one(AgendaList).show(items, current)
            self.query_one(TitleBar).show_subject(_summed_up(counts))
            if current is not None:
                await self._follow(current)

    async def _follow(self, conversation_id: str) -> None:
        conversation = await self._desk.log.conversation(conversation_id)
        messages = list(await self._desk.log.messages(conversation_id, limit=_RECENT))
        if self.conversation is None or self.conversation.id != conversation_id:
            return  # another was opened meanwhile
        self.conversation = conversation
        self._show_about(messages)
        transcript = self.query_one(Transcript)
        is_at_end = transcript.scroll_y >= transcript.max_scroll_y - 1
        if messages != self._seen and is_at_end:
            self._seen = messages
            await self._show_messages(conversation_id)

    async def show(self, conversation_id: str, at: str | None = None) -> None:
        with self._told():
            self.conversation = await self._desk.log.conversation(conversation_id)
            self._seen = list(await self._desk.log.messages(conversation_id, limit=_RECENT))
            self.query_one(Transcript).customer = (
                one_line(self.conversation.customer, 40) or "Customer"
            )
            self._show_about(self._seen)
            await self._show_messages(conversation_id, at)
            self.prompt.focus()
            await self._refresh()

    async def _show_messages(self, conversation_id: str, at: str | None = None) -> None:
        async def source(limit: int, before: str | None) -> Sequence[Message]:
            return await self._desk.log.messages(conversation_id, limit=limit, before=before)

        window = Window(source)
        await (window.open_at(at) if at else window.open())
        await self.query_one(Transcript).show(window, at)

    def _show_about(self, messages: Sequence[Message]) -> None:
        talk = self.conversation
        assert talk is not None
        state = f"{one_line(talk.agent, 40)} has it" if talk.agent else _STATES[talk.state]
        scores = [m.sentiment.score for m in messages if m.sentiment]
        customer = one_line(talk.customer, 40) or "a customer"
        parts = [f"{customer} in {one_line(talk.channel, 20)}", state, course(scores)]
        self.query_one("#about", Static).update(
            Content.styled(" · ".join(part for part in parts if part), MUTED)
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the store refuses is told to the agent; the inbox goes on."""
        try:
            yield
        except KefuError as error:
            self.notify(one_line(str(error), 500), severity="error", markup=False, timeout=8)

    @on(OptionList.OptionSelected, "#agenda")
    async def _picked(self, event: OptionList.OptionSelected) -> None:
        assert event.option_id is not None
        await self.show(event.option_id)

    @on(Prompt.Refused)
    def _refused(self, event: Prompt.Refused) -> None:
        self.notify(event.reason, severity="warning", markup=False)

    @on(Prompt.Sent)
    async def _sent(self, event: Prompt.Sent) -> None:
        prompt = self.prompt
        prompt.is_waiting = False
        talk = self.conversation
        if talk is None or talk.agent != self._desk.agent:
            prompt.write(event.text)
            reason = "Open a conversation first." if talk is None else "Take it over first (F5)."
            self.notify(reason, severity="warning", markup=False)
            return
        language = next((m.language for m in reversed(self._seen) if m.language), "en")
        try:
            await self._desk.answer(talk.id, Reply(event.text, ReplyStatus.ANSWERED, language))
        except KefuError as error:  # what was written is not lost
            prompt.write(event.text)
            self.notify(one_line(str(error), 500), severity="error", markup=False, timeout=8)
        await self._refresh()

    async def action_take(self) -> None:
        if talk := self._chosen():
            with self._told():
                await self._desk.take_over(talk.id)
            await self.show(talk.id)

    async def action_hand_back(self) -> None:
        await self._set(ConversationState.OPEN)

    async def action_close_it(self) -> None:
        await self._set(ConversationState.CLOSED)

    async def _set(self, state: ConversationState) -> None:
        if talk := self._chosen():
            with self._told():
                await self._desk.set_state(talk.id, state)
            await self._refresh()

    async def action_step(self, step: int) -> None:
        current = self.conversation.id if self.conversation else None
        if found := self.query_one(AgendaList).beside(current, step):
            await self.show(found)

    @work(group="dialog", exclusive=True)
    async def action_search(self) -> None:
        if hit := await self.app.push_screen_wait(Search(self._desk.log)):
            await self.show(hit.conversation.id, hit.message.id)

    def _chosen(self) -> Conversation | None:
        """The highlighted one while the list has the focus, else the one on the screen."""
        listed = self.query_one(AgendaList)
        if listed.has_focus and listed.highlighted is not None:
            return listed.items[listed.highlighted].conversation
        if self.conversation is None:
            self.notify("Open a conversation first.", markup=False)
        return self.conversation

    def to_list(self) -> None:
        self.query_one(AgendaList).focus()

    async def action_bottom(self) -> None:
        await self.query_one(Transcript).to_newest()

    def action_page(self, step: int) -> None:
        transcript = self.query_one(Transcript)
        transcript.action_page_up() if step < 0 else transcript.action_page_down()


def _summed_up(counts: Mapping[Need, int]) -> str:
    waiting = counts.get(Need.WAITS, 0)
    parts = [
        f"{counted(waiting, 'conversation')} waiting for a person" if waiting else "nobody waits",
        f"{counts.get(Need.HELD, 0):,} held",
        f"{counts.get(Need.UNHAPPY, 0):,} unhappy",
        f"{counts.get(Need.OPEN, 0):,} open",
    ]
    return " · ".join(parts)
