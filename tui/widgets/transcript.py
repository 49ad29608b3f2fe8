from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeAlias

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message as TextualMessage
from textual.screen import Screen
from textual.widget import Widget

from bot.conversation import Message, Role
from tui.keys import TRANSCRIPT_KEYS
from tui.widgets.assistant_message import AssistantMessage
from tui.widgets.customer_message import CustomerMessage
from tui.widgets.welcome import Welcome
from tui.window import Window

NEAR = 3
"""Lines from the edge at which more is read."""

Row: TypeAlias = CustomerMessage | AssistantMessage


class Transcript(VerticalScroll):
    """One conversation, of which only a window is mounted."""

    BINDINGS: ClassVar[list[BindingType]] = [*TRANSCRIPT_KEYS]

    class Selected(TextualMessage):
        def __init__(self, row: AssistantMessage | None) -> None:
            super().__init__()
            self.row = row

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.customer = "You"
        """What the customer is called."""
        self.translations: dict[str, str] = {}
        """Of customers' messages, by their ids: shown below them."""
        self._window: Window | None = None
        self.selected: AssistantMessage | None = None
        self._held: tuple[Row, float] | None = None
        """A row, and how far from the top it shall be as soon as the next layout is known."""

    def on_mount(self) -> None:
        self.screen.screen_layout_refresh_signal.subscribe(self, self._laid_out, immediate=True)

    @property
    def rows(self) -> list[Row]:
        return [
            row for row in self.children if isinstance(row, (CustomerMessage, AssistantMessage))
        ]

    @property
    def answers(self) -> list[AssistantMessage]:
        return [row for row in self.children if isinstance(row, AssistantMessage)]

    async def welcome(self, business: str) -> None:
        """An empty conversation."""
        self._window = None
        self.anchor(anchor=False)
        await self._replace([Welcome(business)])

    async def show(self, window: Window, at: str | None = None) -> None:
        """Show what the window holds; `at` is the id of a message to begin with."""
        self._window = window
        await self._replace([self._row(message) for message in window.mounted])
        rows = self.rows
        wanted = [row for row in rows if at and row.message and row.message.id == at]
        if wanted:
            self._select(
                next((a for a in self.answers if a in rows[rows.index(wanted[0]) :]), None)
            )
            self._held = wanted[0], 0
        else:
            self.anchor()
            self._select(self.answers[-1] if self.answers else None)

    async def add(self, row: Row) -> None:
        """A row that is said now, below all others, which the reader then follows."""
        await self.query(Welcome).remove()
        self.remove_class("-empty")
        await self.to_newest()
        await self.mount(row)
        if isinstance(row, AssistantMessage):
            self._select(row)
        self._prune_oldest()

    async def follow(self, newest: Sequence[Message]) -> None:
        """Those of them that are newer than all that is here; not while the reader is further
        back."""
        if self._window is None or self._window.has_newer:
            return
        known = max((row.message.id for row in self.rows if row.message), default="")
        for message in newest:
            if message.id > known:
                await self.add(self._row(message))
                self.record(message)

    def record(self, message: Message) -> None:
        """A row that was added has its message now."""
        if self._window is not None:
            self._window.add(message)

    def translate(self, message_id: str, translation: str) -> None:
        """Shown below the customer's message from now on."""
        self.translations[message_id] = translation
        for row in self.rows:
            if isinstance(row, CustomerMessage) and row.message and row.message.id == message_id:
                row.show_translation(translation)

    def begin(self, window: Window) -> None:
        """The new conversation on the screen has a place in the log."""
        self._window = window

    async def to_newest(self) -> None:
        if self._window is not None and self._window.has_newer:
            self._window.to_newest()
            await self._replace([self._row(message) for message in self._window.mounted])
            self._select(self.answers[-1] if self.answers else None)
        self.anchor()

    async def action_bottom(self) -> None:
        await self.to_newest()

    async def action_select(self, step: int) -> None:
        answers = self.answers
        if self.selected not in answers:
            place = len(answers) - 1
        else:
            place = answers.index(self.selected) + step
        if place < 0:
            await self._show_older()
            place = len(self.answers) - len(answers) - 1
            answers = self.answers
        if place >= len(answers):
            self.scroll_end(animate=False)
        elif place >= 0:
            self._select(answers[place])
            self.scroll_to_widget(answers[place], animate=False, top=True)
        else:
            self.scroll_home(animate=False)

    @on(AssistantMessage.Picked)
    def _picked(self, event: AssistantMessage.Picked) -> None:
        event.stop()
        self._select(event.row)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value <= NEAR:
            self._read_on(-1)
        elif new_value > old_value and new_value >= self.max_scroll_y - NEAR:
            self._read_on(1)

    def on_mouse_scroll_up(self) -> None:
        """Where all that is mounted fits on the screen, nothing scrolls."""
        if self.max_scroll_y == 0:
            self._read_on(-1)

    def action_page_up(self) -> None:
        if self.max_scroll_y == 0:
            self._read_on(-1)
        super().action_page_up()

    def _read_on(self, direction: int) -> None:
        window = self._window
        if window is None or not (window.has_older if direction < 0 else window.has_newer):
            return
        reading = self._show_older() if direction < 0 else self._show_newer()
        self.run_worker(reading, group="window", exclusive=True)

    async def _show_older(self) -> None:
        window, first = self._window, self.rows[:1]
        if window is None or not first:
            return
        messages = await window.older()
        if window is not self._window or not messages:
            return
        gap = first[0].virtual_region.y - self.scroll_y
        await self.mount_all([self._row(message) for message in messages], before=first[0])
        self._prune_newest()
        self._held = first[0], gap

    async def _show_newer(self) -> None:
        window, last = self._window, self.rows[-1:]
        if window is None or not last or not window.has_newer:
            return
        gap = last[0].virtual_region.y - self.scroll_y
        await self.mount_all([self._row(message) for message in window.newer()], after=last[0])
        self._prune_oldest()
        self._held = last[0], gap

    def _laid_out(self, _: Screen[object]) -> None:
        """Keep what the reader looks at where it is, whatever came above it."""
        if self._held is not None and self._held[0].virtual_region.height:
            (row, gap), self._held = self._held, None
            if row.is_attached:
                self.scroll_to(y=row.virtual_region.y - gap, animate=False)

    def _prune_oldest(self) -> None:
        if self._window is not None and (surplus := self._window.surplus()):
            self._window.drop_oldest(surplus)
            self._remove(self.rows[: self._place(self._window.mounted[0])])

    def _prune_newest(self) -> None:
        """Not while a reply is being written: its row is no part of the window yet."""
        if self._window is None or any(answer.is_live for answer in self.answers):
            return
        if surplus := self._window.surplus():
            self._window.drop_newest(surplus)
            self._remove(self.rows[self._place(self._window.mounted[-1]) + 1 :])

    def _place(self, message: Message) -> int:
        ids = [row.message.id if row.message else "" for row in self.rows]
        return ids.index(message.id)

    def _remove(self, rows: Sequence[Row]) -> None:
        if self.selected in rows:
            self._select(None)
        self.remove_children(list(rows))

    async def _replace(self, rows: Sequence[Widget]) -> None:
        self._held = None
        self._select(None)
        with self.app.batch_update():
            await self.remove_children()
            self.set_class(any(isinstance(row, Welcome) for row in rows), "-empty")
            await self.mount_all(rows)

    def _select(self, row: AssistantMessage | None) -> None:
        if self.selected is not None:
            self.selected.remove_class("-selected")
        self.selected = row
        if row is not None:
            row.add_class("-selected")
        self.post_message(self.Selected(row))

    def _row(self, message: Message) -> Row:
        translation = self.translations.get(message.id, "")
        if message.role is Role.CUSTOMER:
            return CustomerMessage(message.text, message, self.customer, translation)
        return AssistantMessage(message, translation)
