from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import ClassVar

from markdown_it import MarkdownIt
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Markdown, Static

from bot.errors import KefuError
from tui.keys import DIALOG_KEYS
from tui.text import one_line

_logger = logging.getLogger("kefu")
MakeReport = Callable[[], Awaitable[str]]
"""In Markdown: what customers wrote is escaped in it."""


def _parser() -> MarkdownIt:
    return MarkdownIt("gfm-like", {"html": False, "linkify": False})


class ReportScreen(ModalScreen[None]):
    """The figures of the last days, read like a page."""

    BINDINGS: ClassVar[list[BindingType]] = [*DIALOG_KEYS]

    def __init__(self, make: MakeReport) -> None:
        super().__init__()
        self._make = make

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="report"):
            yield Static("… the conversations are being read", id="reading", markup=False)
            yield Markdown(parser_factory=_parser, open_links=False)

    def on_mount(self) -> None:
        self.query_one("#report").focus()
        self._read()

    @work(exclusive=True, exit_on_error=False)
    async def _read(self) -> None:
        reading = self.query_one("#reading", Static)
        try:
            text = await self._make()
        except KefuError as error:
            reading.update(one_line(str(error), 500))
            return
        except Exception as error:  # a worker is a boundary
            _logger.error("the report failed", exc_info=error)
            reading.update(f"The report failed: {error!r}")
            return
        reading.display = False
        await self.query_one(Markdown).update(text)

    def action_cancel(self) -> None:
        self.dismiss(None)
