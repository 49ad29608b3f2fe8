from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from bot.conversation import Citation
from bot.digest.brief import Brief
from bot.store.feedback import Feedback
from bot.store.notes import Note
from bot.text import printable
from tui.mood import MUTED
from tui.text import age, one_line
from tui.widgets.sources import Sources

SHOWN = 20
"""Of the notes and of what customers think, the newest."""
LONGEST = 2_000
"""Characters of one of them."""


class Case(VerticalScroll):
    """What an agent needs to know of a conversation besides what was said."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._shown: dict[str, Content] = {}
        self._citations: Sequence[Citation] | None = None

    def compose(self) -> ComposeResult:
        yield Static("Case", classes="heading", markup=False)
        yield Static(id="digest", classes="entry", markup=False)
        yield Static("Remembered", classes="heading remembered", markup=False)
        yield Static(id="remembered", classes="entry remembered", markup=False)
        yield Static("Notes", classes="heading", markup=False)
        yield Static(id="notes", classes="entry", markup=False)
        yield Static("Feedback", classes="heading", markup=False)
        yield Static(id="feedback", classes="entry", markup=False)
        sources = Sources(id="sources")
        sources.can_focus = False  # it is this pane that scrolls
        yield sources

    def on_mount(self) -> None:
        self.show_brief(None)
        self.show_remembered("")
        self.show_notes((), datetime.now().astimezone())
        self.show_feedback(())

    def show_brief(self, brief: Brief | None) -> None:
        """None where no conversation is open."""
        if brief is None:
            self._fill(
                "#digest", [Content.styled("Open a conversation to see it in short.", MUTED)]
            )
            return
        lines = zip(("Asks", "Tried", "State"), brief.lines, strict=True)
        self._fill(
            "#digest",
            [
                Content.assemble((f"{name}  ", "bold $text-primary"), one_line(line, 500))
                for name, line in lines
            ],
        )

    def show_remembered(self, text: str) -> None:
        """Of the beginning of a long conversation; nothing where it is empty."""
        for part in self.query(".remembered"):
            part.display = bool(text)
        self._fill("#remembered", [Content(_cut(text))])

    def show_notes(self, notes: Sequence[Note], now: datetime) -> None:
        self._fill("#notes", [_note(note, now) for note in notes[-SHOWN:]], "None yet.")

    def show_feedback(self, given: Sequence[Feedback]) -> None:
        self._fill("#feedback", [_opinion(one) for one in given[-SHOWN:]], "None yet.")

    async def show_sources(self, citations: Sequence[Citation] | None) -> None:
        if citations != self._citations:
            self._citations = citations
            await self.query_one(Sources).show(citations)

    def _fill(self, name: str, entries: list[Content], nothing: str = "") -> None:
        shown = Content("\n").join(entries) if entries else Content.styled(nothing, MUTED)
        if name not in self._shown or not self._shown[name].is_same(shown):
            self._shown[name] = shown
            self.query_one(name, Static).update(shown)


def _note(note: Note, now: datetime) -> Content:
    return Content.assemble(
        (one_line(note.agent, 40), "bold"),
        (f" {age(note.written_at, now)}", MUTED),
        "\n",
        _cut(note.text),
    )


def _opinion(given: Feedback) -> Content:
    said = ("▲ helpful", "$text-success") if given.helpful else ("▼ not helpful", "$text-error")
    remark = f"\n“{_cut(given.remark)}”" if given.remark.strip() else ""
    return Content.assemble(said, (f" {one_line(given.customer, 40)}", MUTED), remark)


def _cut(text: str) -> str:
    text = printable(text).strip()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
