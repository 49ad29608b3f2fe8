from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Footer, OptionList

from bot.conversation import Conversation, ConversationState
from bot.errors import KefuError
from tui.desk import ChatDesk
from tui.keys import CHAT_KEYS
from tui.opening import Opening
from tui.screens.confirm import Confirm
from tui.screens.note import NoteDialog
from tui.screens.rate import RateDialog
from tui.screens.rename import Rename
from tui.screens.search import Search
from tui.text import one_line
from tui.turn import WAKING
from tui.widgets.chat import Chat
from tui.widgets.conversation_list import UNTITLED, ConversationList
from tui.widgets.prompt import Prompt
from tui.widgets.title_bar import TitleBar
from tui.widgets.transcript import Transcript

LISTED = 200
"""Conversations in the list; older ones are found by search."""


class ChatScreen(Screen[None]):
    """The list of conversations, and one of them."""

    BINDINGS: ClassVar[list[BindingType]] = [*CHAT_KEYS]

    def __init__(
        self, opening: Opening[ChatDesk], clock: Callable[[], datetime], keys: Mapping[str, str]
    ) -> None:
        super().__init__()
        self._opening = opening
        self._clock, self._keys = clock, keys
        self.chat = Chat(opening, keys, id="chat")

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="body"):
            yield ConversationList(self._clock, id="conversations")
            yield self.chat
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(TitleBar).show_engine(WAKING)
        self.prompt.focus()

    @property
    def prompt(self) -> Prompt:
        return self.chat.prompt

    @property
    def conversation(self) -> Conversation | None:
        return self.chat.conversation

    async def greet(self, desk: ChatDesk) -> None:
        """The desk is open now."""
        title = self.query_one(TitleBar)
        title.show_business(desk.business)
        title.show_engine(desk.model_name)
        self.chat.greet(desk)
        for warning in desk.warnings:
            self.notify(one_line(warning, 500), severity="warning", markup=False, timeout=15)
        await self._show_list()

    # --- conversations

    async def show(self, conversation_id: str, at: str | None = None) -> None:
        """Show it, beginning with the message `at`."""
        desk = await self._opening.desk()
        with self._told():
            conversation = await desk.log.conversation(conversation_id)
            await self.chat.show(conversation, at)
            self.remove_class("-with-list")

    async def recent(self, limit: int) -> list[Conversation]:
        if not self._opening.is_open:
            return []
        desk = await self._opening.desk()
        return [overview.conversation for overview in await desk.log.overview(limit=limit)]

    @on(Chat.Changed)
    async def _show_list(self) -> None:
        title = self.conversation.title if self.conversation else ""
        self.query_one(TitleBar).show_subject(title)
        if self._opening.is_open:
            desk = await self._opening.desk()
            with self._told():
                overviews = await desk.log.overview(limit=LISTED)
                self.query_one(ConversationList).show(overviews, self._current_id)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the log refuses is told to the reader; the terminal goes on."""
        try:
            yield
        except KefuError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)

    @property
    def _current_id(self) -> str | None:
        return self.conversation.id if self.conversation else None

    @on(OptionList.OptionSelected, "#conversations")
    async def _picked(self, event: OptionList.OptionSelected) -> None:
        assert event.option_id is not None
        await self.show(event.option_id)

    async def action_step(self, step: int) -> None:
        listed = self.query_one(ConversationList)
        if conversation := listed.beside(self._current_id, step):
            await self.show(conversation.id)

    async def action_new(self) -> None:
        self.remove_class("-with-list")
        await self.chat.show_new()

    @work(group="dialog", exclusive=True)
    async def action_rename(self) -> None:
        if (conversation := self._chosen()) is None:
            return
        title = await self.app.push_screen_wait(Rename(conversation.title))
        if title:
            desk = await self._opening.desk()
            with self._told():
                renamed = await desk.log.rename(conversation.id, title)
                if self.chat.is_showing(conversation.id):
                    self.chat.update(renamed)
            await self._show_list()

    @work(group="dialog", exclusive=True)
    async def action_delete(self) -> None:
        if (conversation := self._chosen()) is None:
            return
        title = one_line(conversation.title, 60) or UNTITLED
        question = f"Delete “{title}” with all its messages? This cannot be undone."
        if not await self.app.push_screen_wait(Confirm(question, "Delete")):
            return
        turn = self.chat.turn
        if turn and turn.conversation and turn.conversation.id == conversation.id:
            await self.chat.stopped()
        desk = await self._opening.desk()
        with self._told():
            await desk.log.delete(conversation.id)
            if self.chat.is_showing(conversation.id):
                await self.chat.show_new()
        await self._show_list()

    @work(group="dialog", exclusive=True)
    async def action_search(self) -> None:
        desk = await self._opening.desk()
        if hit := await self.app.push_screen_wait(Search(desk.log)):
            await self.show(hit.conversation.id, hit.message.id)

    async def action_reopen(self) -> None:
        """Give the conversation back to the assistant."""
        if self.conversation is not None:
            desk = await self._opening.desk()
            with self._told():
                opened = await desk.log.set_state(self.conversation.id, ConversationState.OPEN)
                self.chat.update(opened)

    @work(group="dialog", exclusive=True)
    async def action_mark(self, helpful: bool) -> None:  # noqa: FBT001, a key's argument
        answer = self.chat.marked()
        if answer is None:
            self.notify("There is no answer to mark.", markup=False)
            return
        remark = None if helpful else await self._remark("What was missing? Enter sends it.")
        desk = await self._opening.desk()
        with self._told():
            await desk.mark(answer.id, helpful=helpful, remark=remark or "")
            self.notify(f"Marked as {'helpful' if helpful else 'not helpful'}.", markup=False)

    @work(group="dialog", exclusive=True)
    async def action_rate(self) -> None:
        if (conversation := self._chosen()) is None:
            return
        score = await self.app.push_screen_wait(RateDialog())
        if score is None:
            return
        remark = await self._remark("Is there anything to add? Enter sends it.")
        desk = await self._opening.desk()
        with self._told():
            await desk.rate(conversation.id, score, remark or "")
            self.notify(f"Thank you: {score} of 5.", markup=False)

    async def _remark(self, says: str) -> str | None:
        return await self.app.push_screen_wait(
            NoteDialog(self._keys, says=says, empty="Esc leaves it without a remark.")
        )

    def _chosen(self) -> Conversation | None:
        """The highlighted one while the list has the focus, else the one on the screen."""
        listed = self.query_one(ConversationList)
        if listed.has_focus and listed.highlighted is not None:
            return listed.conversations[listed.highlighted]
        if self.conversation is None:
            self.notify("This conversation has no message yet.", markup=False)
        return self.conversation

    def commands(self) -> Iterator[SystemCommand]:
        """Those that make sense now, for the palette."""
        yield SystemCommand("New conversation", "Begin an empty one", self.action_new)
        yield SystemCommand("Search", "Full text over all conversations", self.action_search)
        yield SystemCommand("Conversations", "Show or hide the list", self.action_toggle_list)
        yield SystemCommand("Sources", "Show or hide the sources", self.action_toggle_sources)
        if self.conversation is None:
            return
        yield SystemCommand("Rename", "Give the conversation a title", self.action_rename)
        yield SystemCommand("Delete", "Delete the conversation", self.action_delete)
        yield SystemCommand("Rate", "How the conversation was, 1 to 5", self.action_rate)
        yield SystemCommand("Copy answer", "Copy the selected answer", self.action_copy_answer)
        if self.conversation.state is not ConversationState.OPEN:
            yield SystemCommand("Reopen", "Let the assistant answer again", self.action_reopen)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return self.chat.turn is not None
        return super().check_action(action, parameters)

    def action_stop(self) -> None:
        self.chat.stop()

    def to_prompt(self) -> None:
        if self.prompt.has_focus:
            self.remove_class("-with-list", "-with-sources")
        self.prompt.focus()

    async def action_bottom(self) -> None:
        await self.query_one(Transcript).to_newest()

    def action_page(self, step: int) -> None:
        transcript = self.query_one(Transcript)
        transcript.action_page_up() if step < 0 else transcript.action_page_down()

    def action_copy_answer(self) -> None:
        self.chat.copy_answer()

    def action_toggle_list(self) -> None:
        self.toggle_class("-with-list" if self.has_class("-narrow") else "-no-list")
        listed = self.query_one(ConversationList)
        (listed if listed.display else self.prompt).focus()

    def action_toggle_sources(self) -> None:
        self.toggle_class("-with-sources" if self.has_class("-narrow") else "-no-sources")
