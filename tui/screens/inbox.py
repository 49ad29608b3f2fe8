from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Footer, OptionList
from textual.worker import Worker, WorkerCancelled, WorkerFailed

from bot.conversation import Conversation, ConversationState
from bot.errors import KefuError
from bot.settings import InboxSettings
from bot.store.agenda import Need
from bot.text import counted
from tui.inbox_desk import InboxDesk
from tui.keys import INBOX_KEYS
from tui.screens.canned import CannedReplies
from tui.screens.note import NoteDialog
from tui.screens.report import MakeReport, ReportScreen
from tui.screens.search import Search
from tui.text import one_line
from tui.widgets.agenda_list import AgendaList
from tui.widgets.case import Case
from tui.widgets.prompt import Prompt
from tui.widgets.talk import Talk
from tui.widgets.title_bar import TitleBar

LISTED = 200
"""Conversations in the list; others are found by search."""
SECONDS = 1.0
"""How soon what others did is seen."""
TOLD = 3
"""Of conversations that newly wait at once, each is told up to so many; more are summed up."""

INVITATION = "Enter opens a conversation, F5 takes it over."
EMPTY = "No conversation is open: they appear here as customers write."


class InboxScreen(Screen[None]):
    """The conversations by need, and one of them."""

    BINDINGS: ClassVar[list[BindingType]] = [*INBOX_KEYS]

    def __init__(
        self,
        desk: InboxDesk,
        settings: InboxSettings,
        clock: Callable[[], datetime],
        keys: Mapping[str, str],
        report: MakeReport | None = None,
    ) -> None:
        super().__init__()
        self._report = report
        self._desk, self._settings, self._clock, self._keys = desk, settings, clock, keys
        self.talk = Talk(desk, settings.language, clock, keys, id="talk")
        self._waiting: Set[str] | None = None
        """The conversations that the agent was told to wait; None before the first look."""
        self._looking: Worker[None] | None = None
        self._trouble = ""
        """Why the last look at the store failed."""

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="body"):
            yield AgendaList(self._clock, id="agenda")
            yield self.talk
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
        return self.talk.prompt

    @property
    def conversation(self) -> Conversation | None:
        return self.talk.conversation

    def _look(self) -> None:
        """One look at a time: one that is cut off in the database leaves a traceback."""
        if self._looking is None or self._looking.is_finished:
            self._looking = self.run_worker(self._refresh(), group="looking")

    async def close(self) -> None:
        if self._looking is not None and not self._looking.is_finished:
            with suppress(WorkerCancelled, WorkerFailed):
                await self._looking.wait()
        await self.talk.close()

    @on(Talk.Changed)
    async def _refresh(self) -> None:
        """Show what changed since, whoever changed it. What fails at every look is told once."""
        try:
            items, counts, waiting = await asyncio.gather(
                self._desk.agenda(LISTED), self._desk.counts(), self._desk.waiting()
            )
            current = self.conversation.id if self.conversation else None
            self.query_one(AgendaList).show(items, current)
            self.query_one(TitleBar).show_subject(_summed_up(counts))
            self.talk.invite(INVITATION if items else EMPTY)
            await self._tell(waiting)
            await self.talk.follow()
        except KefuError as error:
            if str(error) != self._trouble:
                self._fail(error)
            self._trouble = str(error)
        else:
            self._trouble = ""

    async def show(self, conversation_id: str, at: str | None = None) -> None:
        """The list, which may be long, is drawn anew after it."""
        with self._told():
            await self.talk.show(conversation_id, at)
            await self.talk.follow()
        self._look()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the store refuses is told to the agent; the inbox goes on."""
        try:
            yield
        except KefuError as error:
            self._fail(error)

    def _fail(self, error: KefuError) -> None:
        self.notify(one_line(str(error), 500), severity="error", markup=False, timeout=8)

    # --- who newly waits

    async def _tell(self, waiting: Set[str]) -> None:
        before, self._waiting = self._waiting, waiting
        if before is None:
            if waiting:
                self._announce(_waits(len(waiting)))
            return
        new = waiting - before
        if not new:
            return
        if self._settings.bell:
            self.app.bell()
        if len(new) > TOLD:
            self._announce(f"Newly: {_waits(len(new))}")
            return
        for conversation_id in sorted(new):
            await self._introduce(conversation_id)

    async def _introduce(self, conversation_id: str) -> None:
        talk = await self._desk.log.conversation(conversation_id)
        rule = await self._desk.called_because(conversation_id)
        who = f"{one_line(talk.customer, 40) or 'A customer'} in {one_line(talk.channel, 20)}"
        told = f"{who}: {one_line(rule, 100)}" if rule else f"{who} waits for a person"
        self._announce(told, f"→ {one_line(talk.title, 60) or 'No message yet'}")

    def _announce(self, text: str, title: str = "") -> None:
        self.notify(text, title=title, markup=False, timeout=10)

    # --- conversations

    @on(OptionList.OptionSelected, "#agenda")
    async def _picked(self, event: OptionList.OptionSelected) -> None:
        assert event.option_id is not None
        await self.show(event.option_id)

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

    async def _opened(self) -> Conversation | None:
        """The chosen one, on the screen."""
        talk = self._chosen()
        if talk is not None and not self.talk.is_showing(talk.id):
            await self.show(talk.id)
        return self.conversation if talk is not None else None

    # --- help with the answer

    @work(group="dialog", exclusive=True)
    async def action_note(self) -> None:
        if (talk := await self._opened()) is None:
            return
        begun = ""
        while text := await self.app.push_screen_wait(NoteDialog(self._keys, begun)):
            try:
                await self._desk.write_note(talk.id, text)
                break
            except KefuError as error:  # what was written is not lost
                begun = text
                self._fail(error)
        await self._refresh()

    @work(group="dialog", exclusive=True)
    async def action_correct(self) -> None:
        if (talk := await self._opened()) is None:
            return
        with self._told():
            says = "The summary, for agents, reports and the model. Enter keeps your words."
            begun = await self._desk.summary(talk.id)
            dialog = NoteDialog(self._keys, begun, says, "Esc leaves the summary as it was.")
            if text := await self.app.push_screen_wait(dialog):
                await self._desk.correct(talk.id, text)
        await self._refresh()

    @work(group="dialog", exclusive=True)
    async def action_report(self) -> None:
        if self._report is None:
            self.notify("There is no report here.", markup=False)
        else:
            await self.app.push_screen_wait(ReportScreen(self._report))

    @work(group="dialog", exclusive=True)
    async def action_canned(self) -> None:
        if (talk := await self._opened()) is None:
            return
        replies = self._desk.canned(self.talk.customers_language or "en")
        if not replies:
            self.notify("No topic in kefu.toml has a reply.", markup=False)
        elif text := await self.app.push_screen_wait(CannedReplies(replies)):
            self.talk.insert(talk.id, text)

    async def action_suggest(self) -> None:
        if await self._opened():
            self.talk.suggest()

    async def action_translate(self) -> None:
        if await self._opened():
            self.talk.translate()

    async def action_translate_draft(self) -> None:
        if await self._opened():
            self.talk.translate_draft()

    def action_stop(self) -> None:
        self.talk.stop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return self.talk.is_asking
        return super().check_action(action, parameters)

    # --- moving about

    def action_toggle_case(self) -> None:
        self.toggle_class("-with-case" if self.has_class("-narrow") else "-no-case")
        if not self.query_one(AgendaList).display and self.query_one(AgendaList).has_focus:
            self.query_one(Case).focus()

    def to_list(self) -> None:
        self.remove_class("-with-case")
        self.query_one(AgendaList).focus()

    async def action_bottom(self) -> None:
        await self.talk.transcript.to_newest()

    def action_page(self, step: int) -> None:
        transcript = self.talk.transcript
        transcript.action_page_up() if step < 0 else transcript.action_page_down()

    def commands(self) -> Iterator[SystemCommand]:
        """For the palette."""
        for binding in INBOX_KEYS:
            if binding.action not in ("step(1)", "step(-1)", "stop"):
                action = getattr(self, f"action_{binding.action}")
                yield SystemCommand(binding.description, binding.tooltip, action)


def _waits(number: int) -> str:
    waits = "waits" if number == 1 else "wait"
    return f"{counted(number, 'conversation')} {waits} for a person"


def _summed_up(counts: Mapping[Need, int]) -> str:
    waiting = counts.get(Need.WAITS, 0)
    parts = [
        f"{waiting:,} {'waits' if waiting == 1 else 'wait'}" if waiting else "nobody waits",
        f"{counts.get(Need.HELD, 0):,} held",
        f"{counts.get(Need.UNHAPPY, 0):,} unhappy",
        f"{counts.get(Need.OPEN, 0):,} open",
    ]
    return " · ".join(parts)
