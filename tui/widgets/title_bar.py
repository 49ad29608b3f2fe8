from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from tui.mood import MUTED
from tui.text import one_line


class TitleBar(Horizontal):
    """Whose desk this is, which conversation, and what answers."""

    def compose(self) -> ComposeResult:
        yield Static("kefu", id="brand", markup=False)
        yield Static("", id="subject", markup=False)
        yield Static("", id="engine", markup=False)

    def show_business(self, business: str) -> None:
        name = Content.assemble(("kefu", "bold $text-primary"), ("  " + one_line(business), MUTED))
        self.query_one("#brand", Static).update(name)

    def show_subject(self, title: str) -> None:
        subject = self.query_one("#subject", Static)
        if subject.content != (shown := Content(one_line(title))):
            subject.update(shown)

    def show_engine(self, text: str) -> None:
        self.query_one("#engine", Static).update(Content(one_line(text)))
