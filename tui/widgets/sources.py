from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content, Span
from textual.widgets import Static

from bot.conversation import Citation, Passage
from bot.sentences import split_sentences
from bot.text import printable
from tui.mood import MUTED
from tui.text import one_line

MARK = "bold $text-accent"
NOTHING_SELECTED = "What an answer rests on is shown here."
NOTHING_CITED = "This answer cites no help page."


class Sources(VerticalScroll):
    """What the selected answer rests on, in the words of the help pages."""

    def compose(self) -> ComposeResult:
        yield Static("Sources", classes="heading", markup=False)
        yield Static(NOTHING_SELECTED, classes="nothing", markup=False)

    async def show(
        self, citations: Sequence[Citation] | None, passages: Sequence[Passage] = ()
    ) -> None:
        """None where no answer is selected; `passages` gives the words around the quotes."""
        with self.app.batch_update():
            await self.query(".source, .others, .nothing").remove()
            await self.mount_all(_rows(citations, passages))
        self.scroll_home(animate=False)


def _rows(citations: Sequence[Citation] | None, passages: Sequence[Passage]) -> list[Static]:
    if citations is None:
        return [Static(NOTHING_SELECTED, classes="nothing", markup=False)]
    cited = [citation for citation in citations if citation.cited]
    rows = [
        Static(_source(number, citation, passages), classes="source", markup=False)
        for number, citation in enumerate(cited, 1)
    ]
    if not rows:
        rows = [Static(NOTHING_CITED, classes="nothing", markup=False)]
    if others := [_place(citation) for citation in citations if not citation.cited]:
        read = Content("\n".join(["Read, but not used:", *others]))
        rows.append(Static(read, classes="others", markup=False))
    return rows


def _source(number: int, citation: Citation, passages: Sequence[Passage]) -> Content:
    return Content.assemble(
        (f"[{number}] ", "bold $text-primary"),
        (_place(citation), "bold"),
        "\n",
        (one_line(citation.source), MUTED),
        "\n\n",
        quoted(citation, passages),
    )


def _place(citation: Citation) -> str:
    return one_line(citation.place)


def quoted(citation: Citation, passages: Sequence[Passage]) -> Content:
    """The passage with the cited sentences marked; the quote alone where there is no more."""
    quote = printable(citation.quote).strip()
    for passage in passages:
        text = printable(passage.text).strip()
        if passage.source == citation.source and (marks := _places(text, quote)):
            spans = [Span(start, end, MARK) for start, end in marks]
            return Content(text, [Span(0, len(text), MUTED), *spans])
    return Content.styled(quote, MARK)


def _places(text: str, quote: str) -> list[tuple[int, int]]:
    """Where the sentences of `quote` stand in `text`; none unless all of them do."""
    if quote and (start := text.find(quote)) >= 0:
        return [(start, start + len(quote))]
    places = [(text.find(one), len(one)) for one in split_sentences(quote)]
    if any(start < 0 for start, _ in places):
        return []
    return [(start, start + length) for start, length in places]
