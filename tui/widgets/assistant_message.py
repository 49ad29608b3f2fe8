from __future__ import annotations

from markdown_it import MarkdownIt
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownStream

from bot.conversation import Message, MessageState, ReplyStatus, Role, Shortened, Timing
from bot.text import counted, printable
from tui.text import duration, one_line

STATUSES = {
    ReplyStatus.UNKNOWN: ("◇ not in the help pages", "$text-warning"),
    ReplyStatus.HANDED_OFF: ("→ a person was called", "$text-accent"),
}
STATES = {
    MessageState.STOPPED: ("■ stopped", "$text-warning"),
    MessageState.FAILED: ("✗ failed", "$text-error"),
}


def parser() -> MarkdownIt:
    """Raw HTML stays text: a reply that says <order number> must not lose it."""
    return MarkdownIt("gfm-like", {"html": False})


class AssistantMessage(Vertical):
    """A reply: streamed where it is being written, and what it took."""

    class Picked(TextualMessage):
        def __init__(self, row: AssistantMessage) -> None:
            super().__init__()
            self.row = row

    def __init__(self, message: Message | None = None, original: str = "") -> None:
        """`original`: what an agent wrote in their own language."""
        super().__init__()
        self._original = original
        self.message = message
        self.text = printable(message.text) if message else ""
        self.is_live = message is None
        """Until it is finished, stopped or failed."""
        self._footer: tuple[str | Content | tuple[str, str], ...] = ()
        self._stream: MarkdownStream | None = None
        self._shortened: Shortened | None = None

    def compose(self) -> ComposeResult:
        yield Markdown(self.text or None, parser_factory=parser, open_links=False)
        yield Static(classes="footer", markup=False)

    def on_mount(self) -> None:
        if self.message:
            self._sum_up(self.message)
        self._show_footer()

    async def on_unmount(self) -> None:
        await self.end_stream()

    def on_click(self) -> None:
        self.post_message(self.Picked(self))

    @on(Markdown.LinkClicked)
    def _open(self, event: Markdown.LinkClicked) -> None:
        """The model wrote the address: only what a browser opens safely is passed on."""
        event.stop()
        if event.href.startswith(("https://", "http://")):
            self.app.open_url(event.href)

    def say(self, stage: str) -> None:
        """What is being done before there is anything to read."""
        self._footer = (stage,)
        self._show_footer()

    def shorten(self, cut: Shortened | None) -> None:
        """What the model was not shown of the prompt: the reply's footer says it."""
        self._shortened = cut

    async def write(self, piece: str) -> None:
        piece = printable(piece)
        self.text += piece
        if self._stream is None:
            self._stream = Markdown.get_stream(self.query_one(Markdown))
            self.say("writing…")
        await self._stream.write(piece)

    async def finish(self, message: Message) -> None:
        """The checked reply takes the place of what was streamed."""
        await self.end_stream()
        self.message, self.text = message, printable(message.text)
        await self.query_one(Markdown).update(self.text)
        self._sum_up(message)
        self._show_footer()

    async def stop(self) -> None:
        """Stopped before anything was stored of it: what was written stays."""
        await self.end_stream()
        self._footer = (STATES[MessageState.STOPPED],)
        self._show_footer()

    async def fail(self, error: str) -> None:
        await self.end_stream()
        self._footer = ((f"✗ {one_line(error, 1000)}", "$text-error"),)
        self.add_class("-failed")
        self._show_footer()

    async def end_stream(self) -> None:
        self.is_live = False
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.stop()

    def _sum_up(self, message: Message) -> None:
        parts: list[str | tuple[str, str]] = []
        if message.role is Role.AGENT:
            parts.append(("a person wrote this", "$text-accent"))
        if self._original:
            parts.append((f"⇄ {one_line(self._original, 1000)}", "italic"))
        if mark := STATES.get(message.state) or (message.status and STATUSES.get(message.status)):
            parts.append(mark)
        if number := sum(citation.cited for citation in message.citations):
            parts.append((counted(number, "source"), "$text-primary"))
        if self._shortened is not None:
            parts.append((self._shortened.told, "$text-warning"))
        parts.extend(_figures(message.timing) if message.timing else [])
        self._footer = tuple(parts)

    def _show_footer(self) -> None:
        dotted = [Content.assemble(part) for part in self._footer]
        footer = self.query_one(".footer", Static)
        footer.display = bool(dotted)
        footer.update(Content(" · ").join(dotted))


def _figures(timing: Timing) -> list[str]:
    figures = []
    if timing.first_token_ms:
        figures.append(f"first token {duration(timing.first_token_ms)}")
    if timing.tokens_per_second:
        figures.append(f"{timing.tokens_per_second:.0f} tok/s")
    if timing.reused_tokens:
        figures.append(f"{timing.reused_tokens:,} reused")
    return figures
